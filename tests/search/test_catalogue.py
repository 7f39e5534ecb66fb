from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from soundalike.core.errors import NotFoundError
from soundalike.search import Catalogue, Filters

from .conftest import MakeStore, entry

ZERO = np.zeros(6, np.float32)
ONE = np.ones(6, np.float32)


@pytest.fixture
def catalogue(make_store: MakeStore) -> Catalogue:
    store = make_store(
        [
            entry(
                1, ONE, uris=["/a/b/Kick 01.wav"], tags=["Drums"], sound_fields='{"title": "Große Trommel"}'
            ),
            entry(2, ONE, uris=["/a/bc/рояль.wav", "/a/b/copy.wav"], tags=["piano"], segments=[ONE] * 9),
            entry(
                3, ONE, uris=["/a/pack.zip!/x/e\u0301cole.wav"], fields='{"keyword": "ΟΔΟΣ"}', missing=True
            ),
            entry(4, ONE, uris=[], tags=["orphan"]),
            entry(
                5,
                ONE,
                uris=["/z/雨の音.wav"],
                tags=["drums", "rain"],
                modified=datetime(2025, 6, 1, tzinfo=UTC),
            ),
            entry(6, ONE, uris=["/z/none.wav"], modified=None, segments=[ONE] * 3),
        ]
    )
    return Catalogue.read(store.snapshot())


def passing(catalogue: Catalogue, **conditions: object) -> set[int]:
    mask = catalogue.filter(Filters(**conditions))  # type: ignore[arg-type]
    return {int(sound.id, 16) for sound in catalogue.sounds(np.flatnonzero(mask))}


def test_every_sound_with_a_file_is_visible(catalogue: Catalogue) -> None:
    assert passing(catalogue) == {1, 2, 3, 5, 6}
    assert passing(catalogue, include_missing=False) == {1, 2, 5, 6}


@pytest.mark.parametrize(
    ("under", "expected"),
    [
        ("/a/b", {1, 2}),
        ("/a/b/", {1, 2}),
        ("/a", {1, 2, 3}),
        ("/", {1, 2, 3, 5, 6}),
        ("/a/pack.zip", {3}),
        ("/a/b/Kick 01.wav", {1}),
        ("/a/b/Kick", set()),
    ],
)
def test_under_a_place(catalogue: Catalogue, under: str, expected: set[int]) -> None:
    assert passing(catalogue, under=under) == expected


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.wav", {1, 2, 3, 5, 6}),
        ("/a/b?/*", {2}),
        ("*Kick ??.wav", {1}),
        ("*/b/*", {1, 2}),
        ("Kick*", set()),
        ("*(", set()),
    ],
)
def test_glob(catalogue: Catalogue, glob: str, expected: set[int]) -> None:
    assert passing(catalogue, path_glob=glob) == expected


def test_tags_duration_and_date(catalogue: Catalogue) -> None:
    assert passing(catalogue, tags=("drums",)) == {1, 5}
    assert passing(catalogue, tags=("DRUMS", "rain")) == {5}
    assert passing(catalogue, tags=("drum",)) == set()
    assert passing(catalogue, min_duration_s=2.0) == {2, 6}
    assert passing(catalogue, min_duration_s=2.0, max_duration_s=2.0) == {6}
    assert passing(catalogue, modified_after=datetime(2025, 1, 1, tzinfo=UTC)) == {5}
    assert passing(catalogue, modified_before=datetime(2025, 1, 1, tzinfo=UTC)) == {1, 2, 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kick", {1}),
        ("GROSSE", set()),
        ("große", {1}),
        ("trommel kick", {1}),  # one word in the description, the other in the name
        ("trommel rain", set()),
        ("Рояль", {2}),
        ("\u00c9COLE", {3}),
        ("οδος", {3}),
        ("雨", {5}),
        ("title", set()),  # the name of a field is no text
        ("orphan", set()),
    ],
)
def test_words_in_any_script(catalogue: Catalogue, text: str, expected: set[int]) -> None:
    assert passing(catalogue, text=text) == expected


def test_looking_up(catalogue: Catalogue) -> None:
    assert catalogue.sound(catalogue.find("/a/b/copy.wav")).id == f"{2:032x}"
    assert catalogue.sound(catalogue.find(f"{3:032x}")).missing
    with pytest.raises(NotFoundError, match=r"no sound with the id or path '/nowhere\.wav'"):
        catalogue.find("/nowhere.wav")
    with pytest.raises(NotFoundError, match="no sound with the id"):
        catalogue.row(f"{4:032x}")  # it has no file any more


def test_a_sound_gathers_what_its_files_say(catalogue: Catalogue) -> None:
    sound = catalogue.sound(catalogue.find("/a/b/copy.wav"))
    assert sound.paths == ("/a/bc/рояль.wav", "/a/b/copy.wav")
    assert (sound.path, sound.tags, sound.duration_s) == ("/a/bc/рояль.wav", ("piano",), 5.0)
    assert sound.modified == datetime(2024, 1, 1, tzinfo=UTC)
    first = catalogue.sound(catalogue.find("/a/b/Kick 01.wav"))
    assert first.fields == {"title": "Große Trommel"}


def test_a_file_that_is_there_goes_before_one_that_is_missing(make_store: MakeStore) -> None:
    store = make_store([entry(1, ONE, uris=["/gone.wav", "/here.wav"])])
    with store.write() as writer:
        writer.set_missing(["/gone.wav"], missing=True)
    sound = Catalogue.read(store.snapshot()).sounds([0])[0]
    assert (sound.path, sound.paths, sound.missing) == ("/here.wav", ("/here.wav", "/gone.wav"), False)


def test_order_and_tags(catalogue: Catalogue) -> None:
    paths = [sound.path for sound in catalogue.sounds(catalogue.path_order)]
    assert paths == sorted(paths, key=lambda path: path.encode())
    assert catalogue.tag_counts() == [("Drums", 1), ("drums", 1), ("piano", 1), ("rain", 1)]


def test_an_empty_library(make_store: MakeStore) -> None:
    catalogue = Catalogue.read(make_store([]).snapshot())
    assert len(catalogue) == 0
    assert catalogue.filter(Filters(text="x", tags=("y",), under="/z", path_glob="*")).shape == (0,)
    assert catalogue.tag_counts() == []
    assert catalogue.sounds(catalogue.path_order) == []
