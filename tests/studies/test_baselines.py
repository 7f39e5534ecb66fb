"""The baselines are what they say: librosa's features, summed up; and they keep the contract of encoders."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from soundalike.audio import decode
from soundalike.core.errors import InvalidInputError
from soundalike.encoders import Encoder
from soundalike.library import demo_sounds
from soundalike.studies.baselines import BaselineConfig, LogMelMean, MfccStatistics

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def recording() -> Array:
    """Real drums and a drone, one behind the other, at 22.05 kHz."""
    paths = [
        *sorted((demo_sounds() / "loops").glob("*.flac"))[:2],
        demo_sounds() / "ambience/ambi_drone.flac",
    ]
    return np.concatenate([decode(path, rate_hz=22050).samples for path in paths])[: 10 * 22050]


def segments(recording: Array, encoder: Encoder) -> Array:
    window = encoder.spec.window_samples
    return np.stack([recording[at : at + window] for at in range(0, len(recording) - window, window // 2)])


def full(rows: Array) -> NDArray[np.int64]:
    return np.full(len(rows), rows.shape[1])


def librosa_levels(samples: Array, config: BaselineConfig) -> Array:
    """librosa's log-mel spectra, in dB relative to a full-scale sine."""
    mel = librosa.feature.melspectrogram(
        y=samples, sr=config.rate_hz, n_fft=config.frame_samples, hop_length=config.hop_samples,
        n_mels=config.bands, fmin=0.0, fmax=config.rate_hz / 2, center=False,
    )  # fmt: skip
    full_scale = (np.hanning(config.frame_samples + 1)[:-1].sum() / 2) ** 2
    return np.asarray(librosa.power_to_db(mel / full_scale, amin=1e-16, top_db=config.range_db), np.float32)


def test_mfcc_statistics_are_those_of_librosa(recording: Array) -> None:
    encoder = MfccStatistics()
    config = encoder.config
    rows = segments(recording, encoder)
    for row, vector in zip(rows[::4], encoder.encode(rows, full(rows))[::4], strict=True):
        levels = librosa_levels(row, config)
        mfcc = librosa.feature.mfcc(S=levels, n_mfcc=20)
        delta = librosa.feature.delta(mfcc, width=config.delta_frames, mode="nearest")
        expected = np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1), delta.std(axis=1)])
        np.testing.assert_allclose(vector, expected, atol=0.05, rtol=1e-3)
        assert np.ptp(vector) > 10.0


def test_log_mel_mean_is_that_of_librosa(recording: Array) -> None:
    encoder = LogMelMean()
    rows = segments(recording, encoder)
    for row, vector in zip(rows[::4], encoder.encode(rows, full(rows))[::4], strict=True):
        np.testing.assert_allclose(vector, librosa_levels(row, encoder.config).mean(axis=1), atol=0.05)


@pytest.mark.parametrize("make", [MfccStatistics, LogMelMean])
def test_a_segment_alone_is_the_same_as_in_a_batch(make: type[Encoder], recording: Array) -> None:
    encoder = make()
    rows = segments(recording, encoder)
    lengths = full(rows)
    lengths[::3] = [1 + 997 * n % rows.shape[1] for n in range(len(lengths[::3]))]
    rows = np.where(np.arange(rows.shape[1]) < lengths[:, None], rows, np.float32(0.0))
    together = encoder.encode(rows, lengths)
    assert together.shape == (len(rows), encoder.spec.dims)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    for n in range(len(rows)):
        np.testing.assert_allclose(
            encoder.encode(rows[n : n + 1], lengths[n : n + 1])[0], together[n], atol=1e-4
        )


@pytest.mark.parametrize("make", [MfccStatistics, LogMelMean])
def test_what_follows_a_short_sound_does_not_count(make: type[Encoder], recording: Array) -> None:
    encoder = make()
    length = np.array([5000])
    short = segments(recording, encoder)[:1].copy()
    short[:, 5000:] = 0.0
    longer = short.copy()
    longer[:, 5000 + encoder.config.frame_samples :] = 0.5  # type: ignore[attr-defined]
    np.testing.assert_array_equal(encoder.encode(short, length), encoder.encode(longer, length))


def test_louder_changes_one_coefficient_only(recording: Array) -> None:
    encoder = MfccStatistics()
    rows = segments(recording, encoder)
    change = encoder.encode(4 * rows, full(rows)) - encoder.encode(rows, full(rows))
    np.testing.assert_allclose(change[:, 0], 20 * np.log10(4) * np.sqrt(40), rtol=1e-3)
    np.testing.assert_allclose(change[:, 1:], 0.0, atol=0.02)


def test_every_setting_counts_in_the_fingerprint() -> None:
    prints = {MfccStatistics().spec.fingerprint, LogMelMean().spec.fingerprint}
    for changes in ({"bands": 41}, {"coefficients": 19}, {"delta_frames": 5}, {"range_db": 60.0}):
        prints.add(MfccStatistics(BaselineConfig(**changes)).spec.fingerprint)
    assert len(prints) == 6


def test_settings_out_of_range() -> None:
    with pytest.raises(InvalidInputError, match="odd number of at least 3 frames; got 4"):
        BaselineConfig(delta_frames=4)
    with pytest.raises(InvalidInputError, match="40 bands have 1 to 40 coefficients; got 41"):
        BaselineConfig(coefficients=41)
