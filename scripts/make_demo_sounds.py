"""Choose the demo sounds out of Debian's package sonic-pi-samples, and write their credits.

Only files whose paragraph in its copyright file gives the licence CC0, and no other, are taken, byte
for byte. The choice is deterministic: the smallest of every category first, then the smallest of the rest, as
far as they fit. To make the folder again, or to check that it is what this script makes::

    apt-get download sonic-pi-samples && dpkg-deb -x sonic-pi-samples_*.deb extracted
    python scripts/make_demo_sounds.py extracted            # or with --check
"""

from __future__ import annotations

import argparse
import fnmatch
import gzip
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "soundalike" / "data" / "demo"
MAX_TOTAL_BYTES = 12_000_000
CREDITS_NAME = "CREDITS.md"
CREDITS_RESERVE_BYTES = 40_000
LEAST_PER_CATEGORY = 3
LICENCE = "CC0"
CC0_ADDRESS = "https://creativecommons.org/publicdomain/zero/1.0/"

COPYRIGHT = Path("usr/share/doc/sonic-pi-samples/copyright")
CHANGELOG = Path("usr/share/doc/sonic-pi-samples/changelog.Debian.gz")
SAMPLES = Path("usr/share/sonic-pi/samples")
SAMPLES_IN_SOURCE = "etc/samples"  # where the copyright file says that the samples lie

CATEGORIES = {
    "ambi": "ambience",
    "bass": "bass",
    "bd": "kicks",
    "drum": "drums",
    "elec": "electronic",
    "guit": "guitar",
    "loop": "loops",
    "misc": "miscellaneous",
    "perc": "percussion",
    "sn": "snares",
    "tabla": "tabla",
    "vinyl": "vinyl",
}
"""The folder for every prefix of the package's file names."""


@dataclass(frozen=True)
class Stanza:
    """A paragraph of the copyright file that speaks of files.

    Attributes:
        patterns: Its file patterns; ``*`` matches slashes too, as the format says.
        authors: Its copyright holders, as written.
        source: The address that it gives, empty where it gives none.
        licence: The short name of the licence, as written.
    """

    patterns: tuple[str, ...]
    authors: str
    source: str
    licence: str


@dataclass(frozen=True)
class Sound:
    """A file that may be taken, and what the copyright file says of it."""

    path: Path
    stanza: Stanza

    @property
    def category(self) -> str:
        """The folder that it goes to."""
        return CATEGORIES[self.path.name.partition("_")[0]]

    @property
    def size_bytes(self) -> int:
        """Its size in bytes."""
        return self.path.stat().st_size


def parse_copyright(text: str) -> list[Stanza]:
    r"""Read the paragraphs about files out of a Debian copyright file.

    Args:
        text: The file's text, in the machine-readable format 1.0 (DEP-5).

    Returns:
        The paragraphs in their order; of those that match a file the last one counts.

    Example:
        >>> parse_copyright("Files: a*\nCopyright: 2011 Ann\nLicense: CC0\n")[0].patterns
        ('a*',)
    """
    stanzas = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        last = ""
        for line in paragraph.splitlines():
            if line[:1] in (" ", "\t"):
                fields[last] = f"{fields.get(last, '')}\n{line.strip()}"
            elif ":" in line:
                last, _, value = line.partition(":")
                last = last.strip().lower()
                fields[last] = value.strip()
        if "files" in fields:
            stanzas.append(
                Stanza(
                    patterns=tuple(fields["files"].split()),
                    authors=" and ".join(fields.get("copyright", "").split("\n")).removeprefix(" and "),
                    source=fields.get("source", ""),
                    licence=fields.get("license", "").split("\n")[0].strip(),
                )
            )
    return stanzas


def stanza_of(name_in_source: str, stanzas: list[Stanza]) -> Stanza | None:
    """Find the paragraph that holds for a file: the last one with a pattern that matches."""
    for stanza in reversed(stanzas):
        if any(fnmatch.fnmatchcase(name_in_source, pattern) for pattern in stanza.patterns):
            return stanza
    return None


