"""A library in figures, and what could not be used or was odd."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from soundalike.library import Library


def test_figures(library: Library, samples: Path) -> None:
    info = library.info()
    sounds = library.sounds()
    assert (info.path, info.sounds, info.files, info.missing, info.errors) == (
        library.path,
        len(sounds),
        26,
        0,
        1,
    )
    assert info.audio_s == pytest.approx(sum(sound.duration_s for sound in sounds))
    assert info.hours == pytest.approx(info.audio_s / 3600)
    assert info.roots == (str(samples),)
    assert info.size_bytes == sum(p.stat().st_size for p in library.path.rglob("*") if p.is_file())


def test_its_encoder(library: Library) -> None:
    (encoder,) = library.info().encoders
    spec = library.encoder.spec
    assert (encoder.name, encoder.fingerprint, encoder.dims, encoder.metric, encoder.default) == (
        spec.name,
        spec.fingerprint,
        spec.dims,
        spec.metric,
        True,
    )
    assert encoder.segments == len(library.vectors(segments=True)[0])


def test_an_empty_library(empty: Library) -> None:
    assert repr(empty) == f"Library({str(empty.path)!r})"
    info = empty.info()
    assert (info.sounds, info.files, info.errors, info.audio_s, info.roots, info.encoders) == (
        0, 0, 0, 0.0, (), (),
    )  # fmt: skip


def test_errors_are_listed_until_they_are_mended(empty: Library, kicks: Path) -> None:
    (kicks / "b.wav").write_text("not sound")
    (kicks / "a.wav").touch()
    report = empty.add(kicks)
    assert sorted(report.failed, key=lambda failure: failure.uri) == empty.errors()
    assert [Path(failure.uri).name for failure in empty.errors()] == ["a.wav", "b.wav"]
    (kicks / "a.wav").unlink()
    (kicks / "b.wav").write_bytes(min(kicks.glob("*.flac")).read_bytes())
    empty.add(kicks)
    assert empty.errors() == []
    assert empty.info().errors == 0


def test_warnings_are_kept(empty: Library, kicks: Path, write_tone: Callable[..., Path]) -> None:
    path = write_tone(kicks / "tone.wav")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    report = empty.add(kicks)
    assert [failure.uri for failure in report.warnings] == [str(path)]
    assert empty.warnings() == report.warnings
    assert Library.open(empty.path).warnings() == report.warnings
