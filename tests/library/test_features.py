"""Features of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundalike.core.errors import AudioError, NotFoundError
from soundalike.library import compute_feature, feature_names


@pytest.mark.parametrize("name", feature_names())
def test_a_feature_covers_the_file(samples: Path, library: object, name: str) -> None:
    path = samples / "bass" / "bass_trance_c.flac"
    made = compute_feature(path, name)
    frames, dims = made.values.shape
    assert made.values.dtype == np.float32
    assert np.isfinite(made.values).all()
    assert dims == (20 if name == "cepstrum" else made.values.shape[1])
    import av

    with av.open(str(path)) as container:
        duration_s = float(container.duration or 0) / 1e6
    assert made.start_s + frames * made.hop_s == pytest.approx(duration_s, abs=0.1)


def test_the_loudest_band_is_the_tones(tmp_path: Path, write_tone: object) -> None:
    assert callable(write_tone)
    low = compute_feature(write_tone(tmp_path / "low.wav", 200.0)).values.mean(axis=0).argmax()
    high = compute_feature(write_tone(tmp_path / "high.wav", 3000.0)).values.mean(axis=0).argmax()
    assert low < high


def test_what_cannot_be_computed(samples: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no feature called 'pitch'; there are: log-mel, cepstrum"):
        compute_feature(samples / "kicks" / "bd_808.flac", "pitch")
    with pytest.raises(AudioError, match="is not audio that can be decoded"):
        compute_feature(samples / "notes.wav")
