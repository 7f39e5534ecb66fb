"""What a scan comes to, held against what the library knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from soundalike.ingest.plan import KnownFile, make_plan
from soundalike.sources import Source, source_for
from soundalike.sources.files import FileSource

ELSEWHERE = {f"/elsewhere/{n}.wav": KnownFile("a" * 32, 1, 1, missing=False, failed=False) for n in range(50)}


def touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not looked into")
    return path


def test_single_files_do_not_ask_about_every_known_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def covers(self: FileSource, uri: str) -> bool:
        asked.append(uri)
        return uri == self.root

    monkeypatch.setattr(FileSource, "covers", covers)
    sources = [source_for(touched(tmp_path / f"{n}.wav")) for n in range(20)]
    plan = make_plan(sources, ELSEWHERE, set())
    assert (len(plan.todo), plan.vanished, asked) == (20, [], [])


def test_vanished_files_are_found_once_and_in_their_own_places_only(tmp_path: Path) -> None:
    here = touched(tmp_path / "drums" / "here.wav")
    gone = [str(tmp_path / "drums" / name) for name in ("b.wav", "a.wav")]
    away = str(tmp_path / "drums" / "away.wav")
    known = {
        **ELSEWHERE,
        **{uri: KnownFile("b" * 32, 1, 1, missing=False, failed=False) for uri in gone},
        away: KnownFile("b" * 32, 1, 1, missing=True, failed=False),
    }
    sources: list[Source] = [source_for(here), source_for(tmp_path / "drums"), source_for(tmp_path)]
    plan = make_plan(sources, known, set())
    assert [item.uri for item in plan.todo] == [str(here)]
    assert plan.vanished == gone
