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
_VOICE_FOLDERS = {
    "asterisk-core-sounds-en-wav": re.compile(r".*/sounds/[^/]+/"),
    "flightgear-data-base": re.compile(r".*/Sounds/(?:mk-viii|tcas/[^/]+)/"),
    "hedgewars-data": re.compile(r".*/voices/[^/]+/"),
    "klettres-data": re.compile(r".*/klettres/[^/]+/"),
    "ktuberling-data": re.compile(r".*/sounds/[^/]+/"),
    "trigger-rally-data": re.compile(r".*/codriver/[^/]+/"),
    "unknown-horizons": re.compile(r".*/voice/[^/]+/[^/]+/"),
    "0ad-data": re.compile(r".*/voice/[^/]+/civ/civ_(?:fe)?male(?=_)"),
}
"""Where packages keep the recordings of one voice. Others mix voices in a folder, or spread one over many."""


def with_kinship(sounds: Sequence[TrainingSound]) -> tuple[TrainingSound, ...]:
    """Add facts that relations are told by.

    Args:
        sounds: Of the corpus, with the facts ``package`` and ``kind``, and ``file`` where they were files.

    Returns:
        The same with more facts: ``family`` for effects whose names differ in a trailing number alone,
        within a folder; ``drum`` and ``kit`` for drums whose names tell them; ``recorded_speaker`` for
        recorded speech of packages that keep voices apart.
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
        speaker = _speaker(facts.get("package", ""), file)
        if speaker:
            found["recorded_speaker"] = speaker
    return found


def _speaker(package: str, file: str) -> str:
    """The package and the folder of a voice; empty where folders do not tell voices."""
    folder = _VOICE_FOLDERS.get(package)
    match = folder.match(file) if folder else None
    return f"{package}/{match.group().rstrip('/')}" if match else ""


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
