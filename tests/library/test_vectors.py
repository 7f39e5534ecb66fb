"""Vectors and waveforms as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import decode, encode_wav
from soundalike.core.errors import NotFoundError
from soundalike.library import Library


def test_a_row_per_sound(library: Library) -> None:
    names, vectors = library.vectors()
    assert sorted(names) == [sound.path for sound in library.sounds()]
    assert vectors.shape == (library.count(), library.encoder.spec.dims)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-5)


def test_names_belong_to_their_rows(library: Library) -> None:
    names, vectors = library.vectors()
    for row in (0, len(names) // 2, len(names) - 1):
        assert library.search_vector(vectors[row], limit=1)[0].sound.path == names[row]


def test_a_row_per_segment(library: Library) -> None:
    names, vectors = library.vectors(segments=True)
    assert len(names) == len(vectors) == library.info().encoders[0].segments
    assert set(names) == {sound.path for sound in library.sounds()}
    longest = max(library.sounds(), key=lambda sound: sound.duration_s)
    assert names.count(longest.path) == max(names.count(name) for name in set(names)) > 1


def test_rows_are_in_the_order_in_which_they_were_added(empty: Library, kicks: Path) -> None:
    first, second = sorted(kicks.iterdir())[:2]
    empty.add(second)
    empty.add(first)
    assert empty.vectors()[0] == [str(second), str(first)]


def test_silent_sounds_have_no_row(empty: Library, kicks: Path) -> None:
    (kicks / "silence.wav").write_bytes(encode_wav(np.zeros(22050, np.float32), 22050))
    empty.add(kicks)
    assert empty.sound(kicks / "silence.wav").silent
    assert len(empty.vectors()[0]) == len(empty.sounds()) - 1 == 4


def test_an_empty_library_has_no_rows(empty: Library) -> None:
    names, vectors = empty.vectors()
    assert (names, vectors.shape) == ([], (0, empty.encoder.spec.dims))


def test_the_waveform_is_the_sounds(library: Library, samples: Path) -> None:
    path = samples / "kicks" / "bd_808.flac"
    peaks = library.peaks(library.sound(path))
    assert peaks.shape[1:] == (2,)
    assert peaks.dtype == np.int8
    wave = decode(path, rate_hz=library.encoder.spec.rate_hz).samples
    assert peaks[:, 1].max() / 127 == pytest.approx(wave.max(), abs=0.02)
    assert peaks[:, 0].min() / 127 == pytest.approx(wave.min(), abs=0.02)
    assert np.array_equal(library.peaks(str(path)), peaks)
    with pytest.raises(NotFoundError, match="no sound with the id or path"):
        library.peaks("nothing")
