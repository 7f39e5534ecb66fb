"""What every index is: add, query, remove, save and load over plain arrays. It never knows of audio."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Literal, Self, TypeAlias

from soundalike.core.arrays import BoolArray, FloatArray, IntArray

Metric: TypeAlias = Literal["cosine", "euclidean"]


class Index(ABC):
    """Finds the nearest of many vectors. Vectors are known by the integer ids that they were added with.

    Distances are in the metric, smaller is nearer: cosine is ``1 - cos`` in ``[0, 2]``, euclidean the length
    of the difference (not its square); a vector of length zero is at cosine distance 1 from everything. Ties
    are broken by the smaller id, so that results are stable. Distances are exact to float32 in every kind;
    only what is found may differ.

    Args:
        dims: Size D of every vector.
        metric: ``"cosine"`` or ``"euclidean"``.
    """

    kind: ClassVar[str]
    """The name that it is registered under."""

    exact: ClassVar[bool]
    """Whether it always finds the very nearest."""

    metric: Metric
    dims: int

    @abstractmethod
    def __init__(self, dims: int, metric: Metric) -> None: ...

    @abstractmethod
    def add(self, ids: IntArray, vectors: FloatArray) -> None:
        """Add vectors ``(N, D)`` under new ids ``(N,)``.

        Raises:
            InvalidInputError: An id is there already or negative, or the shapes do not fit.
        """

    @abstractmethod
    def remove(self, ids: IntArray) -> int:
        """Forget vectors; ids that are not there are passed over. Returns how many were forgotten."""

    @abstractmethod
    def query(
        self, queries: FloatArray, k: int, *, allowed: BoolArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Find the k nearest vectors of each query.

        Args:
            queries: Shape ``(Q, D)``, float32.
            k: How many to find, at least 1.
            allowed: Boolean mask over ids, shape ``(largest id + 1,)``: only ids that are True are found.

        Returns:
            Ids ``(Q, K)`` and distances ``(Q, K)``, nearest first; where fewer could be found, the rest
            is id -1 at distance infinity.
        """

    @abstractmethod
    def vectors_of(self, ids: IntArray) -> FloatArray:
        """Give back vectors by their ids, shape ``(N, D)``, as they were added.

        Raises:
            NotFoundError: An id is not there.
        """

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write to a folder, all or nothing."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote, memory-mapped where that is possible.

        Raises:
            IndexFormatError: Damaged, cut short, or of another kind or a newer version.
        """

    @abstractmethod
    def __len__(self) -> int:
        """How many vectors can be found."""
