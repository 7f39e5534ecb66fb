"""Encoders' files: what is written is read, and what is wrong is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.encoders.spectral_config import SpectralConfig, default_config, load_config, save_config


def changed(tmp_path: Path, **changes: Any) -> Path:
    """Write the default config with some values changed; None takes one out."""
    path = tmp_path / "encoder.json"
    save_config(default_config(), path)
    document = json.loads(path.read_text())
    document.update(changes)
    path.write_text(json.dumps({name: value for name, value in document.items() if value is not None}))
    return path


def test_config_comes_back_as_it_was(tmp_path: Path) -> None:
    save_config(default_config(), tmp_path / "c.json")
    assert load_config(tmp_path / "c.json") == default_config()


def test_fields_left_out_have_their_defaults(tmp_path: Path) -> None:
    assert load_config(changed(tmp_path, clip=None)).clip == SpectralConfig().clip


def test_whole_numbers_stand_for_floats(tmp_path: Path) -> None:
    config = load_config(changed(tmp_path, range_db=61))
    assert (config.range_db, type(config.range_db)) == (61.0, float)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": "onnx"}, "of kind 'onnx', not 'spectral'"),
        ({"encoder": 3}, "expected a JSON object with a text 'encoder'"),
        ({"format": 2}, "has format 2; this version of soundalike reads format 1"),
        ({"colour": "red"}, r"unknown fields \['colour'\]"),
        ({"log_mel": {"bands": 40, "x": 1}}, r"unknown fields \['x'\]"),
        ({"log_mel": 7}, "log_mel must be of type LogMelConfig, not int"),
        ({"range_db": "60"}, "range_db must be of type float, not str"),
        ({"window_frames": 95.0}, "window_frames must be of type int, not float"),
        ({"window_frames": True}, "window_frames must be of type int, not bool"),
        ({"mean": [1.0, 2.0]}, "mean and scale have 180 values each"),
        ({"mean": ["a"] * 180}, "mean must be of type float, not str"),
        ({"scale": [0.0] * 180}, "scale finite and above 0"),
        ({"cepstra": 40}, "1 to 39 cepstra; got 40"),
        ({"clip": float("inf")}, "range_db and clip are above 0; got 80 and inf"),
        ({"spread_weight": -1.0}, "not negative, and the last three"),
        ({"window_frames": 0}, "at least 1 frame"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        load_config(changed(tmp_path, **changes))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an encoder's file"),
        (b"\xff\xfe\x00", "is not an encoder's file"),
        (b"[1, 2]", "expected a JSON object"),
        (b"[" * 100_000, "is not an encoder's file"),
        (b" " * 1_000_001, "more than 1000000 bytes"),
    ],
    ids=["empty", "bytes", "list", "deep", "large"],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(content)
    with pytest.raises(EncoderError, match=message):
        load_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"none\.json cannot be read: .*No such file"):
        load_config(tmp_path / "none.json")


def test_weights_all_zero_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"got \(0\.5, 0\.0, 0\.0, 0\.0\)"):
        SpectralConfig(mean_weight=0.0, spread_weight=0.0, change_weight=0.0)
