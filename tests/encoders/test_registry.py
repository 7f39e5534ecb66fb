"""Loading encoders by name and by path."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soundalike.core.errors import EncoderError, NotFoundError
from soundalike.encoders import DEFAULT_ENCODER, ENCODERS, encoder_names, load_encoder
from soundalike.encoders.spectral_config import default_config, save_config

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders_v1"


def not_an_encoder() -> int:
    """What a broken plug-in might register."""
    return 3


def test_default_is_among_the_names() -> None:
    assert DEFAULT_ENCODER in encoder_names()
    assert load_encoder().spec == load_encoder(DEFAULT_ENCODER).spec


def test_a_saved_config_is_an_encoder(tmp_path: Path) -> None:
    save_config(default_config(), tmp_path / "mine.json")
    assert load_encoder(tmp_path / "mine.json").spec == load_encoder("spectral").spec


def test_a_name_goes_before_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spectral").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_encoder("spectral").spec.name == "spectral"
    with pytest.raises(EncoderError, match=r"encoder\.json cannot be read"):
        load_encoder("./spectral")


def test_golden_encoders_open_by_folder_manifest_and_model(tmp_path: Path) -> None:
    by_folder = load_encoder(GOLDEN / "onnx").spec
    assert by_folder.fingerprint == "tiny-91d78c7728596224"
    assert load_encoder(str(GOLDEN / "onnx" / "encoder.json")).spec == by_folder
    shutil.copy(GOLDEN / "onnx" / "encoder.json", tmp_path / "model.json")
    shutil.copy(GOLDEN / "onnx" / "model.onnx", tmp_path / "model.onnx")
    assert load_encoder(tmp_path / "model.onnx").spec == by_folder
    assert load_encoder(GOLDEN / "spectral.json").spec.fingerprint == "spectral-f9845d433b3af895"


def test_unknown_names_are_answered_with_those_there_are() -> None:
    with pytest.raises(
        NotFoundError, match=r"'spectrum' and no file of that path; the encoders are: .*spectral"
    ):
        load_encoder("spectrum")


def test_unknown_kinds_are_answered_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "encoder.json").write_text(json.dumps({"encoder": "magic", "format": 1}))
    with pytest.raises(EncoderError, match="of kind 'magic'; there are: onnx, spectral"):
        load_encoder(tmp_path)


def test_a_plug_in_that_gives_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENCODERS._addresses, "broken", "broken_plug_in:make")
    monkeypatch.setitem(sys.modules, "broken_plug_in", type(sys)("broken_plug_in"))
    monkeypatch.setattr("broken_plug_in.make", not_an_encoder, raising=False)
    with pytest.raises(EncoderError, match="'broken' gave a int, not an Encoder"):
        load_encoder("broken")


def test_spectral_loads_without_heavy_packages() -> None:
    code = (
        "import sys; from soundalike.encoders import load_encoder; load_encoder('spectral')\n"
        "print([m for m in ('numba', 'onnxruntime', 'av', 'lancedb', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_encoders_that_were_added_on_this_machine_do_not_change_the_tests() -> None:
    assert encoder_names() == ENCODERS.names()
