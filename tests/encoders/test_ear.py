"""The encoder that comes with soundalike and is used by default."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray
from soundalike.encoders import DEFAULT_ENCODER, FORMER_DEFAULTS, Encoder, describe_encoder, load_encoder
from soundalike.encoders.models import shipped_manifests
from soundalike.encoders.onnx_manifest import OnnxManifest
from soundalike.encoders.published import audioset_class_names

DEMO = Path(__file__).parents[2] / "src" / "soundalike" / "data" / "demo"


@pytest.fixture(scope="module")
def ear() -> Encoder:
    return load_encoder()


@pytest.fixture(scope="module")
def manifest() -> OnnxManifest:
    found = describe_encoder("ear").manifest
    assert found is not None
    return found


def test_it_is_the_default_and_spectral_was() -> None:
    assert DEFAULT_ENCODER == "ear"
    assert "spectral" in FORMER_DEFAULTS
    assert "ear" not in FORMER_DEFAULTS


def test_it_is_small(ear: Encoder, manifest: OnnxManifest) -> None:
    model = shipped_manifests()["ear"].with_name(manifest.file)
    assert model.stat().st_size <= 10_000_000
    assert (ear.spec.name, ear.spec.dims, ear.spec.metric, ear.spec.unit_length) == (
        "ear",
        128,
        "cosine",
        True,
    )


def test_its_manifest_says_whose_it_is_and_what_it_learnt_from(manifest: OnnxManifest) -> None:
    assert manifest.licence == "Apache-2.0"
    assert len(manifest.training_data.split()) > 5
    assert manifest.tags is not None
    assert manifest.tags.names == audioset_class_names()


def mean_scores(encoder: Encoder, folder: str) -> dict[str, float]:
    """Scores of the tags, each a mean over the sounds of a folder."""
    window = encoder.spec.window_samples
    sounds = [decode(path, rate_hz=encoder.spec.rate_hz).samples for path in (DEMO / folder).glob("*.flac")]
    lengths = np.array([min(len(samples), window) for samples in sounds])
    segments: FloatArray = np.zeros((len(sounds), window), np.float32)
    for row, samples in enumerate(sounds):
        segments[row, : lengths[row]] = samples[: lengths[row]]
    scores = encoder.tag_scores(segments, lengths)
    assert scores.shape == (len(sounds), 527)
    assert 0.0 <= scores.min() <= scores.max() <= 1.0
    return dict(zip(encoder.tag_names, scores.mean(axis=0).tolist(), strict=True))


def test_its_tags_tell_drums_from_other_sounds(ear: Encoder) -> None:
    by_folder = {name: mean_scores(ear, name) for name in ("loops", "snares", "ambience", "guitar", "vinyl")}
    for drums in ("loops", "snares"):
        for other in ("ambience", "guitar", "vinyl"):
            assert by_folder[drums]["Drum"] > 2 * by_folder[other]["Drum"], (drums, other)
    assert by_folder["guitar"]["Guitar"] > 2 * by_folder["snares"]["Guitar"]


OFFLINE_AND_WITHOUT_TORCH = """
import socket, sys
sys.modules["torch"] = None

def refuse(*_):
    raise AssertionError("it went to the network")

socket.socket.connect = socket.getaddrinfo = refuse
import numpy as np
from soundalike.cli import main
from soundalike.library import load_encoder

encoder = load_encoder()
window = encoder.spec.window_samples
noise = np.random.default_rng(0).normal(0, 0.1, (2, window)).astype(np.float32)
print(encoder.spec.name, encoder.tag_scores(noise, np.array([window, window])).shape)
sys.argv = ["soundalike", "embed", sys.argv[1], "--out", sys.argv[2]]
main()
"""


def test_it_needs_neither_torch_nor_a_network(tmp_path: Path) -> None:
    code = [sys.executable, "-c", OFFLINE_AND_WITHOUT_TORCH, str(DEMO / "kicks"), str(tmp_path / "made.npz")]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ear (2, 527)\n"
    with np.load(tmp_path / "made.npz") as made:
        count = len(list((DEMO / "kicks").glob("*.flac")))
        assert made["vectors"].shape == (count, 128)
