"""Every format decodes to the sound that was written; damage gives a warning or a sentence, never a crash."""

from __future__ import annotations

import io
import signal
import struct
import subprocess
import sys
import tracemalloc
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from soundalike.audio import decode, encode_wav, open_audio
from soundalike.core.errors import AudioError, InvalidInputError
from soundalike.core.interrupts import defer_interrupts

from .conftest import FORMATS, SECONDS, Format, tone, write

RATE_HZ = 16000


def noise(seconds: float = 1.0) -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.5, 0.5, round(RATE_HZ * seconds)).astype(np.float32)


def float_wav(samples: np.ndarray, rate_hz: int = RATE_HZ) -> bytes:
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, rate_hz, rate_hz * 4, 4, 32)
    head = struct.pack("<4sI4s4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16)
    return head + form + struct.pack("<4sI", b"data", len(data)) + data


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_sound_that_was_written(formats: dict[str, Path], name: str) -> None:
    form = FORMATS[name]
    decoded = decode(formats[name], rate_hz=RATE_HZ)
    assert decoded.warnings == []
    assert decoded.info.rate_hz == form.rate_hz
    assert decoded.decoded_s == pytest.approx(SECONDS, abs=0.06)
    assert decoded.samples.dtype == np.float32
    assert len(decoded.samples) == pytest.approx(decoded.decoded_s * RATE_HZ, abs=2)
    expected = tone(RATE_HZ, 1)[0]  # the channels' levels average to that of one channel
    piece = expected[40000:72000]
    lag = int(np.argmax(correlate(decoded.samples[38000:74000], piece, "valid", "fft"))) - 2000
    assert np.corrcoef(decoded.samples[40000 + lag : 72000 + lag], piece)[0, 1] > 0.99
    if form.lossless:
        assert lag == 0
        assert np.abs(decoded.samples - expected)[1000:120000].max() < 0.01


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].declares])
def test_a_file_cut_in_half_is_told(formats: dict[str, Path], name: str) -> None:
    content = formats[name].read_bytes()
    half = io.BytesIO(content[: len(content) // 2])
    if not FORMATS[name].opens_cut:
        with pytest.raises(AudioError, match="is not audio that can be decoded"):
            decode(half, rate_hz=RATE_HZ, name=formats[name].name)
        return
    decoded = decode(half, rate_hz=RATE_HZ, name=formats[name].name)
    assert 2.5 < decoded.decoded_s < 5.0
    assert [text for text in decoded.warnings if text.startswith("cut short: ")] != []


def test_the_warning_says_how_much_is_left() -> None:
    content = encode_wav(noise(2.5), RATE_HZ)
    decoded = decode(io.BytesIO(content[: 44 + 40000]), rate_hz=RATE_HZ)
    assert decoded.warnings == ["cut short: 1.25 s of 2.50 s could be decoded"]


@pytest.mark.parametrize("name", FORMATS)
def test_flipped_bytes_never_crash(formats: dict[str, Path], name: str) -> None:
    content = formats[name].read_bytes()
    for seed in range(4):
        rng = np.random.default_rng(seed)
        damaged = np.frombuffer(content, np.uint8).copy()
        places = rng.integers(0 if seed % 2 else 200, len(damaged), 30)
        damaged[places] = rng.integers(0, 256, 30)
        try:
            decoded = decode(io.BytesIO(damaged.tobytes()), rate_hz=RATE_HZ, name=formats[name].name)
        except AudioError:
            continue
        assert np.isfinite(decoded.samples).all()
        assert decoded.decoded_s < 60.0


def test_broken_packets_in_the_middle_are_left_out(formats: dict[str, Path]) -> None:
    content = bytearray(formats["m4a-aac-fast"].read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = np.random.default_rng(0).bytes(2000)
    decoded = decode(io.BytesIO(content), rate_hz=RATE_HZ)
    assert any("broken packet" in text for text in decoded.warnings)
    assert decoded.decoded_s > 6.0


@pytest.mark.parametrize("block_samples", [1, 777, 65536, 10**6])
def test_blocks_are_the_whole_in_pieces(formats: dict[str, Path], block_samples: int) -> None:
    whole = decode(formats["wav-mono-8k"], rate_hz=8000).samples
    with open_audio(formats["wav-mono-8k"], rate_hz=8000) as reader:
        blocks = list(reader.blocks(block_samples))
    assert all(len(block) == block_samples for block in blocks[:-1])
    assert all(block.flags.c_contiguous and block.dtype == np.float32 for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert reader.decoded_s == SECONDS


def test_channels_are_averaged() -> None:
    left, right = noise(), noise()[::-1]
    content = encode_wav(np.stack([left, right]), RATE_HZ)
    samples = decode(io.BytesIO(content), rate_hz=RATE_HZ).samples
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-4)


def test_channels_may_change_in_mid_stream(formats: dict[str, Path], tmp_path: Path) -> None:
    stereo = formats["adts"].read_bytes()
    mono = write(tmp_path / "mono.aac", Format("mono.aac", "aac", layout="mono"), tone(44100, 1)).read_bytes()
    for content in (stereo + mono, mono + stereo):
        decoded = decode(io.BytesIO(content), rate_hz=RATE_HZ, name="both.aac")
        assert decoded.decoded_s == pytest.approx(2 * SECONDS, abs=0.2)
        assert np.abs(decoded.samples[-40000:]).max() > 0.3


def test_eleven_channels_without_a_layout() -> None:
    content = encode_wav(np.stack([noise() * (row + 1) / 11 for row in range(11)]), RATE_HZ)
    decoded = decode(io.BytesIO(content), rate_hz=RATE_HZ)
    assert decoded.info.channels == 11
    np.testing.assert_allclose(decoded.samples, noise() * 6 / 11, atol=1e-4)


def test_resampling_keeps_a_tone_in_its_place() -> None:
    t = np.arange(48000) / 48000
    samples = decode(
        io.BytesIO(encode_wav(np.sin(2 * np.pi * 1000 * t).astype(np.float32) * 0.5, 48000)), rate_hz=32000
    ).samples
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(32000) / 32000)
    assert len(samples) == 32000
    np.testing.assert_allclose(samples[200:-200], expected[200:-200], atol=2e-3)


def test_one_sample_and_silence() -> None:
    one = decode(io.BytesIO(encode_wav(np.array([0.5], np.float32), RATE_HZ)), rate_hz=RATE_HZ)
    assert one.samples.tolist() == pytest.approx([0.5], abs=1e-4)
    assert one.warnings == []
    assert len(decode(io.BytesIO(encode_wav(np.array([0.5], np.float32), 44100)), rate_hz=RATE_HZ).samples)
    silent = decode(io.BytesIO(encode_wav(np.zeros(5000, np.float32), 44100)), rate_hz=RATE_HZ)
    assert not silent.samples.any()


def test_values_that_are_no_numbers_become_zero() -> None:
    samples = noise()
    samples[[5, 6, 7]] = np.nan, np.inf, -1e30
    decoded = decode(io.BytesIO(float_wav(samples)), rate_hz=RATE_HZ)
    assert decoded.samples[[5, 6, 7]].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_array_equal(decoded.samples[8:], samples[8:])
    assert decoded.warnings == ["not a number: 3 samples (NaN, infinite or absurdly large) set to zero"]


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "empty.wav", "empty.wav is empty: it has 0 bytes"),
        (b"Dear reader, this is no sound.\n" * 50, "text.wav", "text.wav is not audio that can be decoded"),
        (encode_wav(np.zeros(0, np.float32), RATE_HZ), "none.wav", "none.wav"),
        (b"RIFF", "stub.wav", "stub.wav is not audio"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n", "list.m3u8", "is not audio"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "list.wav", "is not audio"),
    ],
)
def test_what_is_no_sound_is_said_in_a_sentence(content: bytes, name: str, says: str) -> None:
    with pytest.raises(AudioError, match=says):
        decode(io.BytesIO(content), rate_hz=RATE_HZ, name=name)


