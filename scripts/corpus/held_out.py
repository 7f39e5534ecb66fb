"""Which sounds are held out of the corpus as the development set, and their labels."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath

from scripts.corpus.programmes import PROGRAMMES

from soundalike.training import TrainingSound

LEAST_OF_A_LABEL = 3
LEAST_OF_A_FOLDER = 4
SHARE_OF_WORDS = 0.2
SHARE_OF_SPEAKERS = 0.2

_TRAILING_NUMBER = re.compile(r"[-_ ]?\d+$")
_PLAIN_FAMILY = re.compile(r"^[a-z]+$")

DRUMS: tuple[tuple[str, str], ...] = (
    ("kick", r"kick|bass ?drum|\bbd"),
    ("hat", r"hat|\bhh|hi.?h"),
    ("snare", r"snare|\bsn\b|\bsn\d|\bsd"),
    ("tom", r"tom"),
    ("crash", r"crash"),
    ("ride", r"ride"),
    ("splash", r"splash"),
    ("china", r"china"),
    ("stick", r"stick|\brim|xstick"),
    ("clap", r"clap"),
    ("cowbell", r"cow ?bell|\bcb"),
    ("shaker", r"shaker|maraca|cabasa|caxixi"),
    ("tambourine", r"tamb"),
    ("bongo", r"bongo"),
    ("conga", r"conga"),
    ("djembe", r"djembe"),
    ("dunun", r"dunun|kenkeni|sangban"),
    ("agogo", r"agogo"),
    ("snap", r"snap"),
    ("glass", r"glass"),
)
"""Types of drum, and how a file's name shows them; the first that matches counts."""


def label_of_programme(programme: int) -> str:
    """Label of a General MIDI programme that is held out, every fifth is; empty for the others."""
    return PROGRAMMES[programme] if programme % 5 == 2 else ""


def labels_of_variants(sounds: Sequence[TrainingSound]) -> dict[str, str]:
    """Label sounds that differ in a trailing number alone: ``archer_die1`` and ``archer_die2`` are alike.

    Args:
        sounds: With the fact ``file``.

    Returns:
        Labels by sound name, of families of at least three. A family called by one plain word, such as
        ``die1``, is told apart by its folder.
    """
    families: dict[str, list[str]] = defaultdict(list)
    for sound in sounds:
        path = PurePosixPath(sound.facts["file"])
        stem = path.stem.lower()
        family = _TRAILING_NUMBER.sub("", stem)
        if family == stem or sound.facts["kind"] == "music":
            continue
        if _PLAIN_FAMILY.match(family):
            folder = path.parent.parent if path.parent.name == "sounds" else path.parent
            family = f"{folder.name}/{family}"
        families[family].append(sound.name)
    return {
        name: family for family, names in families.items() if len(names) >= LEAST_OF_A_LABEL for name in names
    }


def labels_of_folders(sounds: Sequence[TrainingSound], root: str) -> dict[str, str]:
    """Label sounds by their folder; a folder of fewer than four sounds counts as its parent.

    Args:
        sounds: With the fact ``file``.
        root: The folder that labels are relative to.

    Returns:
        Labels by sound name; none for sounds in groups that stay too small at the top.
    """
    folders = {sound.name: PurePosixPath(sound.facts["file"]).parent.relative_to(root) for sound in sounds}
    while True:
        sizes = Counter(folders.values())
        small = [
            folder for folder, size in sizes.items() if size < LEAST_OF_A_FOLDER and len(folder.parts) > 1
        ]
        if not small:
            break
        deepest = max(small, key=lambda folder: (len(folder.parts), folder))
        folders = {name: folder.parent if folder == deepest else folder for name, folder in folders.items()}
    return {
        name: folder.as_posix()
        for name, folder in folders.items()
        if sizes[folder] >= LEAST_OF_A_LABEL and folder.parts
    }


def drum_of(file_name: str) -> str:
    """Type of a drum by its file's name, empty where the name does not show it.

    Example:
        >>> drum_of("SabianHatOpen-Softest.wav"), drum_of("beats_06-32.flac")
        ('hat', '')
    """
    words = re.sub(r"[_\-.]", " ", PurePosixPath(file_name).stem.lower())
    return next((drum for drum, pattern in DRUMS if re.search(pattern, words)), "")


def held_out_kits(kits: Mapping[str, Sequence[str]], seed: int) -> set[str]:
    """A third of the drum kits, out of those whose file names mostly tell the drum.

    Args:
        kits: File names by kit.
        seed: Decides which.
    """
    telling = sorted(
        kit for kit, names in kits.items() if sum(bool(drum_of(name)) for name in names) >= 0.6 * len(names)
    )
    return set(random.Random(f"{seed} kits").sample(telling, max(1, round(len(kits) / 3))))


def held_out_words(sounds: Sequence[TrainingSound], said_elsewhere: AbstractSet[str], seed: int) -> set[str]:
    """A fifth of the English words, out of those that no other part of the corpus says.

    Args:
        sounds: With the facts ``text`` and ``language``.
        said_elsewhere: Words that are trained on whatever is held out here.
        seed: Decides which.
    """
    words = {sound.facts["text"] for sound in sounds if sound.facts["language"] == "en"}
    count = round(SHARE_OF_WORDS * len(words))
    return set(random.Random(f"{seed} words").sample(sorted(words - said_elsewhere), count))


def held_out_speakers(sounds: Sequence[TrainingSound], seed: int) -> set[str]:
    """A fifth of those who speak English: of espeak-ng's speakers, and of the people recorded by others.

    A person whose recordings two engines use is one speaker: both voices are held out, or neither.

    Args:
        sounds: With the facts ``speaker``, ``engine`` and ``language``.
        seed: Decides who.
    """
    english = [sound.facts for sound in sounds if sound.facts["language"] == "en"]
    computed = {facts["speaker"] for facts in english if facts["engine"] == "espeak-ng"}
    recorded = {facts["speaker"] for facts in english} - computed
    rng = random.Random(f"{seed} speakers")
    return {
        speaker
        for some in (computed, recorded)
        for speaker in rng.sample(sorted(some), round(SHARE_OF_SPEAKERS * len(some)))
    }
