"""When is a new encoder better than the old one? The rule by which a library is switched, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

FOLDER_MAP = "folder mAP"
NEAR_DUPLICATES = "near-duplicates"
SAME_FILE = "same file"

MOST_FALL = 0.02
"""By how much a measure may fall without standing in the way."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """How a measure changed from the old encoder to the new one, on the same sounds.

    Attributes:
        measure: ``"folder mAP"``, ``"near-duplicates"`` or ``"same file"``.
        old: The old encoder's figure.
        new: The new one's.
        change: ``new - old``.
        low: Lower bound of the change's 95 % interval, by the paired bootstrap; None where there is nothing
            to draw from.
        high: Upper bound.
    """

    measure: str
    old: float
    new: float
    change: float
    low: float | None
    high: float | None


class Differences(Protocol):
    """What is decided on."""

    @property
    def differences(self) -> Sequence[Difference]:
        """Each measure that there was something to measure for."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to switch.

    Attributes:
        switch: True where the new encoder is better.
        why: The reason, as a sentence.
    """

    switch: bool
    why: str


def decide(comparison: Differences) -> Decision:
    """Decide whether a new encoder is better than the old one.

    It is where both hold: on folder mAP, or without folders on near-duplicates, the lower bound of the
    change's 95 % interval lies above zero; and neither of the two falls by more than 0.02. Retrieval of the
    same file is what training aims at: it is shown, and decides nothing.

    Args:
        comparison: What :func:`soundalike.studies.compare_encoders` found.

    Returns:
        The decision, with its reason.

    Example:
        >>> from types import SimpleNamespace
        >>> change = Difference("near-duplicates", 0.8, 0.9, 0.1, 0.05, 0.15)
        >>> decide(SimpleNamespace(differences=[change])).switch
        True
    """
    known = {one.measure: one for one in comparison.differences if one.measure != SAME_FILE}
    judge = known.get(FOLDER_MAP) or known.get(NEAR_DUPLICATES)
    if judge is None:
        return Decision(False, "there was nothing to judge by: no folders, and no copies to find.")
    if judge.low is None:
        return Decision(
            False, f"{judge.measure} changed by {judge.change:+.3f}, on too few sounds to be sure of it."
        )
    interval = f"{judge.change:+.3f}, 95 % interval {judge.low:+.3f} to {_number(judge.high)}"
    fallen = [one for one in known.values() if one.change < -MOST_FALL - _ROUNDING]
    worst = min(fallen, key=lambda one: one.change, default=None)
    falls = f"{worst.measure} falls by {-worst.change:.3f}, more than {MOST_FALL:g}" if worst else ""
    if not judge.low > 0.0:
        also = f", and {falls}" if worst and worst is not judge else ""
        return Decision(False, f"{judge.measure} is not better with certainty ({interval}){also}.")
    if falls:
        return Decision(False, f"{judge.measure} is better ({interval}), but {falls}.")
    return Decision(True, f"{judge.measure} is better ({interval}), and nothing falls by over {MOST_FALL:g}.")


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.3f}"
