"""Searching: by file, open file, sound, vector, region; whole sounds and segments; filters."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import decode, encode_wav
from soundalike.core.errors import AudioError, InvalidInputError, QueryError, SpaceMismatchError
from soundalike.library import Filters, Library, Sound, demo_sounds


def test_the_same_file_comes_first_and_is_marked(library: Library, samples: Path) -> None:
    path = samples / "kicks" / "bd_808.flac"
    hits = library.search(path, limit=5)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert (hits[0].sound.path, hits[0].same_file) == (str(path), True)
    assert hits[0].distance == pytest.approx(0.0, abs=1e-5)
    assert hits[0].score > 0.99
    assert not any(hit.same_file for hit in hits[1:])
    assert [h.distance for h in hits] == sorted(h.distance for h in hits)
    assert all(0.0 <= hit.score <= 1.0 for hit in hits)
    assert all((hit.start_s, hit.end_s) == (0.0, hit.sound.duration_s) for hit in hits)


def test_a_kick_sounds_like_kicks(library: Library, samples: Path) -> None:
    hits = library.search(samples / "kicks" / "bd_808.flac", limit=4)
    assert sum("kicks" in hit.sound.tags for hit in hits) >= 3


def test_a_quieter_copy_in_another_file_is_nearest_but_not_the_same(
    library: Library, samples: Path, tmp_path: Path
) -> None:
    sound = decode(samples / "snares" / "sn_dub.flac", rate_hz=44100).samples
    copy = tmp_path / "copy.wav"
    copy.write_bytes(encode_wav(0.4 * sound, 44100))
    hit = library.search(copy)[0]
    assert (hit.sound.name, hit.same_file) == ("sn_dub.flac", False)


def test_an_open_file_finds_what_its_path_finds_and_stays_open(library: Library, samples: Path) -> None:
    path = samples / "bass" / "bass_hit_c.flac"
    with path.open("rb") as file:
        assert library.search(file) == library.search(path)
        assert not file.closed
    assert library.search(io.BytesIO(path.read_bytes())) == library.search(str(path))


def test_the_home_folder_may_be_named(
    library: Library, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(samples))
    assert library.search("~/kicks/bd_808.flac")[0].same_file


def test_a_sound_of_the_library_is_left_out_of_its_hits(library: Library, samples: Path) -> None:
    path = samples / "kicks" / "bd_808.flac"
    by_sound = library.search(library.sound(path), limit=library.count())
    assert len(by_sound) == library.count() - 1
    assert str(path) not in [hit.sound.path for hit in by_sound]
    by_file = library.search(path, limit=library.count())
    assert [hit.sound.id for hit in by_sound[:5]] == [hit.sound.id for hit in by_file[1:6]]


def test_one_sound_comes_once(empty: Library, kicks: Path) -> None:
    path = min(kicks.iterdir())
    shutil.copyfile(path, kicks / "copy.flac")
    empty.add(kicks)
    hits = empty.search(path)
    assert len(hits) == len({hit.sound.id for hit in hits}) == 4
    assert set(hits[0].sound.paths) == {str(path), str(kicks / "copy.flac")}


@pytest.fixture
def field(samples: Path, tmp_path: Path) -> Path:
    """Ten seconds of a drone, in which from 5 s to 6 s nothing is heard but a snare."""
    drone = decode(demo_sounds() / "ambience" / "ambi_drone.flac", rate_hz=44100).samples
    whole = np.resize(drone, 10 * 44100)
    snare = decode(samples / "snares" / "sn_dub.flac", rate_hz=44100).samples[:44100]
    whole[5 * 44100 : 6 * 44100] = 0.0
    whole[5 * 44100 : 5 * 44100 + len(snare)] = snare
    path = tmp_path / "field" / "field.wav"
    path.parent.mkdir()
    path.write_bytes(encode_wav(whole, 44100))
    return path


def test_a_region_of_a_file_is_searched_with(library: Library, field: Path) -> None:
    hits = library.search(field, start_s=5.0, duration_s=0.5)
    assert hits[0].sound.name == "sn_dub.flac"
    assert library.search(field)[0].sound.name != "sn_dub.flac"


def test_segments_say_where_in_a_file_something_is(library: Library, field: Path, samples: Path) -> None:
    library.add(field)
    hits = library.search(samples / "snares" / "sn_dub.flac", segments=True, limit=50)
    there = next(hit for hit in hits if hit.sound.path == str(field))
    assert there.start_s < 5.25 < there.end_s
    assert there.end_s - there.start_s == pytest.approx(library.encoder.spec.window_s, abs=0.01)
    assert len([hit for hit in hits if hit.sound.path == str(field)]) > 1


def test_a_region_of_a_sound_of_the_library(library: Library, field: Path) -> None:
    library.add(field)
    sound = library.sound(field)
    hits = library.search(sound, start_s=5.0, duration_s=0.5)
    assert hits[0].sound.name == "sn_dub.flac"
    assert sound.id not in [hit.sound.id for hit in hits]
    field.unlink()  # the stored segments stand for a file that has gone
    assert library.search(sound, start_s=5.0, duration_s=0.5, limit=3) != []


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (Filters(tags=("kicks",)), lambda s: "kicks" in s.tags),
        (Filters(tags=("KICKS",)), lambda s: "kicks" in s.tags),
        (Filters(path_glob="*/snares/*.flac"), lambda s: "/snares/" in s.path),
        (Filters(max_duration_s=0.5), lambda s: s.duration_s <= 0.5),
        (Filters(min_duration_s=1.0), lambda s: s.duration_s >= 1.0),
        (Filters(text="hit"), lambda s: "hit" in s.path),
        (Filters(text="bass voxy"), lambda s: "bass" in s.path and "voxy" in s.path),
    ],
)  # fmt: skip
def test_filters(library: Library, samples: Path, filters: Filters, passes: object) -> None:
    assert callable(passes)
    wanted = {sound.id for sound in library.sounds() if passes(sound)}
    assert 0 < len(wanted) < library.count()
    query = samples / "kicks" / "bd_808.flac"
    assert {hit.sound.id for hit in library.search(query, limit=1000, filters=filters)} == wanted
    assert {sound.id for sound in library.sounds(filters)} == wanted
    assert library.count(filters) == len(wanted)


def test_below_a_folder_or_in_an_archive(library: Library, samples: Path) -> None:
    assert library.count(Filters(under=str(samples / "kicks"))) == len(list((samples / "kicks").iterdir()))
    assert library.count(Filters(under=str(samples / "pack.zip"))) == 2


def test_many_queries_at_once(library: Library, samples: Path) -> None:
    queries: list[Path | Sound] = [samples / "kicks" / "bd_808.flac", library.sounds()[3]]
    many = library.search_many(queries, limit=4)
    assert many == [library.search(query, limit=4) for query in queries]


def test_a_vector_is_searched_with(library: Library) -> None:
    names, vectors = library.vectors()
    hits = library.search_vector(vectors[7], limit=3)
    assert hits[0].sound.path == names[7]
    louder = library.search_vector(2.5 * vectors[7], limit=3)  # its metric is the cosine
    assert [hit.sound for hit in louder] == [hit.sound for hit in hits]
    with pytest.raises(InvalidInputError, match=f"must have {vectors.shape[1]} dimensions; got 3"):
        library.search_vector(np.zeros(3, np.float32))


def test_listing_and_looking_up(library: Library, samples: Path) -> None:
    sounds = library.sounds()
    assert [s.path for s in sounds] == sorted(s.path for s in sounds)
    assert library.sounds(offset=3, limit=2) == sounds[3:5]
    assert library.sound(sounds[4].id) == library.sound(sounds[4].path) == sounds[4]
    assert library.sound(f"{samples}/kicks/../kicks/bd_808.flac").name == "bd_808.flac"


def test_tags_are_counted(library: Library, samples: Path) -> None:
    counts = dict(library.tags())
    assert counts["samples"] == library.count()
    assert counts["kicks"] == len(list((samples / "kicks").iterdir()))
    assert [count for _, count in library.tags()] == sorted(counts.values(), reverse=True)


def test_at_least_one_hit_must_be_asked_for(library: Library, samples: Path) -> None:
    with pytest.raises(InvalidInputError, match="At least 1 hit must be asked for; got 0"):
        library.search(samples / "kicks" / "bd_808.flac", limit=0)


def test_an_empty_library_finds_nothing(empty: Library, samples: Path) -> None:
    assert empty.search(samples / "kicks" / "bd_808.flac") == []
    assert empty.sounds() == []
    assert empty.tags() == []


def test_a_query_that_cannot_be_read(library: Library, samples: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"absent\.wav cannot be read: No such file"):
        library.search(tmp_path / "absent.wav")
    with pytest.raises(AudioError, match="cannot be read: Is a directory"):
        library.search(samples)
    with pytest.raises(AudioError, match="is not audio that can be decoded"):
        library.search(samples / "notes.wav")


@pytest.mark.parametrize("query", [5, None, b"RIFF", ["a.wav"]])
def test_what_is_no_query(library: Library, query: object) -> None:
    with pytest.raises(InvalidInputError, match="A query is a path, an open binary file or a Sound; got"):
        library.search(query)  # type: ignore[arg-type]


def test_another_encoder_than_the_librarys_is_refused_by_name(library: Library, samples: Path) -> None:
    other = Library.open(library.path, encoder=str(_fitted(samples, library.path.parent)))
    with pytest.raises(SpaceMismatchError, match=f"this library has vectors of {library.encoder.spec.space}"):
        other.search(samples / "kicks" / "bd_808.flac")


def test_a_silent_query(library: Library, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    silence.write_bytes(encode_wav(np.zeros(44100, np.float32), 44100))
    with pytest.raises(QueryError, match="The query is silent"):
        library.search(silence)


def _fitted(samples: Path, folder: Path) -> Path:
    from soundalike.studies import fit_spectral_to

    fit_spectral_to([samples / "kicks"], folder / "mine.json")
    return folder / "mine.json"