def test_pictures_and_paths_are_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav cannot be opened: No such file"):
        decode(tmp_path / "gone.wav", rate_hz=RATE_HZ)
    with pytest.raises(AudioError, match="cannot be opened: Is a directory"):
        decode(tmp_path, rate_hz=RATE_HZ)
    with pytest.raises(InvalidInputError, match="rate_hz must be 100 to 1536000; got 7"):
        decode(tmp_path, rate_hz=7)


def header(rate_hz: int = RATE_HZ, channels: int = 1, data_bytes: int = 2000) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate_hz, 0, 2 * channels & 0xFFFF, 16)
    head = struct.pack("<4sI4s4sI", b"RIFF", 36 + 2000, b"WAVE", b"fmt ", 16)
    return head + form + struct.pack("<4sI", b"data", data_bytes) + bytes(2000)


@pytest.mark.parametrize(
    "content",
    [
        header(rate_hz=0),
        header(rate_hz=1),
        header(rate_hz=2**31),
        header(rate_hz=2**32 - 1),
        header(channels=0),
        header(channels=1000),
        header(channels=65535),
    ],
)
def test_absurd_headers_are_refused(content: bytes) -> None:
    with pytest.raises(AudioError, match=r"^absurd\.wav "):
        decode(io.BytesIO(content), rate_hz=RATE_HZ, name="absurd.wav")


def test_gigabytes_that_are_only_declared_are_not_allocated() -> None:
    tracemalloc.start()
    try:
        decoded = decode(io.BytesIO(header(data_bytes=0x7FFF0000)), rate_hz=RATE_HZ)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert len(decoded.samples) == 1000
    assert decoded.warnings[0].startswith("cut short: 0.06 s of 18:38:")


