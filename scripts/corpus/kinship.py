"""What files' names and folders tell beside the facts of a sound: families of variants, drums, speakers."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from scripts.corpus.held_out import drum_of

from soundalike.training import TrainingSound

_NUMBER = re.compile(r"[-_ ]?\d+$")
_MOST_OF_A_FAMILY = 40


def with_kinship(sounds: Sequence[TrainingSound]) -> tuple[TrainingSound, ...]:
    """Add facts that relations are told by.

    Args:
        sounds: Of the corpus, with the facts ``package`` and ``kind``, and ``file`` where they were files.

    Returns:
        The same with more facts: ``family`` for effects whose names differ in a trailing number alone,
        within a folder; ``drum`` and ``kit`` for drums whose names tell them; ``recorded_speaker`` for
        recorded speech, which packages keep in a folder for every voice.
    """
    families = [_family(sound) for sound in sounds]
    sizes = Counter(families)
    families = [family if 2 <= sizes[family] <= _MOST_OF_A_FAMILY else "" for family in families]
    return tuple(
        dataclasses.replace(sound, facts={**sound.facts, **_facts(sound, family)})
        for sound, family in zip(sounds, families, strict=True)
    )


def _facts(sound: TrainingSound, family: str) -> dict[str, str]:
    facts = sound.facts
    file = facts.get("file", "")
    found: dict[str, str] = {}
    if family:
        found["family"] = family
    if facts.get("kind") == "drum" and file:
        drum = drum_of(file)
        if drum:
            found |= {"drum": drum, "kit": PurePosixPath(file).parent.as_posix()}
    if facts.get("kind") == "speech" and file:
        found["recorded_speaker"] = f"{facts.get('package', '')}/{PurePosixPath(file).parent.as_posix()}"
    return found


def _family(sound: TrainingSound) -> str:
    """Folder and name without its trailing number; empty for what is no numbered effect."""
    file = sound.facts.get("file", "")
    if sound.facts.get("kind") != "effect" or not file:
        return ""
    path = PurePosixPath(file)
    stem = _NUMBER.sub("", path.stem.lower())
    if not stem or stem == path.stem.lower():
        return ""
    return f"{sound.facts.get('package', '')}/{path.parent.as_posix()}/{stem}"
