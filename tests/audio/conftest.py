"""Sounds in every format that PyAV can write here, and what is in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

SECONDS = 8.0


@dataclass(frozen=True)
class Format:
    """How to write one kind of file."""

    file_name: str
    codec: str
    rate_hz: int = 44100
    layout: str = "stereo"
    sample_format: str | None = None
    container: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    codec_options: dict[str, str] = field(default_factory=dict)
    lossless: bool = False
    declares: bool = True  # whether a file that was cut in half can still be told from a whole one
    opens_cut: bool = True  # whether it opens at all when its second half is missing


FORMATS = {
    "wav-u8": Format("a.wav", "pcm_u8"),
    "wav-s16": Format("a.wav", "pcm_s16le", lossless=True),
    "wav-s24": Format("a.wav", "pcm_s24le", lossless=True),
    "wav-s32": Format("a.wav", "pcm_s32le", lossless=True),
    "wav-f32": Format("a.wav", "pcm_f32le", lossless=True),
    "wav-f64": Format("a.wav", "pcm_f64le", lossless=True),
    "wav-alaw": Format("a.wav", "pcm_alaw"),
    "wav-adpcm": Format("a.wav", "adpcm_ms"),
    "wav-mono-8k": Format("a.wav", "pcm_s16le", 8000, "mono", lossless=True),
    "wav-8-channels": Format("a.wav", "pcm_s16le", layout="7.1", lossless=True),
    "wav-192k": Format("a.wav", "pcm_s24le", 192000, lossless=True),
    "rf64": Format("a.wav", "pcm_s16le", options={"rf64": "always"}, lossless=True),
    "w64": Format("a.w64", "pcm_s16le", lossless=True),
    "caf": Format("a.caf", "pcm_s16be", lossless=True),
    "caf-alac": Format("a.caf", "alac", opens_cut=False, lossless=True),
    "aiff": Format("a.aiff", "pcm_s16be", lossless=True),
    "aifc-f32": Format("a.aiff", "pcm_f32be", lossless=True),
    "au": Format("a.au", "pcm_s16be", lossless=True),
    "flac": Format("a.flac", "flac", lossless=True),
    "flac-24": Format("a.flac", "flac", sample_format="s32", lossless=True),
    "flac-8-channels": Format("a.flac", "flac", layout="7.1", lossless=True),
    "mp3": Format("a.mp3", "libmp3lame"),
    "mp3-no-xing": Format("a.mp3", "libmp3lame", options={"write_xing": "0"}, declares=False),
    "ogg-vorbis": Format("a.ogg", "vorbis", codec_options={"strict": "-2"}, opens_cut=False),
    "ogg-opus": Format("a.opus", "libopus", 48000),
    "ogg-flac": Format("a.oga", "flac", container="ogg", lossless=True),
    "webm-opus": Format("a.webm", "libopus", 48000),
    "mka-flac": Format("a.mka", "flac", container="matroska", lossless=True),
    "m4a-aac": Format("a.m4a", "aac", opens_cut=False),
    "m4a-aac-fast": Format("a.m4a", "aac", options={"movflags": "faststart"}),
    "m4a-aac-5.1": Format("a.m4a", "aac", layout="5.1", options={"movflags": "faststart"}),
    "m4a-alac": Format("a.m4a", "alac", opens_cut=False, lossless=True),
    "adts": Format("a.aac", "aac", declares=False),
    "wma": Format("a.wma", "wmav2"),
    "wavpack": Format("a.wv", "wavpack", lossless=True),
}


def tone(rate_hz: int, channels: int, seconds: float = SECONDS) -> np.ndarray:
    """A rising tone, shape (C, T), each channel at its own level: no stretch of it is like another."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    phase = 2 * np.pi * (200 * t + 900 * t**2 / (2 * SECONDS))
    levels = np.linspace(0.2, 0.6, channels) if channels > 1 else np.array([0.4])
    return (levels[:, None] * np.sin(phase)).astype(np.float32)


def write(path: Path, form: Format, samples: np.ndarray) -> Path:
    """Write samples (C, T) in a format."""
    with av.open(path, "w", format=form.container, container_options=form.options) as container:
        stream = container.add_stream(form.codec, rate=form.rate_hz, layout=form.layout)
        assert isinstance(stream, AudioStream)
        if form.sample_format:
            stream.format = form.sample_format
        if form.codec.startswith("wma"):
            stream.bit_rate = 128_000
        stream.codec_context.options = form.codec_options
        stream.codec_context.open(strict=False)
        packed = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format="flt", layout=form.layout)
        frame.sample_rate = form.rate_hz
        resampler = AudioResampler(
            stream.format.name, form.layout, form.rate_hz, stream.codec_context.frame_size or 4096
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        # FLAC's encoder ends with an empty packet that only its own container knows what to do with.
        last = stream.encode(None)
        container.mux(last if form.container is None else [packet for packet in last if packet.size])
    return path


@pytest.fixture(scope="session")
def formats(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of the rising tone in every format of FORMATS, by name."""
    folder = tmp_path_factory.mktemp("formats")
    made = {}
    for name, form in FORMATS.items():
        (folder / name).mkdir()
        channels = av.AudioLayout(form.layout).nb_channels
        made[name] = write(folder / name / form.file_name, form, tone(form.rate_hz, channels))
    return made