def test_a_stream_of_unknown_length_is_no_warning() -> None:
    for size in (0xFFFFFFFF, 0x7FFFFFFF - 36):
        assert decode(io.BytesIO(header(data_bytes=size)), rate_hz=RATE_HZ).warnings == []


def test_an_open_file_stays_open_and_must_seek(formats: dict[str, Path]) -> None:
    with formats["mp3"].open("rb") as file:
        file.seek(100)
        first = decode(file, rate_hz=RATE_HZ).samples
        np.testing.assert_array_equal(decode(file, rate_hz=RATE_HZ).samples, first)

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(AudioError, match="cannot seek"):
        decode(Pipe(b"RIFF"), rate_hz=RATE_HZ)


def test_a_file_that_fails_to_read_is_said_in_a_sentence(formats: dict[str, Path]) -> None:
    class Gone(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            if self.reads > 12:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(AudioError, match=r"far\.wav can no longer be read: Input/output error"):
        decode(Gone(formats["wav-s16"].read_bytes()), rate_hz=RATE_HZ, name="far.wav")


@pytest.mark.parametrize("at", [1, 4, 12])
def test_ctrl_c_while_the_file_is_read_is_not_lost(formats: dict[str, Path], at: int) -> None:
    class Pressed(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            if self.reads == at:
                signal.raise_signal(signal.SIGINT)
            return super().read(size)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        defer_interrupts()
        with pytest.raises(KeyboardInterrupt):
            decode(Pressed(formats["wav-s16"].read_bytes()), rate_hz=RATE_HZ)
    finally:
        signal.signal(signal.SIGINT, before)


def test_names_in_any_script_and_with_newlines(formats: dict[str, Path], tmp_path: Path) -> None:
    for name in ("звук\n鼓.wav", "http:x.wav", "concat:a|b.wav", "%03d.wav", "-i.wav"):
        path = tmp_path / name
        path.write_bytes(encode_wav(noise(0.1), RATE_HZ))
        assert len(decode(path, rate_hz=RATE_HZ).samples) == 1600


def test_nothing_is_written_to_standard_error(formats: dict[str, Path], tmp_path: Path) -> None:
    damaged = bytearray(formats["mp3"].read_bytes())
    damaged[5000:9000] = bytes(4000)
    (tmp_path / "a.mp3").write_bytes(damaged)
    code = f"from soundalike.audio import decode; decode({str(tmp_path / 'a.mp3')!r}, rate_hz=16000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_an_hour_is_streamed_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "hour.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        second = (noise(0.5) * 20000).astype("<i2").tobytes()
        for _ in range(3600):
            out.writeframesraw(second)
    tracemalloc.start()
    try:
        with open_audio(path, rate_hz=RATE_HZ) as reader:
            total = sum(len(block) for block in reader.blocks(RATE_HZ * 10))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == pytest.approx(3600 * RATE_HZ, abs=2)
    assert peak_bytes < 8e6  # the samples are 230 MB
    assert reader.warnings == []


def test_a_second_pass_is_refused(formats: dict[str, Path]) -> None:
    with open_audio(formats["wav-u8"], rate_hz=RATE_HZ) as reader:
        blocks: Iterator[np.ndarray] = reader.blocks(1000)
        next(blocks)
        with pytest.raises(InvalidInputError, match="open the file again"):
            next(reader.blocks(1000))
        with pytest.raises(InvalidInputError, match="at least 1 sample; got 0"):
            next(reader.blocks(0))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_files_give_audio_or_a_sentence(formats: dict[str, Path], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FORMATS)))
    content = bytearray(formats[name].read_bytes()[: data.draw(st.integers(0, 60000))])
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=8)), max_size=8)
    ):
        content[place : place + len(value)] = value
    try:
        decoded = decode(io.BytesIO(bytes(content)), rate_hz=RATE_HZ, name=formats[name].name)
    except AudioError:
        return
    assert np.isfinite(decoded.samples).all()


def test_a_real_ogg_cut_anywhere_is_told(shared_data: Path) -> None:
    content = (shared_data / "esc10" / "baby_cry" / "1-187207-A.ogg").read_bytes()
    for share in (0.4, 0.6, 0.9, 0.999):
        decoded = decode(io.BytesIO(content[: int(len(content) * share)]), rate_hz=RATE_HZ)
        assert decoded.warnings[-1].startswith("cut short: the stream's last page is missing; ")


@pytest.mark.parametrize(
    ("folder", "step"), [("esc10/*/*.ogg", 10), ("fsdd/*.wav", 60), ("philharmonia/*/*.mp3", 40)]
)
def test_good_files_have_no_warnings(shared_data: Path, folder: str, step: int) -> None:
    paths = sorted(shared_data.glob(folder))[::step]
    assert len(paths) >= 40
    for path in paths:
        decoded = decode(path, rate_hz=RATE_HZ)
        assert decoded.warnings == [], path
        assert np.abs(decoded.samples).max() > 0.0