def free_sounds(extracted: Path) -> list[Sound]:
    """List the samples that are CC0 alone, by name."""
    stanzas = parse_copyright((extracted / COPYRIGHT).read_text(encoding="utf-8"))
    sounds = []
    for path in sorted((extracted / SAMPLES).glob("*.flac")):
        stanza = stanza_of(f"{SAMPLES_IN_SOURCE}/{path.name}", stanzas)
        if stanza is not None and stanza.licence == LICENCE:
            sounds.append(Sound(path, stanza))
    return sounds


def choose(sounds: list[Sound]) -> list[Sound]:
    """Choose as many as fit, some of every category; sorted by category and name."""
    by_size = sorted(sounds, key=lambda sound: (sound.size_bytes, sound.path.name))
    counts: dict[str, int] = {}
    first: list[Sound] = []
    rest: list[Sound] = []
    for sound in by_size:
        counts[sound.category] = counts.get(sound.category, 0) + 1
        (first if counts[sound.category] <= LEAST_PER_CATEGORY else rest).append(sound)
    chosen, total_bytes = [], CREDITS_RESERVE_BYTES
    for sound in [*first, *rest]:
        if total_bytes + sound.size_bytes <= MAX_TOTAL_BYTES:
            chosen.append(sound)
            total_bytes += sound.size_bytes
    return sorted(chosen, key=lambda sound: (sound.category, sound.path.name))


def credits_text(chosen: list[Sound], version: str) -> str:
    """Write the credits, one row per file."""
    rows = [
        f"| {sound.category}/{sound.path.name} | {SAMPLES_IN_SOURCE}/{sound.path.name} "
        f"| {sound.stanza.authors} | <{sound.stanza.source}> | {sound.stanza.licence} |"
        for sound in chosen
    ]
    head = f"""\
# Credits of the demo sounds

These {len(chosen)} sounds come unchanged from Debian's package sonic-pi-samples {version}. Authors, sources
and licences are those of the package's copyright file. All are dedicated to the public domain by
[CC0 1.0]({CC0_ADDRESS}). Written by `scripts/make_demo_sounds.py`.

| file | in the source package | author | source | licence |
|---|---|---|---|---|
"""
    return head + "\n".join(rows) + "\n"


def package_version(extracted: Path) -> str:
    """Read the package's version off the first line of its changelog."""
    with gzip.open(extracted / CHANGELOG, "rt", encoding="utf-8") as file:
        match = re.match(r"\S+ \((\S+)\)", file.readline())
    return match.group(1) if match else "of an unknown version"


def expected_files(extracted: Path) -> dict[str, bytes]:
    """Everything that the folder has to hold, by its path in the folder."""
    chosen = choose(free_sounds(extracted))
    files = {f"{sound.category}/{sound.path.name}": sound.path.read_bytes() for sound in chosen}
    files[CREDITS_NAME] = credits_text(chosen, package_version(extracted)).encode()
    return files


def main() -> int:
    """Write the folder, or check it; give the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("extracted", type=Path, help="folder that the Debian package was extracted to")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the folder differs")
    arguments = parser.parse_args()
    files = expected_files(arguments.extracted)
    if arguments.check:
        held = {p.relative_to(TARGET).as_posix(): p for p in TARGET.rglob("*") if p.is_file()}
        wrong = sorted(
            name
            for name in files.keys() | held.keys()
            if name not in files or name not in held or held[name].read_bytes() != files[name]
        )
        for name in wrong:
            print(f"differs: {name}", file=sys.stderr)
        return 1 if wrong else 0
    shutil.rmtree(TARGET, ignore_errors=True)
    for name, content in files.items():
        path = TARGET / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"{len(files) - 1} sounds, {sum(map(len, files.values())):,} bytes with the credits")
    return 0


if __name__ == "__main__":
    sys.exit(main())
