"""Tasks: what names say, which sounds count, what a folder that is laid out otherwise is told."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from soundalike.core.errors import InvalidInputError, NotFoundError
from soundalike.library import Library, demo_sounds
from soundalike.studies import TASKS, LabelTask, NearDuplicateTask, find_tasks, library_task
from soundalike.studies.tasks import esc10, fsdd, philharmonia, task_names


def labels(task: object) -> LabelTask:
    assert isinstance(task, LabelTask)
    return task


def names(folder: Path, pattern: str) -> list[str]:
    return [path.name for path in folder.rglob(pattern)]


def make(folder: Path, *paths: str) -> Path:
    """A folder of files that are named as sounds, each with bytes of its own."""
    for number, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(f"number {number:4}".encode())
    return folder


def test_every_name_of_the_sets_is_read(shared_data: Path) -> None:
    for pattern, folder, suffix in (
        (esc10.NAME, "esc10", "*.ogg"),
        (fsdd.NAME, "fsdd", "*.wav"),
        (philharmonia.NAME, "philharmonia", "*.mp3"),
    ):
        found = names(shared_data / folder, suffix)
        assert len(found) >= 400
        assert [name for name in found if not pattern.fullmatch(name)] == []


def test_parts_of_names() -> None:
    match = philharmonia.NAME.fullmatch("bass-drum__025_mezzo-forte_rute.mp3")
    assert match is not None
    assert (match["instrument"], match["note"]) == ("bass-drum", "")
    match = philharmonia.NAME.fullmatch("cello_As4_15_fortissimo_arco-normal.mp3")
    assert match is not None
    assert (match["note"], match["length"], match["articulation"]) == ("As4", "15", "arco-normal")
    assert philharmonia.NAME.fullmatch("cello_H4_15_fortissimo_arco-normal.mp3") is None
    assert esc10.NAME.fullmatch("6-100032-A.ogg") is None
    assert fsdd.NAME.fullmatch("10_jackson_3.wav") is None


def test_esc10(shared_data: Path) -> None:
    task = labels(TASKS.load("esc10")(shared_data))
    assert len(task.items) == 400
    assert set(Counter(task.labels).values()) == {40}
    assert task.notes == ()
    assert task.left_out == ()
    assert task.exclude is not None
    assert task.folds is not None
    folds_of: dict[str, set[int]] = {}
    for recording, fold in zip(task.exclude, task.folds, strict=True):
        folds_of.setdefault(recording, set()).add(fold)
    assert all(len(folds) == 1 for folds in folds_of.values()), "a recording crosses folds"
    assert len(folds_of) < 400, "some recordings have several clips"
    for item, label, recording in zip(task.items, task.labels, task.exclude, strict=True):
        assert f"/{label}/" in item.uri
        assert item.name.split("-")[1] == recording


def test_fsdd(shared_data: Path) -> None:
    digit, speaker = (labels(task) for task in find_tasks(["fsdd"], shared_data))
    assert (digit.name, speaker.name) == ("fsdd-digit", "fsdd-speaker")
    assert len(digit.items) == len(speaker.items) == 3000
    assert sorted(set(digit.labels)) == list("0123456789")
    assert len(set(speaker.labels)) == 6
    assert digit.exclude == speaker.labels
    assert speaker.exclude == digit.labels
    assert digit.groups is not None
    assert set(Counter(digit.groups).values()) == {50}


def test_philharmonia(shared_data: Path) -> None:
    instrument = labels(TASKS.load("philharmonia-instrument")(shared_data))
    pitch = labels(TASKS.load("philharmonia-pitch")(shared_data))
    assert instrument.exclude is not None
    rules = {item.uri: (label, key) for item, label, key in zip(
        instrument.items, instrument.labels, instrument.exclude, strict=True
    )}  # fmt: skip
    for uri, (label, key) in rules.items():
        name = uri.rsplit("/", 1)[-1]
        assert label == name.split("_")[0]
        assert key == (name.split("_")[1] or uri)
    assert pitch.within is not None
    for item, note, within in zip(pitch.items, pitch.labels, pitch.within, strict=True):
        assert item.name.startswith(f"{within}_{note}_")
    assert len(instrument.items) - len(pitch.items) == sum("__" in item.name for item in instrument.items)
    assert "percussion" in pitch.notes[0]


def test_folders_take_the_first_level(tmp_path: Path) -> None:
    folder = make(
        tmp_path / "pack", "bare.wav", "a/1.wav", "a/deep/2.wav", "b/3.wav", "b/4.flac", "b/text.txt"
    )
    (task,) = find_tasks([str(folder)], None)
    assert task.name == "folders: pack"
    assert labels(task).labels == ("a", "a", "b", "b")
    assert [(out.uri.rsplit("/", 1)[-1], "no label" in out.reason) for out in task.left_out] == [
        ("bare.wav", True)
    ]


def test_files_of_the_same_bytes_are_neither_hits_nor_searched_twice(tmp_path: Path) -> None:
    folder = make(tmp_path, "a/1.wav", "a/2.wav", "b/3.wav", "b/4.wav")
    shutil.copy(folder / "a" / "1.wav", folder / "a" / "again.wav")
    shutil.copy(folder / "a" / "1.wav", folder / "b" / "again.wav")
    (folder / "b" / "longer.wav").write_bytes(b"of another size")
    (task,) = find_tasks([str(folder)], None)
    exclude = labels(task).exclude
    assert exclude is not None
    alike = {item.uri.removeprefix(str(folder)): exclude.count(key) for item, key in zip(
        task.items, exclude, strict=True
    )}  # fmt: skip
    assert alike == {
        "/a/1.wav": 3, "/a/2.wav": 1, "/a/again.wav": 3, "/b/3.wav": 1, "/b/4.wav": 1, "/b/again.wav": 3,
        "/b/longer.wav": 1,
    }  # fmt: skip
    near = TASKS.load("near-duplicates")(folder)
    assert [item.name for item in near.items] == ["1.wav", "2.wav", "3.wav", "4.wav", "longer.wav"]
    assert near.notes == ("2 files repeat the bytes of others and are left out.",)


def test_folders_of_one_label_are_no_task(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="at least two labels of at least two sounds each"):
        find_tasks([str(make(tmp_path, "a/1.wav", "a/2.wav", "b/3.wav"))], None)
    with pytest.raises(InvalidInputError, match="There is no sound file in"):
        find_tasks([str(make(tmp_path / "texts", "a/1.txt"))], None)


def test_another_layout_is_told(tmp_path: Path) -> None:
    folder = make(tmp_path, "a/1.ogg", "a/2.ogg", "b/1-23-A.ogg")
    with pytest.raises(InvalidInputError, match=r"called FOLD-RECORDING-TAKE\.ogg .* 2 names of 3 differ"):
        find_tasks(["esc10"], folder)
    flat = make(tmp_path / "flat", "1-23-A.ogg", "1-24-A.ogg")
    with pytest.raises(InvalidInputError, match="Expected a folder per class"):
        find_tasks(["esc10"], flat)


def test_a_set_that_is_not_whole_says_so(tmp_path: Path) -> None:
    files = [f"{digit}_{speaker}_{take}.wav" for digit in "01" for speaker in "ab" for take in "01"]
    task, _ = find_tasks(["fsdd"], make(tmp_path, *files, "readme_first.wav"))
    assert task.notes == ("FSDD has 3,000 files; 8 are here.",)
    assert [out.uri.rsplit("/", 1)[-1] for out in task.left_out] == ["readme_first.wav"]


def test_tasks_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        NotFoundError, match="There is no task and no folder called 'esc50'; the tasks are: esc10"
    ):
        find_tasks(["esc50"], tmp_path)
    with pytest.raises(InvalidInputError, match="--data DIR"):
        find_tasks(["esc10"], None)
    with pytest.raises(NotFoundError, match=r"no folder .*nowhere"):
        find_tasks(["near-duplicates"], tmp_path / "nowhere")
    assert task_names("phil") == []


def test_every_registered_task_is_made_of_its_set(shared_data: Path) -> None:
    for name in set(TASKS) - {"folders"}:
        task = TASKS.load(name)(shared_data)
        assert task.name == name
        assert task.question.endswith("?")
        assert len({item.uri for item in task.items}) == len(task.items)


def test_near_duplicates_search_all_sets_or_any_folder(shared_data: Path, tmp_path: Path) -> None:
    everything = TASKS.load("near-duplicates")(shared_data)
    assert isinstance(everything, NearDuplicateTask)
    assert len(everything.items) > 5500
    assert everything.notes == ()
    anything = TASKS.load("near-duplicates")(demo_sounds())
    assert 50 < len(anything.items) < 500
    make(tmp_path, "fsdd/1.wav", "fsdd/2.wav", "other/3.wav")
    part = TASKS.load("near-duplicates")(tmp_path)
    assert len(part.items) == 2
    assert part.notes == ("Not searched, as they are not here: esc10, philharmonia.",)


def test_originals_are_drawn_by_seed() -> None:
    task = TASKS.load("near-duplicates")(demo_sounds())
    assert isinstance(task, NearDuplicateTask)
    order = task.drawing_order(3).tolist()
    assert sorted(order) == list(range(len(task.items)))
    assert order == task.drawing_order(3).tolist() != task.drawing_order(4).tolist()


def test_the_folders_of_a_library(tmp_path: Path) -> None:
    sounds = tmp_path / "pack"
    for name in ("kicks", "snares"):
        shutil.copytree(demo_sounds() / name, sounds / name)
    first = sorted((demo_sounds() / "bass").glob("*.flac"))[:2]
    for path in first:
        shutil.copy(path, sounds)
    library = Library.open(tmp_path / "library")
    library.add(sounds)
    first_kick = min((sounds / "kicks").glob("*.flac"))
    first_kick.unlink()
    task = library_task(library)
    assert set(task.labels) == {"kicks", "snares", "pack"}
    assert Counter(task.labels)["pack"] == 2
    assert [out.uri for out in task.left_out] == [str(first_kick)]
