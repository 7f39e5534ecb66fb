"""What is held out, what is read and how it goes on, what a training starts from, and the run's folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import encode_wav
from soundalike.core.errors import InvalidInputError, NotFoundError, TrainingError
from soundalike.encoders import load_encoder
from soundalike.features import LogMelFrontEnd
from soundalike.library import Library
from soundalike.studies import library_recording
from soundalike.studies.library_recording import Planned, read_sounds
from soundalike.studies.library_split import LibrarySound, choose_held_out, folders_of, trainable_sounds
from soundalike.studies.starting_point import choose_start
from soundalike.studies.training_run import Plan, check_same, choose_folder, load_plan, prepare_folder
from soundalike.training import (
    ExportConfig,
    InputConfig,
    NetworkConfig,
    ObjectiveChoice,
    Recipe,
    StageConfig,
    export_encoder,
    make_network,
)

RATE_HZ = 8000
GOLDEN = Path(__file__).parents[1] / "golden" / "encoders_front_end"
TINY = Recipe(
    "tiny",
    ObjectiveChoice("triplet"),
    input=InputConfig(
        rate_hz=RATE_HZ,
        window_samples=4000,
        hop_samples=2000,
        front_end=LogMelFrontEnd(frame_samples=256, hop_samples=128, bands=16, low_hz=40.0, high_hz=4000.0),
    ),
    network=NetworkConfig((StageConfig(8),), dims=8),
)


def listed(*folders: str, each: int = 3) -> list[LibrarySound]:
    return [
        LibrarySound(f"{folder}/{n}.wav", tuple(folder.split("/")), 1.0)
        for folder in folders
        for n in range(each)
    ]


@pytest.mark.parametrize(
    ("uri", "roots", "expected"),
    [
        ("/s/drums/808/a.wav", ["/s"], ("/s", "drums", "808")),
        ("/s/a.wav", ["/s"], ("/s",)),
        ("/s/drums/a.wav", ["/s/drums", "/s"], ("/s/drums",)),
        ("/s/pack.zip!/hits/a.wav", ["/s/pack.zip"], ("/s/pack.zip", "hits")),
        ("/s2/a.wav", ["/s"], ("/s2",)),
        ("/s/a.wav", ["/s/a.wav"], ("/s",)),
    ],
)
def test_folders_from_the_place_that_was_added(uri: str, roots: list[str], expected: tuple[str, ...]) -> None:
    assert folders_of(uri, roots) == expected


@pytest.mark.parametrize("seed", range(5))
def test_whole_folders_are_held_out(seed: int) -> None:
    sounds = listed(*(f"root/{name}" for name in "abcdefghij"))
    held = choose_held_out(sounds, seed)
    assert held.by == "folder"
    assert held.rows.sum() == 6, "a fifth of thirty, in two folders that can be told apart"
    inside = {sound.label for sound, row in zip(sounds, held.rows, strict=True) if row}
    outside = {sound.label for sound, row in zip(sounds, held.rows, strict=True) if not row}
    assert len(inside) == 2
    assert not inside & outside


def test_sub_folders_stay_together_with_their_folder() -> None:
    sounds = listed(*(f"root/{pack}/{kind}" for pack in "abcde" for kind in ("kick", "snare")))
    held = choose_held_out(sounds, 0)
    packs = {sound.folders[1] for sound, row in zip(sounds, held.rows, strict=True) if row}
    assert (held.by, held.rows.sum(), len(packs)) == ("folder", 6, 1)


def test_the_seed_draws() -> None:
    sounds = listed(*(f"root/{name}" for name in "abcdefghij"))
    draws = {tuple(choose_held_out(sounds, seed).rows) for seed in range(8)}
    assert len(draws) > 1
    assert (choose_held_out(sounds, 3).rows == choose_held_out(sounds, 3).rows).all()


def test_one_folder_is_divided_by_its_sub_folders_then_by_sound() -> None:
    one = choose_held_out(listed(*(f"root/all/{name}" for name in "abcde")), 0)
    assert (one.by, one.rows.sum()) == ("sub-folder", 6), "two, which can be told apart"
    flat = choose_held_out(listed("root", each=20), 0)
    assert (flat.by, flat.rows.sum()) == ("sound", 4)


def test_a_folder_that_is_nearly_everything_is_not_held_out_whole() -> None:
    sounds = [*listed("root/all", each=99), *listed("root/one", each=1)]
    held = choose_held_out(sounds, 0)
    assert (held.by, held.rows.sum()) == ("sound", 20)


@pytest.fixture
def write_tones(tmp_path: Path) -> Callable[..., list[Path]]:
    """Writes tones of different pitch into folders of four."""

    def write(count: int, *, level: float = 0.3) -> list[Path]:
        paths = []
        for n in range(count):
            path = tmp_path / "sounds" / f"folder {n // 4}" / f"{n}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            wave = level * np.sin(2 * np.pi * (200 + 50 * n) * np.arange(RATE_HZ // 2) / RATE_HZ)
            path.write_bytes(encode_wav(wave.astype(np.float32), RATE_HZ))
            paths.append(path)
        return paths

    return write


def planned(paths: list[Path], *held: int) -> list[Planned]:
    return [
        Planned(LibrarySound(str(path), (path.parent.name,), 0.5), n in held) for n, path in enumerate(paths)
    ]


def test_each_sound_is_read_once_though_it_is_stopped(
    write_tones: Callable[..., list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_tones(6)
    monkeypatch.setattr(library_recording, "_PART_SOUNDS", 2)
    read: list[str] = []
    whole = library_recording._decode

    def decode(sound: LibrarySound, rate_hz: int, longest_s: float) -> object:
        if sound.uri == str(paths[4]) and str(paths[4]) not in read:
            read.append(sound.uri)
            raise KeyboardInterrupt
        read.append(sound.uri)
        return whole(sound, rate_hz, longest_s)

    monkeypatch.setattr(library_recording, "_decode", decode)
    with pytest.raises(KeyboardInterrupt):
        read_sounds(planned(paths), tmp_path / "run", RATE_HZ, longest_s=10.0)
    told: list[tuple[float, float]] = []
    recording = read_sounds(
        planned(paths), tmp_path / "run", RATE_HZ, longest_s=10.0, on_read=lambda *now: told.append(now)
    )
    assert [sound.name for sound in recording.sounds.sounds] == list(map(str, paths))
    assert recording.sounds.sounds[5].group == "folder 1"
    assert told == [(1.0, 3.0), (2.0, 3.0), (3.0, 3.0)]
    assert [read.count(str(path)) for path in paths[:4]] == [1, 1, 1, 1]
    assert not (tmp_path / "run" / "parts").exists()
    before = len(read)
    read_sounds(planned(paths), tmp_path / "run", RATE_HZ, longest_s=10.0)
    assert len(read) == before, "a whole recording is not made again"


def test_bad_files_are_listed_and_repeats_passed_over(
    write_tones: Callable[..., list[Path]], tmp_path: Path
) -> None:
    paths = write_tones(4)
    paths[1].write_bytes(paths[0].read_bytes())
    paths[2].write_text("no sound")
    paths[3].unlink()
    recording = read_sounds(planned(paths, 1), tmp_path / "run", RATE_HZ, longest_s=10.0)
    assert [sound.name for sound in recording.sounds.sounds] == [str(paths[1])], "the one held out stays"
    assert recording.repeated == 1
    assert [Path(one.uri).name for one in recording.left_out] == ["2.wav", "3.wav"]
    with pytest.raises(TrainingError, match=r"Not one of 2 sounds of the library can be read.*2\.wav"):
        read_sounds(planned(paths[2:]), tmp_path / "none", RATE_HZ, longest_s=10.0)


def test_long_files_are_read_in_part(write_tones: Callable[..., list[Path]], tmp_path: Path) -> None:
    recording = read_sounds(planned(write_tones(1)), tmp_path / "run", RATE_HZ, longest_s=0.25)
    assert recording.sounds.sounds[0].length == RATE_HZ // 4


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_sounds(count: int, write_tones: Callable[..., list[Path]], tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library")
    if count:
        library.add(*write_tones(count))
    noun = "sound" if count == 1 else "sounds"
    with pytest.raises(TrainingError, match=rf"at least 10 different sounds .* got {count} different {noun}"):
        trainable_sounds(library)


def test_sounds_that_are_all_silent_or_all_the_same(
    write_tones: Callable[..., list[Path]], tmp_path: Path
) -> None:
    library = Library.open(tmp_path / "library")
    paths = write_tones(12)
    for n, path in enumerate(paths):
        path.write_bytes(encode_wav(np.zeros(4000 + n, np.float32), RATE_HZ))
    library.add(tmp_path / "sounds")
    with pytest.raises(TrainingError, match=r"got 12 different sounds .* 12 of them silent"):
        trainable_sounds(library)
    tone = encode_wav(np.sin(np.arange(4000, dtype=np.float32)), RATE_HZ)
    for path in paths:
        path.write_bytes(tone)
    library.add(tmp_path / "sounds")
    with pytest.raises(TrainingError, match="got 1 different sound in"):
        trainable_sounds(library)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a network that carries its recipe."""
    folder = tmp_path_factory.mktemp("exported")
    return export_encoder(make_network(TINY), TINY, folder, ExportConfig("tiny"))


