"""Encoders of one's own: added, known by name, listed, replaced, removed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from soundalike.core.errors import EncoderError, InvalidInputError, NotFoundError
from soundalike.encoders import (
    ENCODERS,
    ENCODERS_VARIABLE,
    add_encoder,
    describe_encoder,
    encoder_names,
    list_encoders,
    load_encoder,
    own_encoder,
    own_encoder_names,
    remove_encoder,
)
from soundalike.encoders.models import FOLDER, shipped_manifests
from soundalike.encoders.onnx_manifest import load_manifest, save_manifest
from soundalike.encoders.onnx_session import sha256_of
from soundalike.encoders.spectral_config import default_config, save_config

GOLDEN = Path(__file__).parents[1] / "golden"
MakeFull = Callable[..., Path]
FILES = ["encoder.json", "merges.txt", "model.onnx", "text.onnx", "vocab.json"]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_added_encoder_is_known_by_name(make_full: MakeFull, own_folder: Path) -> None:
    given = make_full()
    (given / "notes.txt").write_text("not part of it")
    spec = load_encoder(given).spec
    assert add_encoder(given).spec == spec
    shutil.rmtree(given)
    assert load_encoder("tiny-full").spec == spec
    assert encoder_names() == sorted([*ENCODERS.names(), "tiny-full"])
    assert files(own_folder / "tiny-full") == FILES
    assert files(own_folder) == [".lock", "tiny-full"]


@pytest.mark.parametrize("given", ["mine.onnx", "mine.json"])
def test_a_model_and_a_manifest_of_other_names(tmp_path: Path, own_folder: Path, given: str) -> None:
    source = GOLDEN / "encoders_v1" / "onnx"
    shutil.copyfile(source / "model.onnx", tmp_path / "mine.onnx")
    document = json.loads((source / "encoder.json").read_text()) | {"file": "mine.onnx"}
    (tmp_path / "mine.json").write_text(json.dumps(document))
    spec = add_encoder(tmp_path / given).spec
    assert spec == load_encoder(tmp_path / given).spec
    assert files(own_folder / "tiny") == ["encoder.json", "mine.onnx"]


def test_another_name_is_another_encoder(make_full: MakeFull) -> None:
    given = make_full()
    found = add_encoder(given, "my-ear").spec
    assert (found.name, load_encoder("my-ear").spec) == ("my-ear", found)
    assert found.fingerprint != load_encoder(given).spec.fingerprint
    assert own_encoder_names() == ["my-ear"]


def test_an_encoder_that_is_no_model_needs_a_name(tmp_path: Path) -> None:
    save_config(dataclasses.replace(default_config(), clip=3.0), tmp_path / "c.json")
    with pytest.raises(InvalidInputError, match="'spectral' is the name of an encoder that comes with"):
        add_encoder(tmp_path / "c.json")
    fingerprint = add_encoder(tmp_path / "c.json", "clipped").spec.fingerprint
    assert (
        load_encoder("clipped").spec.fingerprint == fingerprint != load_encoder("spectral").spec.fingerprint
    )


def test_another_of_the_same_name_is_refused_unless_forced(make_full: MakeFull) -> None:
    first = add_encoder(make_full()).spec
    assert add_encoder(make_full()).spec == first, "the same again is no mistake"
    other = make_full("other", version=4)
    with pytest.raises(InvalidInputError, match=r"another encoder called 'tiny-full' .* --force"):
        add_encoder(other)
    assert load_encoder("tiny-full").spec == first
    assert add_encoder(other, force=True).spec == load_encoder(other).spec == load_encoder("tiny-full").spec


@pytest.mark.parametrize("name", ["", "..", "a/b", "../out", ".hidden", "-x", "Ear", "a" * 65, "x\0"])
def test_names_that_are_none_are_refused(make_full: MakeFull, own_folder: Path, name: str) -> None:
    if name:
        with pytest.raises(InvalidInputError, match="An encoder's name takes"):
            add_encoder(make_full(), name)
    assert own_encoder(name) is None
    assert not own_folder.exists()


def test_a_removed_encoder_is_gone(make_full: MakeFull, own_folder: Path) -> None:
    add_encoder(make_full())
    remove_encoder("tiny-full")
    assert (own_encoder_names(), files(own_folder)) == ([], [".lock"])
    with pytest.raises(NotFoundError, match="'tiny-full' to remove: it was never added"):
        remove_encoder("tiny-full")
    with pytest.raises(NotFoundError, match="'spectral' to remove: it comes with soundalike"):
        remove_encoder("spectral")
    with pytest.raises(NotFoundError, match="no encoder called 'tiny-full' and no file"):
        load_encoder("tiny-full")


def test_places_that_hold_no_encoder(tmp_path: Path, own_folder: Path) -> None:
    with pytest.raises(NotFoundError, match=r"There is no encoder at .*none"):
        add_encoder(tmp_path / "none")
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(EncoderError, match=r"model\.json cannot be read"):
        add_encoder(tmp_path / "model.onnx")
    with pytest.raises(EncoderError, match=r"encoder\.json cannot be read"):
        add_encoder(tmp_path)
    assert not own_folder.exists()


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/hostname", "a\\b", "encoder.json", ""])
def test_names_of_files_elsewhere_are_refused(make_full: MakeFull, name: str) -> None:
    path = make_full() / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"file": name}))
    with pytest.raises(EncoderError, match="a file in the manifest's own folder"):
        add_encoder(path)


def broken(folder: Path, output: str, operator: str) -> None:
    """Put another step before an output of the model."""
    model = onnx.load(folder / "model.onnx")
    node = next(node for node in model.graph.node if output in node.output)
    node.output[0] = "before"
    model.graph.node.append(onnx.helper.make_node(operator, ["before"], [output]))
    for later in model.graph.node:
        if output in later.input and later is not model.graph.node[-1]:
            later.input[0] = "before"
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    manifest = load_manifest(folder / "encoder.json")
    sha256 = sha256_of(folder / "model.onnx")
    save_manifest(dataclasses.replace(manifest, sha256=sha256), folder / "encoder.json")


@pytest.mark.parametrize(
    ("output", "operator", "message"),
    [
        ("vectors", "Exp", "declares vectors of length 1; one has length"),
        ("vectors", "Acosh", "NaN or infinite"),
        ("logits", "Acosh", "scores of tags with values that are NaN"),
        ("vectors", "Softmax", "declares vectors of length 1"),
    ],
)
def test_an_encoder_that_breaks_its_word_is_not_kept(
    make_full: MakeFull, own_folder: Path, output: str, operator: str, message: str
) -> None:
    folder = make_full()
    broken(folder, output, operator)
    with pytest.raises(EncoderError, match=message):
        add_encoder(folder)
    assert not own_folder.exists()


def test_a_text_tower_is_tried_too(make_full: MakeFull, own_folder: Path) -> None:
    folder = make_full()
    with (folder / "text.onnx").open("ab") as file:
        file.write(b" ")
    with pytest.raises(EncoderError, match=r"The text tower .* not the one of its manifest"):
        add_encoder(folder)
    assert not own_folder.exists()


KILLED = """
import os, sys
from pathlib import Path
from soundalike.encoders import add_encoder

