"""What is heard before it is embedded: features of a file, for a notebook or another program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import NotFoundError
from soundalike.features import LogMelConfig, cepstrum, log_mel

_FEATURES = {
    "log-mel": "power in mel bands over time, in dB relative to a full-scale sine",
    "cepstrum": "cosine transform of the log-mel bands: the shape of the spectrum, coarse to fine (MFCC)",
}
_COEFFICIENTS = 20


@dataclass(frozen=True, slots=True)
class Computed:
    """A feature of one file.

    Attributes:
        values: Shape ``(N, D)``, float32: N frames of D values.
        start_s: Where the first frame starts.
        hop_s: Time between the starts of two frames.
    """

    values: FloatArray
    start_s: float
    hop_s: float


def feature_names() -> dict[str, str]:
    """The features that can be computed, each with what it is."""
    return dict(_FEATURES)


def compute_feature(path: str | Path, name: str = "log-mel") -> Computed:
    """Compute a feature of a whole file.

    Args:
        path: Any sound file.
        name: Which feature.

    Raises:
        NotFoundError: No feature of that name.
        AudioError: The file cannot be decoded.
    """
    if name not in _FEATURES:
        raise NotFoundError(f"There is no feature called {name!r}; there are: {', '.join(_FEATURES)}.")
    config = LogMelConfig()
    mel = log_mel(decode(path, rate_hz=config.rate_hz).samples, config)
    values = mel if name == "log-mel" else cepstrum(mel, _COEFFICIENTS)
    frames = np.ascontiguousarray(values.T)
    return Computed(frames, 0.0, config.hop_samples / config.rate_hz)