def test_it_starts_from_the_encoder_in_use_where_that_carries_its_recipe(exported: Path) -> None:
    start = choose_start(None, None, load_encoder(exported), 5)
    assert (start.name, start.model) == ("tiny", exported.with_suffix(".onnx"))
    assert (start.recipe.name, start.recipe.seed) == ("finetune", 5)
    assert (start.recipe.input, start.recipe.network) == (TINY.input, TINY.network)
    assert start.notes == ()
    assert start.recipe.optimiser.learning_rate < TINY.optimiser.learning_rate
    used = {one.kind for one in start.recipe.positives.deformations}
    assert used, "the recipe deforms"
    assert start.trained_on == used | {"reverberation", "mp3"}, "its own recipe may have been another"
    assert choose_start("nothing", None, load_encoder(exported), 5).trained_on.isdisjoint(
        ["reverberation", "mp3"]
    )


def test_a_recipe_that_is_named_lends_all_but_the_network(exported: Path) -> None:
    start = choose_start(str(exported), "triplet", load_encoder("spectral"), 1)
    assert (start.recipe.name, start.recipe.network) == ("triplet", TINY.network)
    assert start.recipe.objective.kind == "triplet"
    assert "--from nothing takes the recipe's" in start.notes[0]
    assert choose_start(str(exported), TINY, load_encoder("spectral"), 1).notes == ()