real = Path.replace

def replace(self, target):
    if self.name.endswith(".part"):
        os._exit(9)
    return real(self, target)

Path.replace = replace
add_encoder(sys.argv[1], force=True)
"""


def test_killed_between_two_names_the_old_one_is_still_there(make_full: MakeFull, own_folder: Path) -> None:
    first = add_encoder(make_full()).spec
    other = make_full("other", version=4)
    environment = os.environ | {ENCODERS_VARIABLE: str(own_folder)}
    done = subprocess.run([sys.executable, "-c", KILLED, other], check=False, env=environment)
    assert done.returncode == 9
    assert files(own_folder) == [".lock", ".tiny-full.old", ".tiny-full.part"]
    assert own_encoder_names() == ["tiny-full"]
    assert load_encoder("tiny-full").spec == first
    with pytest.raises(InvalidInputError, match="another encoder called 'tiny-full'"):
        add_encoder(other)
    assert add_encoder(other, force=True).spec != first
    assert files(own_folder) == [".lock", "tiny-full"]


def test_what_is_left_of_a_killed_copy_is_no_encoder(make_full: MakeFull, own_folder: Path) -> None:
    shutil.copytree(make_full(), own_folder / ".tiny-full.part")
    assert own_encoder_names() == []
    add_encoder(make_full())
    assert files(own_folder) == [".lock", "tiny-full"]


def test_a_folder_that_cannot_be_written_is_named(
    make_full: MakeFull, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_folder.write_text("in the way")
    with pytest.raises(EncoderError, match=r"encoders in .*own encoders cannot be changed: .*exists"):
        add_encoder(make_full())
    assert own_encoder_names() == []
    own_folder.unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(EncoderError, match="cannot be changed: No space left on device"):
        add_encoder(make_full())
    assert files(own_folder) == [".lock"]


def test_the_list_tells_what_is_known(make_full: MakeFull) -> None:
    add_encoder(make_full())
    by_name = {encoder.name: encoder for encoder in list_encoders()}
    assert sum(encoder.default for encoder in by_name.values()) == 1
    spectral, mine = by_name["spectral"], by_name["tiny-full"]
    assert (spectral.origin, spectral.path, spectral.manifest) == ("soundalike", None, None)
    assert spectral.spec == load_encoder("spectral").spec
    assert (mine.origin, mine.path, mine.problem) == ("added", own_encoder("tiny-full"), None)
    assert mine.spec == load_encoder("tiny-full").spec
    assert mine.manifest is not None
    assert (mine.manifest.licence, mine.manifest.version) == ("Apache-2.0", 3)
    with pytest.raises(NotFoundError, match=r"no encoder called 'other'; the encoders are: .*tiny-full"):
        describe_encoder("other")


def test_a_broken_one_does_not_stop_the_list(make_full: MakeFull, own_folder: Path) -> None:
    add_encoder(make_full())
    add_encoder(make_full(), "other")
    (own_folder / "tiny-full" / "model.onnx").unlink()
    (own_folder / "other" / "encoder.json").write_text("{")
    problems = {encoder.name: encoder.problem for encoder in list_encoders() if encoder.origin == "added"}
    assert "model.onnx is missing" in str(problems["tiny-full"])
    assert "is not an encoder's file" in str(problems["other"])


def test_listing_opens_no_model(make_full: MakeFull, own_folder: Path) -> None:
    add_encoder(make_full())
    code = (
        "import sys; from soundalike.encoders import list_encoders; list_encoders()\n"
        "print('onnxruntime' in sys.modules)"
    )
    environment = os.environ | {ENCODERS_VARIABLE: str(own_folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "False"


def test_what_comes_with_soundalike_is_in_the_registry(
    tmp_path: Path, make_full: MakeFull, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundalike.encoders import models

    assert FOLDER.is_dir()
    assert set(shipped_manifests()) <= set(ENCODERS.names())
    shipped = make_full("models")
    (shipped / "encoder.json").rename(shipped / "ear.json")
    monkeypatch.setattr(models, "FOLDER", shipped)
    monkeypatch.setitem(ENCODERS._addresses, "ear", "soundalike.encoders.models:ear")
    spec = load_encoder("ear").spec
    assert spec == describe_encoder("ear").spec
    np.testing.assert_array_equal(load_encoder("ear").encode_text(["rain"]).shape, (1, spec.dims))
    with pytest.raises(AttributeError, match="No encoder called 'nose' comes with"):
        models.nose  # noqa: B018


STRANGE: list[object] = [
    None,
    True,
    -1,
    0,
    10**30,
    -1e308,
    float("nan"),
    float("inf"),
    "",
    "x" * 20_000,
    "../x",
    [],
    [[]],
    {},
]


def places(document: dict[str, object], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in document.items():
        yield (*before, name)
        if isinstance(value, dict):
            yield from places(value, (*before, name))


def test_no_manifest_does_anything_but_load_or_be_refused(make_full: MakeFull) -> None:
    path = make_full() / "encoder.json"
    text = path.read_text()
    refused = 0
    for place in places(json.loads(text)):
        for value in STRANGE:
            document = json.loads(text)
            inner = document
            for name in place[:-1]:
                inner = inner[name]
            inner[place[-1]] = value
            path.write_text(json.dumps(document))
            try:
                load_manifest(path)
            except EncoderError:
                refused += 1
    assert refused > 300
