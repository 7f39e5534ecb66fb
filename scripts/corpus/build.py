"""Assemble the training corpus out of free packages, rendered instruments and synthetic speech.

Downloads packages with ``apt-get download`` and ``pip download``, takes their audio files only, decodes them,
drops what an evaluation set holds, and writes a folder of sounds to train on, ``OUT/train``, one of labelled
sounds held out of it, ``OUT/dev``, and ``OUT/corpus.json``. Run again, it goes on where it stopped::

    python scripts/corpus/build.py --work work --out corpus --against esc10 --against fsdd
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the scripts are no installed package

from scripts.corpus.assemble import Shard, open_shard, write_corpus
from scripts.corpus.evaluation import EvaluationClips, read_evaluation_sets
from scripts.corpus.instruments import FONTS, make_instruments_shard
from scripts.corpus.matching import Match, cached_matches, counts, left_out
from scripts.corpus.report import Row, as_table
from scripts.corpus.shards import make_shard
from scripts.corpus.speech import make_speech_shard
from scripts.corpus.table import Part, read_table
from scripts.corpus.words import PACKAGE as SPOKEN_WORDS
from scripts.corpus.words import make_words_shard

from soundalike.core.errors import TrainingError

SPEECH_HOURS = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the corpus; returns the exit code."""
    options = _parser().parse_args(arguments)
    folders, parts = _make_shards(options)
    clips = _evaluation_clips(options.against, options.work, options.processes)
    shards: list[Shard] = []
    matches: list[Match] = []
    for folder in folders:
        shard = open_shard(folder, parts.get(folder.name), options.seed)
        if clips is not None:
            found = cached_matches(folder, shard.summary, clips, options.work, options.processes)
            print(f"{folder.name}: in an evaluation set {counts(found) or 'none'}", flush=True)
            shard.left_out.update(left_out(shard.sounds, found))
            matches += found
        shards.append(shard)
    rows = write_corpus(shards, options.out / "train", options.out / "dev")
    _write_report(options, rows, matches)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for downloads and decoded packages")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the corpus into")
    parser.add_argument(
        "--against", type=Path, action="append", default=[], help="an evaluation set, to avoid"
    )
    parser.add_argument("--packages", nargs="+", default=["*"], help="names of parts, or patterns of them")
    parser.add_argument("--processes", type=int, default=2, help="how many files are decoded at a time")
    parser.add_argument(
        "--seed", type=int, default=0, help="decides what is taken, rendered, said and held out"
    )
    return parser


def _make_shards(options: argparse.Namespace) -> tuple[list[Path], dict[str, Part]]:
    def asked_for(name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in options.packages)

    parts = {part.name: part for part in read_table() if asked_for(part.name)}
    work, seed, processes = options.work, options.seed, options.processes
    folders = []
    for number, part in enumerate(parts.values(), start=1):
        print(f"[{number}/{len(parts)}] {part.name}", flush=True)
        folders.append(make_shard(part, work, seed, processes))
    fonts = [font for font in FONTS if asked_for(font.package)]
    folders += [make_instruments_shard(font, work, seed, processes) for font in fonts]
    if asked_for("espeak-ng"):
        folders.append(make_speech_shard(work, SPEECH_HOURS, seed, processes))
    if asked_for(SPOKEN_WORDS):
        folders.append(make_words_shard(work, seed, processes))
    return folders, parts


def _evaluation_clips(folders: Sequence[Path], work: Path, processes: int) -> EvaluationClips | None:
    if not folders:
        print("No evaluation sets to compare with: pass --against to drop what they hold.", flush=True)
        return None
    absent = [str(folder) for folder in folders if not folder.is_dir()]
    if absent:
        raise SystemExit(f"--against expects folders of audio files; there is no {', '.join(absent)}.")
    try:
        sounds = read_evaluation_sets(folders, work, processes)
    except TrainingError as error:
        raise SystemExit(f"--against: {error}") from error
    print(f"{len(sounds)} evaluation clips, {sounds.hours:.2f} h", flush=True)
    return EvaluationClips(sounds, processes)


def _write_report(options: argparse.Namespace, rows: list[Row], matches: list[Match]) -> None:
    compared = bool(options.against)
    document = {
        "seed": options.seed,
        "parts": rows,
        "evaluation": {
            "compared_with": sorted(folder.name for folder in options.against),
            "found": counts(matches),
            "matches": [asdict(match) for match in matches],
        },
    }
    (options.out / "corpus.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(as_table(rows))
    if compared:
        found = Counter(counts(matches))
        near = found.pop("near", 0)
        total = sum(found.values())
        print(f"In an evaluation set, left out: {total} sounds {dict(found)}; near misses: {near}.")


if __name__ == "__main__":
    sys.exit(main())
