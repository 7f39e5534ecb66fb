"""Samples to arrays: power spectra, mel bands, cepstra, statistics over time; pure functions of batches."""

from soundalike.features.cepstrum import cepstrum
from soundalike.features.front_end import LogMelFrontEnd, front_end_of, front_end_spectra
from soundalike.features.logmel import LogMelConfig, log_mel, log_mel_of_frames
from soundalike.features.mel import MelConfig, hz_to_mel, mel_filter_bank, mel_to_hz
from soundalike.features.morlet import MorletConfig, morlet_centres_hz, morlet_wavelets
from soundalike.features.statistics import TimeStatistics, time_statistics
from soundalike.features.stft import (
    StftConfig,
    count_frames,
    frame,
    hann_window,
    power_of_frames,
    power_spectrogram,
)

__all__ = [
    "LogMelConfig",
    "LogMelFrontEnd",
    "MelConfig",
    "MorletConfig",
    "StftConfig",
    "TimeStatistics",
    "cepstrum",
    "count_frames",
    "frame",
    "front_end_of",
    "front_end_spectra",
    "hann_window",
    "hz_to_mel",
    "log_mel",
    "log_mel_of_frames",
    "mel_filter_bank",
    "mel_to_hz",
    "morlet_centres_hz",
    "morlet_wavelets",
    "power_of_frames",
    "power_spectrogram",
    "time_statistics",
]
