"""docs/encoders.md cannot drift: every field is in it, and its first example is an encoder."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import encode_wav
from soundalike.encoders import ENCODERS, add_encoder, load_encoder
from soundalike.encoders.onnx_manifest import OnnxManifest
from soundalike.encoders.tag_head import TagHead
from soundalike.encoders.text_tower import TextTower
from soundalike.features import LogMelFrontEnd

GUIDE = (Path(__file__).parents[2] / "docs" / "encoders.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("config", [OnnxManifest, LogMelFrontEnd, TagHead, TextTower])
def test_every_field_is_in_the_guide(config: type) -> None:
    for field in dataclasses.fields(config):
        assert re.search(rf'[`"]{field.name}[`"]', GUIDE), f"{config.__name__}.{field.name}"


def test_every_default_is_the_one_in_the_guide() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| `([^`]+)`[^|]*\|$", GUIDE, re.MULTILINE)
    defaults = {
        f.name: f.default for config in (OnnxManifest, LogMelFrontEnd) for f in dataclasses.fields(config)
    }
    assert len(rows) >= 12
    for name, value in rows:
        assert json.loads(value) == defaults[name], name


def test_the_first_example_is_an_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(CODE[0], {})
    assert add_encoder("my-model.onnx").spec.dims == 16


def test_the_known_front_end_is_efficient_ats() -> None:
    made = eval(CODE[1].partition("\n\n")[2], {"LogMelFrontEnd": LogMelFrontEnd})
    assert made.count_frames(320_000) == 1000
    assert (made.triangles, made.centred, made.shift, made.divide) == ("mel", True, 4.5, 5.0)


def test_what_comes_with_soundalike_is_described_as_it_is() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.* kHz .*) \|$", GUIDE, re.MULTILINE))
    assert set(rows) == set(ENCODERS.names())
    for name, row in rows.items():
        spec, tags = load_encoder(name).spec, len(load_encoder(name).tag_names) or "none"
        told = f"{spec.window_s:.2f} s every {spec.hop_s:.2f} s, {spec.rate_hz / 1000:g} kHz"
        assert row.startswith(f"{told} | {spec.dims} dimensions, {spec.metric} | {tags} |"), name


def test_the_tags_of_a_loop_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).normal(0, 0.1, 22050).astype(np.float32)
    Path("loop.wav").write_bytes(encode_wav(noise, 22050))
    (code,) = (code for code in CODE if "tag_scores" in code)
    exec(code, {})
    assert len(capsys.readouterr().out.splitlines()) == 3