def test_it_starts_from_nothing(exported: Path) -> None:
    start = choose_start("nothing", None, load_encoder(exported), 1)
    assert (start.name, start.fingerprint, start.model, start.recipe.name) == (
        "nothing",
        None,
        None,
        "ntxent",
    )
    given = dataclasses.replace(TINY, seed=9)
    assert choose_start("nothing", given, load_encoder(exported), 9).recipe == given


def test_what_cannot_be_trained_further_is_refused(exported: Path) -> None:
    in_use = load_encoder(exported)
    with pytest.raises(TrainingError, match="spectral is no network"):
        choose_start("spectral", None, in_use, 1)
    with pytest.raises(TrainingError, match="carries no recipe"):
        choose_start(str(GOLDEN), None, in_use, 1)
    with pytest.raises(NotFoundError, match="no encoder called 'nobody'"):
        choose_start("nobody", None, in_use, 1)
    for name in ("distill", "ear", "ear-second", "ear-parts"):
        for start in ("nothing", str(exported)):
            with pytest.raises(TrainingError, match=rf"recipe {name} needs more than .*teacher_features"):
                choose_start(start, name, in_use, 1)
    with pytest.raises(NotFoundError, match="no recipe 'none'"):
        choose_start("nothing", "none", in_use, 1)


def test_names_of_runs(tmp_path: Path) -> None:
    runs = tmp_path / "training"
    assert choose_folder(tmp_path, None, None) == ("own", runs / "own")
    (runs / "own").mkdir(parents=True)
    assert choose_folder(tmp_path, None, None)[0] == "own", "it is unfinished: go on"
    (runs / "own" / "report.json").write_text("{}")
    assert choose_folder(tmp_path, None, None) == ("own-2", runs / "own-2")
    assert choose_folder(tmp_path, "own", None) == ("own", runs / "own")
    assert choose_folder(tmp_path, None, tmp_path / "there") == ("own", tmp_path / "there")
    with pytest.raises(InvalidInputError, match="comes with soundalike"):
        choose_folder(tmp_path, "spectral", None)
    with pytest.raises(InvalidInputError, match="lower-case letters"):
        choose_folder(tmp_path, "../other", None)


def test_a_plan_is_kept_and_held_to(tmp_path: Path) -> None:
    plan = Plan(
        {"start": "nothing", "seed": 1}, "spectral-1", tuple(planned([tmp_path / "a.wav"], 0)), "sound"
    )
    assert load_plan(tmp_path) is None
    plan.save(tmp_path)
    assert load_plan(tmp_path) == plan
    check_same(plan, {"start": "nothing", "seed": 1}, tmp_path)
    with pytest.raises(
        TrainingError, match=r"with start nothing, seed 1; asked for now is .* seed 2.*--anew"
    ):
        check_same(plan, {"start": "nothing", "seed": 2}, tmp_path)
    (tmp_path / "plan.json").write_text('{"version": 1')
    with pytest.raises(TrainingError, match=r"plan\.json is damaged"):
        load_plan(tmp_path)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(InvalidInputError, match=r"holds thesis.txt, and no training: .*--out"):
        prepare_folder(tmp_path, anew=True)
    run = tmp_path / "run"
    prepare_folder(run, anew=False)
    Plan({}, "spectral-1", (), "sound").save(run)
    (run / "sounds").mkdir()
    (run / "notes.txt").write_text("mine")
    prepare_folder(run, anew=True)
    assert [path.name for path in run.iterdir()] == ["notes.txt"]
