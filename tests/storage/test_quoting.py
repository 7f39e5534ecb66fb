"""Whatever a text holds, in a filter it is a value: it finds its own row and no other."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundalike.storage import Store, in_filters, sql_in, sql_text

NASTY = [
    "'", "''", "\\", "\\'", "%", "_", "\n", "\x00", '"', "' OR 1=1 --", "音", "🥁", "a;b", "/* */", "{}",
    "$1", "é", "e\u0301",
]  # fmt: skip
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.lists(st.sampled_from(NASTY), min_size=1, max_size=5).map("".join),
)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(tmp_path_factory.mktemp("quoting") / "library")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(texts, min_size=1, max_size=12, unique=True))
def test_every_text_is_found_marked_and_deleted_as_itself(
    shared_store: Store, rows: object, uris: list[str]
) -> None:
    with shared_store.write() as writer:
        writer.delete_files(shared_store.read_files(["uri"])["uri"].to_pylist())
        assert shared_store.counts()["files"] == 0
        writer.commit(rows.file_rows(uris, [None] * len(uris)))  # type: ignore[attr-defined]
        for uri in uris:
            found = shared_store.read_files(["uri"], where=f"uri = {sql_text(uri)}")
            assert found["uri"].to_pylist() == [uri]
        writer.set_missing(uris[:1], missing=True)
        assert shared_store.read_files(["uri"], where="missing")["uri"].to_pylist() == uris[:1]
        writer.delete_files(uris[:1])
    assert shared_store.read_files(["uri"])["uri"].to_pylist() == uris[1:]
    assert shared_store.read_files(["uri"], where=sql_in("uri", uris)).num_rows == len(uris) - 1


def test_no_values_means_no_rows() -> None:
    assert sql_in("uri", []) == "false"
    assert list(in_filters("uri", [])) == []


def test_values_are_split_without_repetition() -> None:
    filters = list(in_filters("uri", [str(n % 1500) for n in range(3000)]))
    assert [text.count(",") + 1 for text in filters] == [1000, 500]
