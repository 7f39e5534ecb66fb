"""A region is what the whole file has there, from whatever format and however far in."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import cut_preview, decode, decode_region, encode_wav
from soundalike.core.errors import AudioError, InvalidInputError

from .conftest import FORMATS, tone

RATE_HZ = 16000
# Time stamps of whole milliseconds, where a lost part of a sample after seeking cannot be known.
COARSE = {"webm-opus", "mka-flac", "wma"}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("start_s", [0.0, 0.5, 3.21, 6.4])
def test_a_region_is_a_slice_of_the_whole(formats: dict[str, Path], name: str, start_s: float) -> None:
    whole = decode(formats[name], rate_hz=RATE_HZ).samples
    region = decode_region(formats[name], start_s, 0.5, RATE_HZ)
    first = round(start_s * RATE_HZ)
    assert region.shape == (RATE_HZ // 2,)
    errors = [
        np.abs(region - whole[first + lag : first + lag + len(region)]).max()
        for lag in (range(-20, 21) if name in COARSE and start_s > 2 else [0])
        if first + lag >= 0
    ]
    assert min(errors) < (0.1 if len(errors) > 1 else 1e-4)  # half a sample of shift at 1.1 kHz: 0.09


def test_a_region_of_a_real_file(shared_data: Path) -> None:
    path = shared_data / "esc10" / "baby_cry" / "1-187207-A.ogg"
    whole = decode(path, rate_hz=32000).samples
    np.testing.assert_allclose(
        decode_region(path, 3.3, 1.0, 32000), whole[105600 : 105600 + 32000], atol=1e-5
    )


def test_a_region_ends_with_its_file(formats: dict[str, Path]) -> None:
    assert decode_region(formats["wav-s16"], 7.75, 2.0, RATE_HZ).shape == (RATE_HZ // 4,)
    with pytest.raises(AudioError, match=r"a\.wav ends before 9 s"):
        decode_region(formats["wav-s16"], 9.0, 1.0, RATE_HZ)
    with pytest.raises(InvalidInputError, match="got start -1 s"):
        decode_region(formats["wav-s16"], -1.0, 1.0, RATE_HZ)
    with pytest.raises(InvalidInputError, match="nan s"):
        decode_region(formats["wav-s16"], 0.0, float("nan"), RATE_HZ)


def test_a_preview_keeps_channels_and_rate(formats: dict[str, Path]) -> None:
    preview = decode(io.BytesIO(cut_preview(formats["flac-8-channels"], 3.0, 0.5)), rate_hz=44100)
    assert (preview.info.channels, preview.info.rate_hz, preview.info.codec) == (8, 44100, "pcm_s16le")
    expected = tone(44100, 8)[:, 132300 : 132300 + 22050].mean(axis=0)
    np.testing.assert_allclose(preview.samples, expected, atol=2e-4)


def test_a_preview_of_eight_bits_has_its_zero_in_the_middle(formats: dict[str, Path]) -> None:
    preview = decode(io.BytesIO(cut_preview(formats["wav-u8"], 3.0, 0.5)), rate_hz=44100)
    np.testing.assert_allclose(preview.samples, tone(44100, 1)[0, 132300 : 132300 + 22050], atol=0.02)


def test_a_preview_takes_little_more_memory_than_it_is_long() -> None:
    file = io.BytesIO(encode_wav(np.zeros((8, 48000 * 10), np.float32), 48000))
    cut_preview(file, 0.0, 0.1)
    tracemalloc.start()
    preview = cut_preview(file, 0.0, 10.0)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 3 * len(preview)


def test_a_preview_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundalike.audio.encode.MAX_PREVIEW_BYTES", 64_000)
    wide = encode_wav(np.zeros((8, 8000), np.float32), 8000)
    assert len(cut_preview(io.BytesIO(wide), 0.0, 1.0)) == 44 + 64_000


def test_a_preview_is_bounded() -> None:
    long = encode_wav(np.zeros(8000 * 100, np.float32), 8000)
    assert len(cut_preview(io.BytesIO(long), 10.0, 1000.0)) == 44 + 60 * 8000 * 2
    with pytest.raises(AudioError, match="ends before 200 s"):
        cut_preview(io.BytesIO(long), 200.0, 1.0)


def test_wav_is_clipped_and_interleaved() -> None:
    content = encode_wav(np.array([[0.5, 2.0], [-0.5, -2.0]], np.float32), 8000)
    assert np.frombuffer(content[44:], "<i2").tolist() == [16384, -16384, 32767, -32767]
    with pytest.raises(InvalidInputError, match="finite"):
        encode_wav(np.array([np.nan], np.float32), 8000)
    with pytest.raises(InvalidInputError, match=r"shape \(T,\) or \(C, T\)"):
        encode_wav(np.zeros((2, 2, 2), np.float32), 8000)
