"""Which of a library's sounds a training never sees: whole folders or packs, chosen before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from soundalike.core.arrays import BoolArray
from soundalike.core.errors import TrainingError
from soundalike.core.units import human_count
from soundalike.evaluation import group_split
from soundalike.library import Filters, Library

FEWEST_SOUNDS = 10
"""Fewer cannot be divided into sounds to learn from and sounds to judge by."""

HELD_OUT_SHARE = 0.2
_LEAST_SHARE, _GREATEST_SHARE = 0.05, 0.5
_WIDER = 1.75  # times the share: among five folders one alone cannot be told apart, two can
_DRAWS = 200  # ways to hold groups out that are tried: enough to find a good one among a dozen packs

By: TypeAlias = Literal["folder", "sub-folder", "sound"]


@dataclass(frozen=True, slots=True)
class LibrarySound:
    """A sound of a library whose file should be there.

    Attributes:
        uri: Where its file lies.
        folders: The place that was added, then the folders and archives below it that the file lies in.
        duration_s: How long it is.
    """

    uri: str
    folders: tuple[str, ...]
    duration_s: float

    @property
    def label(self) -> str:
        """The folder that it lies in, whole."""
        return "/".join(self.folders)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Which sounds are held out.

    Attributes:
        rows: True where a sound is held out, shape ``(N,)``.
        by: What was kept together: ``"folder"`` (the first below the place that was added), ``"sub-folder"``,
            or nothing but the ``"sound"`` itself.
    """

    rows: BoolArray
    by: By


def trainable_sounds(library: Library) -> list[LibrarySound]:
    """List the sounds of a library that can be trained on: there when last looked for, and not silent.

    Args:
        library: The library.

    Raises:
        TrainingError: There are too few.
    """
    everything = library.sounds(Filters(include_missing=True))
    there = [sound for sound in everything if not sound.missing]
    heard = [sound for sound in there if not sound.silent]
    if len(heard) < FEWEST_SOUNDS:
        words = [human_count(len(everything), "different sound") + f" in {library.path}"]
        words += [f"{len(everything) - len(there)} of them missing"] if len(there) < len(everything) else []
        words += [f"{len(there) - len(heard)} of them silent"] if len(heard) < len(there) else []
        raise TrainingError(
            f"Training needs at least {FEWEST_SOUNDS} different sounds that are there and not silent, to "
            f"learn from some and judge by others; got {', '.join(words)}."
        )
    roots = sorted(library.info().roots, key=len, reverse=True)  # the innermost of nested places first
    return [LibrarySound(sound.path, folders_of(sound.path, roots), sound.duration_s) for sound in heard]


def folders_of(uri: str, roots: Sequence[str]) -> tuple[str, ...]:
    """Name the folders that a file lies in, from the place that was added inwards.

    Args:
        uri: The file's.
        roots: The places, innermost first.

    Example:
        >>> folders_of("/sounds/pack.zip!/kicks/808.wav", ["/sounds"])
        ('/sounds', 'pack.zip', 'kicks')
    """
    for root in roots:
        inside = uri.removeprefix(root)
        if inside != uri and inside.startswith(("/", "\\", "!/")):
            parts = inside.replace("!/", "/").replace("\\", "/").strip("/").split("/")
            return (root, *parts[:-1])
    return (uri.replace("\\", "/").rpartition("/")[0],)


def choose_held_out(sounds: Sequence[LibrarySound], seed: int, share: float = HELD_OUT_SHARE) -> HeldOut:
    """Choose about a fifth of all sounds: whole folders, as sounds of one pack are too much alike.

    Among several ways to hold whole folders out, one that leaves two folders of two sounds each to be told
    apart is preferred, then the one nearest to the share. Where whole folders leave nothing to learn from or
    to judge by, whole sub-folders are held out; where these do as well, single sounds.

    Args:
        sounds: All sounds.
        seed: Of the draw.
        share: About which share is held out.

    Returns:
        The choice.
    """
    rng = np.random.default_rng(seed)
    labels = np.array([sound.label for sound in sounds])
    for depth in range(2, max(3, 1 + max(len(sound.folders) for sound in sounds))):
        groups = np.array(["/".join(sound.folders[:depth]) for sound in sounds])
        rows = _best_draw(groups, labels, share, rng)
        if rows is not None:
            return HeldOut(rows, "folder" if depth == 2 else "sub-folder")
    rows = np.zeros(len(sounds), np.bool_)
    rows[group_split(np.arange(len(sounds)), share, rng)[1]] = True
    return HeldOut(rows, "sound")


def _best_draw(
    groups: np.ndarray[tuple[int], np.dtype[np.str_]],
    labels: np.ndarray[tuple[int], np.dtype[np.str_]],
    share: float,
    rng: np.random.Generator,
) -> BoolArray | None:
    """Draw whole groups again and again, and keep the best; None where none is fit."""
    if len(np.unique(groups)) < 2:
        return None
    best: BoolArray | None = None
    best_rank = (False, -np.inf)
    for draw in range(_DRAWS):
        _, held = group_split(groups, share if draw % 2 else min(_GREATEST_SHARE, _WIDER * share), rng)
        part = len(held) / len(groups)
        if len(held) < 2 or not _LEAST_SHARE <= part <= _GREATEST_SHARE:
            continue
        rank = (count_labels(labels[held].tolist()) >= 2, -abs(part - share))
        if rank > best_rank:
            best_rank = rank
            best = np.zeros(len(groups), np.bool_)
            best[held] = True
    return best


def count_labels(labels: Sequence[str]) -> int:
    """Count the labels that at least two sounds have.

    Example:
        >>> count_labels(["kick", "kick", "snare"])
        1
    """
    return sum(count > 1 for count in Counter(labels).values())
