"""Spectra and statistics in torch against those in numpy, which encoders and kept clips are made with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray
from soundalike.encoders.published import EFFICIENTAT_FRONT_END
from soundalike.features.front_end import LogMelFrontEnd, front_end_spectra
from soundalike.training import load_recipe
from soundalike.training.labelled import levels_db, quantise
from soundalike.training.own_statistics import CEPSTRA, STATISTICS, level_statistics
from soundalike.training.torch_levels import TorchLogMel, torch_level_statistics

RATE_HZ = 32000
HEARD_DB = 70.0  # below that, a tone's far bands hold the rounding of either transform
TIME_S = np.arange(RATE_HZ) / RATE_HZ
SMALL = LogMelFrontEnd(frame_samples=512, hop_samples=200, bands=24, low_hz=40.0, high_hz=12000.0)


def student() -> LogMelFrontEnd:
    front_end = load_recipe("ear").input.front_end
    assert isinstance(front_end, LogMelFrontEnd)
    return front_end


FRONT_ENDS = {"ear": student(), "efficientat": EFFICIENTAT_FRONT_END}


def made_clips() -> FloatArray:
    """Noise; a tone; a short sound, again after a pause, silence behind it; silence; shape ``(4, T)``."""
    rng = np.random.default_rng(0)
    noise = 0.3 * rng.standard_normal(RATE_HZ)
    tone = 0.5 * np.sin(2.0 * np.pi * 440.0 * TIME_S)
    sounding = (TIME_S < 0.31) | ((TIME_S > 0.5) & (TIME_S < 0.73))
    short = np.where(sounding, 0.5 * np.sin(2.0 * np.pi * 1000.0 * TIME_S) + 0.02 * noise, 0.0)
    return np.stack([noise, tone, short, np.zeros(RATE_HZ)]).astype(np.float32)


def in_torch(clips: FloatArray, front_end: LogMelFrontEnd) -> FloatArray:
    found: FloatArray = TorchLogMel(front_end, RATE_HZ)(torch.from_numpy(clips)).numpy()
    return found


def assert_heard_alike(clips: FloatArray, front_end: LogMelFrontEnd) -> None:
    expected = front_end_spectra(clips, front_end, RATE_HZ)
    found = in_torch(clips, front_end)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    if front_end.logarithm == "db":  # a natural logarithm has its offset, that hides what is rounded
        floor = expected.max(axis=(1, 2), keepdims=True) - HEARD_DB / abs(front_end.divide)
        expected, found = np.maximum(expected, floor), np.maximum(found, floor)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-3)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_spectra_are_those_that_an_encoder_computes(name: str) -> None:
    assert_heard_alike(made_clips(), FRONT_ENDS[name])


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_spectra_of_a_real_sound_are_those_that_an_encoder_computes(name: str, demo_folder: Path) -> None:
    sound = decode(demo_folder / "ambience" / "ambi_piano.flac", rate_hz=RATE_HZ).samples[: 2 * RATE_HZ]
    assert_heard_alike(sound.reshape(1, -1).astype(np.float32), FRONT_ENDS[name])


@pytest.mark.parametrize(
    "front_end",
    [
        replace(SMALL, pre_emphasis=0.9),
        replace(SMALL, window="hann_symmetric", norm="area"),
        replace(SMALL, power="plain", fft_samples=1024),
        replace(SMALL, centred=True),
        replace(SMALL, centred=True, fft_samples=1024, pre_emphasis=0.5),
        replace(SMALL, logarithm="natural", offset=1e-3, shift=4.5, divide=5.0),
        replace(SMALL, floor_db=-30.0, shift=3.0, divide=-2.0),
        replace(SMALL, scale="htk", triangles="mel"),
    ],
    ids=str,
)
def test_every_step_of_a_front_end_is_taken(front_end: LogMelFrontEnd) -> None:
    clips = made_clips()[:, :8000]
    assert_heard_alike(clips, front_end)
    if front_end != SMALL:
        count = min(front_end.count_frames(8000), SMALL.count_frames(8000))
        plain = in_torch(clips[:1], SMALL)[..., :count]
        assert np.abs(in_torch(clips[:1], front_end)[..., :count] - plain).max() > 0.1


@pytest.mark.parametrize("name", FRONT_ENDS)
@pytest.mark.parametrize("samples", [1024, 1599, 1600, 1601, 5003])
def test_a_clip_has_as_many_frames_at_any_length(name: str, samples: int) -> None:
    assert_heard_alike(made_clips()[:1, :samples], FRONT_ENDS[name])


def kept_clips() -> tuple[FloatArray, np.ndarray]:
    """Levels of the student, exact, and as steps below the loudest of each; silence is left out."""
    exact = front_end_spectra(made_clips()[:3], student(), RATE_HZ)
    return exact, np.stack([quantise(levels) for levels in exact])


def test_statistics_are_those_of_kept_clips() -> None:
    _, steps = kept_clips()
    lengths = np.full(len(steps), steps.shape[2])
    expected = level_statistics(steps, lengths)
    found = torch_level_statistics(torch.from_numpy(levels_db(steps)))
    assert found.dtype == torch.float32
    assert found.shape == (len(steps), STATISTICS)
    assert np.abs(expected).max() > 30.0
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-3)


def test_statistics_of_exact_levels_differ_by_less_than_a_step() -> None:
    exact, steps = kept_clips()
    expected = level_statistics(steps, np.full(len(steps), steps.shape[2]))
    np.testing.assert_allclose(torch_level_statistics(torch.from_numpy(exact)).numpy(), expected, atol=0.375)


def test_frames_behind_the_end_of_a_clip_do_not_count() -> None:
    _, steps = kept_clips()
    behind = np.concatenate([steps, np.zeros_like(steps)], axis=2)
    alone = torch_level_statistics(torch.from_numpy(levels_db(steps)))
    found = torch_level_statistics(torch.from_numpy(levels_db(behind)))
    np.testing.assert_allclose(found.numpy(), alone.numpy(), rtol=1e-5, atol=1e-3)
    expected = level_statistics(behind, np.full(len(steps), steps.shape[2]))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-3)


def test_statistics_do_not_depend_on_gain_nor_on_the_other_clips() -> None:
    exact, _ = kept_clips()
    levels = torch.from_numpy(exact)
    found = torch_level_statistics(levels)
    louder = torch_level_statistics(levels + torch.tensor([17.0, -40.0, 60.0])[:, None, None])
    np.testing.assert_allclose(louder.numpy(), found.numpy(), rtol=1e-4, atol=1e-3)
    alone = torch.cat([torch_level_statistics(row[None]) for row in levels.flip(0)]).flip(0)
    np.testing.assert_allclose(alone.numpy(), found.numpy(), rtol=1e-4, atol=1e-3)


def test_what_does_not_change_has_neither_spread_nor_change() -> None:
    spectrum = torch.from_numpy(np.random.default_rng(0).uniform(-40.0, 0.0, (1, 64, 1)).astype(np.float32))
    mean, spread, change = torch_level_statistics(spectrum.repeat(1, 1, 30)).reshape(3, CEPSTRA)
    assert float(mean.abs().min()) > 1e-3
    assert max(float(spread.abs().max()), float(change.abs().max())) < 1e-3
    silent = torch_level_statistics(torch.full((2, 64, 10), -160.0))
    assert float(silent.abs().max()) < 1e-3
