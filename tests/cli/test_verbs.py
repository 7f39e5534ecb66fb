"""Every verb but ``search`` and ``serve``: exit codes, what people read, what scripts read."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soundalike
from soundalike.cli.app import app
from soundalike.core.units import human_duration
from soundalike.library import DEFAULT_ENCODER, Library, compute_feature, embed, load_encoder

VERBS = [command.name for command in app.registered_commands]
GROUPS = {
    "encoders": ["list", "show", "add", "remove", "use"],
    "features": ["list", "compute"],
    "train": ["spectral"],
}


def test_index_adds_and_passes_over(run: Any, kicks: Path, tmp_path: Path) -> None:
    first = run("index", kicks, "--jobs", 1, library=tmp_path / "library")
    assert (first.status, first.out) == (0, "")
    assert re.search(r"^4 sounds added \(2\.\d\d s of audio\), in ", first.err)
    assert re.search(
        rf"^4 sounds, 2\.\d\d s of audio, in {re.escape(str(tmp_path))}/library$", first.err, re.MULTILINE
    )
    again = run("index")
    assert again.status == 0
    assert "0 sounds added, 4 unchanged, in" in again.err
    assert "4 unchanged" in again.err


def test_index_tells_scripts_everything(run: Any, kicks: Path, tmp_path: Path) -> None:
    (kicks / "bad [1]\n.wav").write_text("not sound")
    ended = run("index", kicks, "--jobs", 1, "--json", library=tmp_path / "library")
    assert ended.status == 3
    report = ended.json
    assert list(report) == [
        "added", "duplicates", "changed", "unchanged", "moved", "missing", "failed", "warnings",
        "audio_s", "elapsed_s", "interrupted",
    ]  # fmt: skip
    assert sorted(report["added"]) == sorted(str(path) for path in kicks.glob("*.flac"))
    assert [failure["uri"] for failure in report["failed"]] == [str(kicks / "bad [1]\n.wav")]
    assert report["interrupted"] is False


def test_index_lists_a_few_failures_and_says_where_the_rest_is(run: Any, kicks: Path, tmp_path: Path) -> None:
    for number in range(7):
        (kicks / f"bad [{number}]\n\\[x].wav").write_text("not sound")
    ended = run("index", kicks, "--jobs", 1, library=tmp_path / "library")
    assert ended.status == 3
    failed = [line for line in ended.err.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 5
    assert f"failed: {kicks}/bad [0]\\n\\[x].wav: " in failed[0]
    assert "… and 2 more: soundalike errors" in ended.err


def test_index_needs_a_place_for_a_new_library(run: Any, tmp_path: Path) -> None:
    run("index", library=tmp_path / "new").fails("There is no library at")
    assert not (tmp_path / "new").exists()
    run("index", tmp_path / "absent", library=tmp_path / "new").fails(
        "absent' cannot be read: it is not there"
    )


def test_index_refuses_a_library_among_the_sounds_before_it_is_made(run: Any, kicks: Path) -> None:
    before = sorted(kicks.rglob("*"))
    run("index", kicks, "--library", kicks / "library").fails("lies inside the folder of sounds")
    run("index", kicks, library=kicks / "deep" / "library").fails("lies inside the folder of sounds")
    assert sorted(kicks.rglob("*")) == before


def test_info(run: Any, library: Library, samples: Path) -> None:
    figures = run("info", "--json").json
    assert figures | {"size_bytes": 0, "encoders": []} == {
        "path": str(library.path), "sounds": 16, "files": 16, "missing": 0, "errors": 1,
        "audio_s": library.info().audio_s, "size_bytes": 0, "roots": [str(samples)], "encoders": [],
    }  # fmt: skip
    (encoder,) = figures["encoders"]
    assert encoder["segments"] == len(library.vectors(segments=True)[0])
    ended = run("info")
    assert ended.status == 0
    audio = human_duration(figures["audio_s"])
    for words in (
        f"16 ({audio} of audio)",
        "1 (soundalike errors lists them)",
        str(samples),
        "segments, default",
    ):
        assert words in ended.out


def test_errors(run: Any, library: Library, samples: Path) -> None:
    (row,) = run("errors", "--json").json
    assert (row["kind"], row["path"]) == ("error", str(samples / "notes [1]\n.wav"))
    ended = run("errors")
    assert ended.status == 0
    assert ended.out.startswith(f"error: {samples}/notes [1]\\n.wav: notes [1]\\n.wav is not audio")
    assert ended.out.count("\n") == 1
    library.remove(samples / "notes [1]\n.wav")
    assert run("errors", "--json").json == []
    assert run("errors").err == "Every file could be used.\n"


def test_remove_and_add_again(run: Any, library: Library, samples: Path) -> None:
    ended = run("remove", samples / "kicks")
    assert (ended.status, ended.err) == (0, "12 files taken out. The files themselves are where they were.\n")
    assert run("info", "--json").json["sounds"] == 4
    report = run("index", samples / "kicks", "--jobs", 1, "--json").json
    assert (len(report["duplicates"]), report["audio_s"]) == (12, 0.0)
    run("remove", "nonesuch [1]").fails("Nothing in the library goes by 'nonesuch [1]'.")


def test_an_empty_name_is_not_the_working_folder(
    run: Any, library: Library, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(samples)  # what a script does whose variable is not set
    run("remove", "").fails("got an empty text")
    run("index", "").fails("got an empty text")
    run("embed", "", "--out", tmp_path / "v.npz").fails("got an empty text")
    assert run("info", "--json").json["sounds"] == 16


def test_export(run: Any, library: Library, tmp_path: Path) -> None:
    ended = run("export", tmp_path / "sounds.csv")
    assert (ended.status, ended.err) == (0, f"16 sounds written to {tmp_path}/sounds.csv\n")
    with (tmp_path / "sounds.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 16
    assert run("export", tmp_path / "sounds.txt", "--format", "jsonl").status == 0
    assert all(json.loads(line)["id"] for line in (tmp_path / "sounds.txt").read_text().splitlines())
    run("export", tmp_path / "sounds.xls").fails("ends in .csv, .jsonl, .ndjson, .parquet; got 'sounds.xls'")
    run("export", tmp_path / "absent" / "a.csv").fails("cannot be written: No such file or directory.")
    assert run("export", tmp_path / "a.csv", "--format", "xls").status == 2


def test_embed(run: Any, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(samples)
    given = ["kicks/bd_808.flac", "./kicks/bd_808.flac", str(samples / "snares" / "sn_dub.flac")]
    assert run("embed", *given, "--out", tmp_path / "v.npz").status == 0
    with np.load(tmp_path / "v.npz") as made:
        assert sorted(made) == ["names", "vectors"]
        assert made["names"].tolist() == given
        assert made["vectors"].dtype == np.float32
        assert np.array_equal(made["vectors"], embed(given).vectors)


def test_embed_segments_and_failures(run: Any, samples: Path, tmp_path: Path) -> None:
    ended = run(
        "embed", samples / "kicks", samples / "notes [1]\n.wav", "--segments", "--out", tmp_path / "v.npz"
    )
    assert ended.status == 3
    assert f"failed: {samples}/notes [1]\\n.wav: " in ended.err
    with np.load(tmp_path / "v.npz") as made:
        assert sorted(made) == ["end_s", "names", "start_s", "vectors"]
        assert len(set(map(len, (made[name] for name in made)))) == 1
        assert np.all(made["end_s"] > made["start_s"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.npz"]


def test_embed_says_what_is_wrong(run: Any, samples: Path, tmp_path: Path) -> None:
    kick = samples / "kicks" / "bd_808.flac"
    assert run("embed", kick).status == 2
    assert "a name that ends in .npz; got 'v.txt'" in run("embed", kick, "--out", "v.txt").err
    run("embed", kick, "--out", tmp_path / "absent" / "v.npz").fails("there is no folder")
    run("embed", samples / "notes [1]\n.wav", "--out", tmp_path / "v.npz").fails(
        "None of the files could be used"
    )
    run("embed", tmp_path / "absent.wav", "--out", tmp_path / "v.npz").fails("it is not there")
    run("embed", kick, "--encoder", "nonesuch", "--out", tmp_path / "v.npz").fails(
        "no encoder called 'nonesuch'"
    )
    assert list(tmp_path.iterdir()) == []


def test_encoders(run: Any) -> None:
    rows = run("encoders", "list", "--json").json
    spec = load_encoder().spec
    mine = next(row for row in rows if row["name"] == DEFAULT_ENCODER)
    assert (mine["default"], mine["fingerprint"], mine["dims"]) == (True, spec.fingerprint, spec.dims)
    assert f"{DEFAULT_ENCODER} (default): {spec.dims} dimensions, cosine" in run("encoders", "list").out


def test_features(run: Any, samples: Path, tmp_path: Path) -> None:
    assert [line.split(":")[0] for line in run("features", "list").out.splitlines()] == [
        "log-mel",
        "cepstrum",
    ]
    kick = samples / "kicks" / "bd_808.flac"
    ended = run("features", "compute", kick, "--feature", "cepstrum", "--out", tmp_path / "f.npz")
    assert ended.status == 0
    computed = compute_feature(kick, "cepstrum")
    with np.load(tmp_path / "f.npz") as made:
        assert np.array_equal(made["values"], computed.values)
        assert (made["start_s"], made["hop_s"]) == (computed.start_s, computed.hop_s)
    compute = ("features", "compute")
    run(*compute, kick, "--feature", "x", "--out", tmp_path / "g.npz").fails("There is no feature called 'x'")
    run(*compute, tmp_path / "absent.wav", "--out", tmp_path / "g.npz").fails("No such file or directory")
    run(*compute, kick, "--out", tmp_path / "absent" / "g.npz").fails("there is no folder")
    assert run(*compute, kick, "--out", tmp_path / "g.txt").status == 2


def test_train_and_use_an_encoder(run: Any, samples: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    ended = run("train", "spectral", samples / "kicks", samples / "snares", "--out", mine)
    assert ended.status == 0
    assert "Fitted to 15 recordings; use it with: soundalike index FOLDER --encoder" in ended.err
    library = tmp_path / "library"
    indexed = run("index", samples / "snares", "--jobs", 1, "--encoder", mine, library=library)
    assert indexed.status == 0, indexed
    mine.unlink()
    rows = run("search", samples / "snares" / "sn_dub.flac", "--json").json
    assert rows[0]["same_file"]
    (encoder,) = run("info", "--json").json["encoders"]
    assert encoder["fingerprint"] != load_encoder("spectral").spec.fingerprint
    run("search", samples / "snares" / "sn_dub.flac", "--encoder", "spectral").fails("has vectors of")


def test_train_says_what_is_wrong(run: Any, samples: Path, tmp_path: Path) -> None:
    train = ("train", "spectral")
    run(*train, samples / "notes [1]\n.wav", "--out", tmp_path / "a.json").fails("got 0")
    run(*train, tmp_path / "absent", "--out", tmp_path / "a.json").fails("it is not there")
    run(*train, samples / "kicks", "--out", tmp_path / "absent" / "a.json").fails("there is no folder")
    assert run(*train, samples / "kicks", "--out", tmp_path / "a.txt").status == 2
    assert list(tmp_path.iterdir()) == []


def test_demo(run: Any, tmp_path: Path) -> None:
    ended = run("demo", "--no-serve", "--library", tmp_path / "demo")
    assert ended.status == 0
    assert "125 sounds added" in ended.err
    assert "What sounds like drum_heavy_kick.flac?" in ended.err
    assert len(ended.out.splitlines()) == 6
    assert Library.open(tmp_path / "demo", create=False).count() == 125


WORDS = [[], *([verb] for verb in VERBS), *([group] for group in GROUPS)]
WORDS += [[group, verb] for group, verbs in GROUPS.items() for verb in verbs]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_of_every_verb(run: Any, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ended = run(*words, "--help")
    assert (ended.status, ended.err) == (0, "")
    assert "Usage: soundalike" in ended.out
    assert max(len(line) for line in ended.out.splitlines()) <= 80
    if not words:
        assert "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some files failed, 130" in ended.out


def test_groups_are_all_there() -> None:
    assert {g.name for g in app.registered_groups} == set(GROUPS)
    assert len(VERBS) >= 9


def test_version_and_unknown_verbs(run: Any) -> None:
    assert run("--version").out == f"soundalike {soundalike.__version__}\n"
    unknown = run("nonesuch")
    assert (unknown.status, unknown.out) == (2, "")
    assert "nonesuch" in unknown.err
    assert run().status == 2


def test_the_option_goes_before_the_variable(run: Any, library: Library, kicks: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    Library.open(other).add(kicks)
    assert run("info", "--json").json["sounds"] == 16
    assert run("info", "--json", "--library", other).json["sounds"] == 4


READERS = [["info"], ["errors"], ["remove", "x"], ["export", "x.csv"], ["search", "x.wav"], ["serve"]]


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_only_index_and_demo_make_a_library(run: Any, tmp_path: Path, words: list[str]) -> None:
    run(*words, library=tmp_path / "absent").fails(
        f"There is no library at {tmp_path}/absent. Make one with: soundalike index FOLDER"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_was_moved_is_told(run: Any, kicks: Path, tmp_path: Path) -> None:
    run("index", kicks, "--jobs", 1, library=tmp_path / "library")
    shutil.move(min(kicks.iterdir()), kicks / "zz.flac")
    ended = run("index", "--jobs", 1)
    assert ended.status == 0
    assert "0 sounds added" in ended.err
    assert "1 moved" in ended.err
