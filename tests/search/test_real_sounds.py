"""Searching real sounds with the spectral encoder."""

from __future__ import annotations

import io
import os
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from soundalike.core.errors import AudioError, QueryError
from soundalike.encoders import load_encoder
from soundalike.ingest import IngestSettings, ingest
from soundalike.search import Filters, Searcher, content_id, listen
from soundalike.sources import source_for
from soundalike.storage import Store

RATE_HZ = 16_000


def wav(samples: NDArray[np.float32]) -> io.BytesIO:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    file.seek(0)
    return file


@pytest.fixture(scope="module")
def sounds(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight real recordings of each of three classes."""
    folder = tmp_path_factory.mktemp("sounds")
    for name in ("rooster", "rain", "clock_tick"):
        (folder / name).mkdir()
        for file in sorted((shared_data / "esc10" / name).glob("*.ogg"))[:8]:
            shutil.copy2(file, folder / name / file.name)
    shutil.copy2(next((folder / "rain").iterdir()), folder / "a copy.ogg")
    return folder


@pytest.fixture(scope="module")
def searcher(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    store = Store.open(tmp_path_factory.mktemp("library"))
    encoder = load_encoder("spectral")
    report = ingest(store, [source_for(sounds)], encoder, "spectral", IngestSettings(jobs=1))
    assert not report.failed
    return Searcher(store, encoder)


def test_a_file_of_the_library_finds_itself_first(searcher: Searcher, sounds: Path) -> None:
    for path in sorted(sounds.glob("*/*.ogg"))[::6]:
        hits = searcher.search_file(path, limit=5)
        assert (hits[0].same_file, hits[0].sound.id) == (True, content_id(path))
        assert hits[0].distance == pytest.approx(0.0, abs=1e-6)
        assert hits[0].score == pytest.approx(1.0, abs=1e-3)
        assert not any(hit.same_file for hit in hits[1:])
        assert len({hit.sound.id for hit in hits}) == 5


def test_a_path_a_name_and_an_open_file_are_the_same_query(searcher: Searcher, sounds: Path) -> None:
    path = next((sounds / "rooster").iterdir())
    expected = searcher.search_file(path)
    assert searcher.search_file(str(path)) == expected
    with path.open("rb") as file:
        file.seek(77)
        assert searcher.search_file(file) == expected
        assert not file.closed
    assert searcher.search_file(io.BytesIO(path.read_bytes())) == expected


def test_a_library_sound_gives_what_its_file_gives_without_itself(searcher: Searcher, sounds: Path) -> None:
    path = next((sounds / "rooster").iterdir())
    by_file = searcher.search_file(path, limit=8)
    by_sound = searcher.search_sound(content_id(path), limit=7)
    assert [hit.sound.id for hit in by_sound] == [hit.sound.id for hit in by_file[1:]]


def test_roosters_sound_like_roosters(searcher: Searcher, sounds: Path) -> None:
    right = 0
    for path in sorted((sounds / "rooster").iterdir()):
        hits = searcher.search_sound(content_id(path), limit=3)
        right += sum("rooster" in hit.sound.tags for hit in hits)
    assert right >= 12  # of 24; by chance 7


def test_the_same_bytes_in_two_places_are_one_hit(searcher: Searcher, sounds: Path) -> None:
    hits = searcher.search_file(sounds / "a copy.ogg", limit=30)
    assert len(hits) == 24
    assert {Path(path).name for path in hits[0].sound.paths} >= {"a copy.ogg"}
    assert len(hits[0].sound.paths) == 2


def test_a_filter_may_leave_out_the_file_itself(searcher: Searcher, sounds: Path) -> None:
    path = next((sounds / "rooster").iterdir())
    hits = searcher.search_file(path, limit=30, filters=Filters(tags=("rain",)))
    assert len(hits) == 8
    assert not any(hit.same_file for hit in hits)


def test_a_stretch_finds_itself_among_segments(searcher: Searcher, sounds: Path) -> None:
    path = sorted((sounds / "rain").iterdir())[2]
    sound = searcher.find_sound(str(path))
    segments = searcher.search_vector(
        listen(path, load_encoder("spectral")), limit=100, segments=True, filters=Filters(under=str(path))
    )
    inside = segments[0]
    hits = searcher.search_file(path, start_s=inside.start_s, duration_s=0.96, limit=3, segments=True)
    assert (hits[0].sound.id, hits[0].same_file) == (sound.id, True)
    assert hits[0].start_s == pytest.approx(inside.start_s, abs=0.25)
    own = searcher.search_sound(sound.id, start_s=inside.start_s, duration_s=0.96, limit=200, segments=True)
    overlapping = [
        hit
        for hit in own
        if hit.sound.id == sound.id and hit.start_s < inside.end_s and hit.end_s > inside.start_s
    ]
    assert overlapping == []
    assert any(hit.sound.id == sound.id for hit in own)


def test_a_stretch_of_a_sound_whose_file_is_gone_uses_its_stored_segments(
    searcher: Searcher, sounds: Path
) -> None:
    path = min((sounds / "clock_tick").iterdir())
    region = {"start_s": 1.0, "duration_s": 1.0}
    with_file = searcher.search_sound(content_id(path), limit=5, **region)  # type: ignore[arg-type]
    sound_id = content_id(path)
    away = path.with_suffix(".away")
    path.rename(away)
    try:
        without = searcher.search_sound(sound_id, limit=5, **region)  # type: ignore[arg-type]
    finally:
        away.rename(path)
    shared = {hit.sound.id for hit in with_file} & {hit.sound.id for hit in without}
    assert len(shared) >= 3


def test_queries_that_cannot_be_searched_with(searcher: Searcher, sounds: Path, tmp_path: Path) -> None:
    path = next((sounds / "rooster").iterdir())
    with pytest.raises(QueryError, match="The query is silent"):
        searcher.search_file(wav(np.zeros(RATE_HZ, np.float32)))
    with pytest.raises(AudioError, match=r"no sample|no sound|holds|empty|not"):
        searcher.search_file(wav(np.zeros(0, np.float32)))
    with pytest.raises(AudioError, match="empty"):
        searcher.search_file(io.BytesIO())
    (tmp_path / "text.wav").write_text("this is no sound")
    with pytest.raises(AudioError, match=r"text\.wav"):
        searcher.search_file(tmp_path / "text.wav")
    with pytest.raises(AudioError, match=r"nothing\.wav cannot be read"):
        searcher.search_file(tmp_path / "nothing.wav")
    with pytest.raises((QueryError, AudioError), match=r"99|ends|nothing"):
        searcher.search_file(path, start_s=99.0, duration_s=1.0)
    with pytest.raises(QueryError, match="nothing is left of it"):
        searcher.search_file(path, start_s=99.0)
    with pytest.raises(QueryError, match="longer than 0 seconds"):
        searcher.search_file(path, start_s=1.0, duration_s=0.0)
    half = np.random.default_rng(0).standard_normal(2 * RATE_HZ).astype(np.float32) * 0.1
    half[RATE_HZ:] = 0
    with pytest.raises(QueryError, match="That part of the query is silent"):
        searcher.search_file(wav(half), start_s=1.2, duration_s=0.5)


def test_one_sample_is_a_query(searcher: Searcher) -> None:
    assert len(searcher.search_file(wav(np.full(1, 0.5, np.float32)))) == 10


def test_streaming_a_stretch_equals_cutting_it(sounds: Path, tmp_path: Path) -> None:
    """A stretch to the end is streamed, one with a duration is sought: they are the same sound."""
    encoder = load_encoder("spectral")
    rng = np.random.default_rng(1)
    noise = np.convolve(rng.standard_normal(5 * RATE_HZ), np.ones(8) / 8, "same").astype(np.float32) * 0.2
    file = wav(noise)
    np.testing.assert_array_equal(
        listen(file, encoder, start_s=2.0), listen(file, encoder, start_s=2.0, duration_s=3.0)
    )


def test_a_file_that_changed_since_is_not_taken_for_what_it_was(searcher: Searcher, sounds: Path) -> None:
    path = min((sounds / "rain").iterdir())
    other = min((sounds / "rooster").iterdir())
    before, times = path.read_bytes(), path.stat()
    path.write_bytes(other.read_bytes())
    try:
        assert searcher.search_file(path, limit=1)[0].sound.id == content_id(other)
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert searcher.search_file(path, limit=1)[0].sound.id == content_id(path)
