"""``soundalike deform``: what it writes can be listened to; what it cannot use, it says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundalike.audio import decode, encode_wav
from soundalike.library import demo_sounds

STRENGTHS = {"original": 1, "nearby": 1} | dict.fromkeys(
    ("pitch_up", "pitch_down", "stretch", "compress", "noise", "mix", "gain", "filter", "crop"), 2
)


@pytest.fixture
def loop() -> Path:
    return next(demo_sounds().rglob("loop_breakbeat.flac"))


def test_every_kind_is_written_twice_beside_the_original(run: Any, loop: Path, tmp_path: Path) -> None:
    ended = run("deform", loop, "--out", tmp_path / "new" / "out", "--json")
    assert ended.status == 0
    assert Counter(row["kind"] for row in ended.json) == STRENGTHS
    written = sorted((tmp_path / "new" / "out").iterdir())
    assert [row["path"] for row in ended.json] == [str(path) for path in written]
    assert written[0].name == "00_original.wav"
    assert "03_pitch_up_4_semitones.wav" in {path.name for path in written}
    original = decode(loop, rate_hz=44100)
    for row in ended.json:
        decoded = decode(row["path"], rate_hz=original.info.rate_hz)
        assert decoded.info.rate_hz == original.info.rate_hz
        assert decoded.decoded_s == pytest.approx(row["duration_s"], abs=1e-3)
        assert np.abs(decoded.samples).max() > 0.01
    durations = {Path(row["path"]).name: row["duration_s"] for row in ended.json}
    whole_s = durations["00_original.wav"]
    assert whole_s == pytest.approx(original.decoded_s, abs=1e-3)
    assert durations["07_stretch_1.25.wav"] == pytest.approx(1.25 * whole_s, abs=1e-3)
    assert durations["09_compress_0.8.wav"] == pytest.approx(0.8 * whole_s, abs=1e-3)


def test_what_is_written_is_what_is_said(run: Any, loop: Path, tmp_path: Path) -> None:
    ended = run("deform", loop, "--out", tmp_path, "--seconds", 1, "--json")
    sounds = {Path(row["path"]).name[3:]: decode(row["path"], rate_hz=44100).samples for row in ended.json}
    original = sounds["original.wav"]
    assert len(original) == 44100
    np.testing.assert_allclose(sounds["gain_12db_softer.wav"], original * 10 ** (-12 / 20), atol=1e-4)
    for name, snr_db in {
        "noise_pink_20db": 20.0,
        "noise_white_5db": 5.0,
        "mix_10db": 10.0,
        "mix_0db": 0.0,
    }.items():
        added = sounds[f"{name}.wav"] - original
        measured_db = 10 * np.log10(np.square(original).sum() / np.square(added).sum())
        assert measured_db == pytest.approx(snr_db, abs=0.1)
    kept = sounds["crop_40_percent.wav"]
    fits = [np.abs(original[at : at + 100] - kept[:100]).max() for at in range(len(original) - len(kept) + 1)]
    assert min(fits) < 1e-4


def test_all_are_softened_alike_where_one_would_be_clipped(run: Any, tmp_path: Path) -> None:
    loud = tmp_path / "loud.wav"
    tone = np.sin(2 * np.pi * 500 * np.arange(16000) / 16000).astype(np.float32)
    loud.write_bytes(encode_wav(tone, 16000))
    ended = run("deform", loud, "--out", tmp_path / "out")
    assert "dB softer, so that the loudest is not clipped" in ended.err
    original = decode(tmp_path / "out" / "00_original.wav", rate_hz=16000).samples
    louder = next((tmp_path / "out").glob("*gain_6db_louder.wav"))
    assert np.abs(decode(louder, rate_hz=16000).samples).max() <= 1.0
    np.testing.assert_allclose(decode(louder, rate_hz=16000).samples, original * 10 ** (6 / 20), atol=2e-4)


def test_the_table_names_each_file(run: Any, loop: Path, tmp_path: Path) -> None:
    ended = run("deform", loop, "--out", tmp_path, "--seconds", 0.5)
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(path.name for path in tmp_path.iterdir())
    assert "0.50 s  1 semitone higher" in ended.out
    assert "0.20 s  40 % of it, from 0." in ended.out


def test_the_seed_decides(run: Any, loop: Path, tmp_path: Path) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("deform", loop, "--out", tmp_path / folder, "--seed", seed, "--seconds", 0.5)

    def sounds(folder: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}

    assert sounds("a") == sounds("b")
    changed = {name for name, data in sounds("c").items() if sounds("a")[name] != data}
    assert {"noise", "filter", "crop"} <= {name.split("_")[1] for name in changed}
    assert "original" not in " ".join(changed)


def test_another_sound_can_be_mixed_in(run: Any, loop: Path, tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 16000).astype(np.float32)
    (tmp_path / "tone.wav").write_bytes(encode_wav(tone, 16000))
    run("deform", loop, "--out", tmp_path / "out", "--seconds", 1, "--mix-with", tmp_path / "tone.wav")
    sounds = [next((tmp_path / "out").glob(f"*{name}.wav")) for name in ("original", "mix_0db")]
    original, mixed = (decode(path, rate_hz=16000).samples for path in sounds)
    added = np.abs(np.fft.rfft((mixed - original) * np.hanning(len(original))))
    assert added.argmax() * 16000 / len(original) == pytest.approx(1000.0, abs=3.0)


def test_a_short_sound_has_nothing_nearby(run: Any, tmp_path: Path) -> None:
    tone = np.sin(np.arange(8000) / 10).astype(np.float32)
    (tmp_path / "second.wav").write_bytes(encode_wav(tone, 8000))
    ended = run("deform", tmp_path / "second.wav", "--out", tmp_path / "out")
    assert "01_pitch_up" in ended.out
    assert "too short for a stretch nearby" in ended.err


def test_one_sample_is_a_sound(run: Any, tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_bytes(encode_wav(np.ones(1, np.float32), 8000))
    assert run("deform", tmp_path / "one.wav", "--out", tmp_path / "out").status == 0
    assert len(list((tmp_path / "out").iterdir())) == 19


def test_what_cannot_be_used_is_told_in_one_line(run: Any, loop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "text.wav").write_text("not sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "silent.wav").write_bytes(encode_wav(np.zeros(8000, np.float32), 8000))
    run("deform", tmp_path / "text.wav", "--out", out).fails("not audio")
    run("deform", tmp_path / "empty.wav", "--out", out).fails("empty")
    run("deform", tmp_path / "silent.wav", "--out", out).fails("silent.wav is silent")
    run("deform", tmp_path / "absent.wav", "--out", out).fails("No such file")
    run("deform", tmp_path, "--out", out).fails("directory")
    run("deform", loop, "--out", tmp_path / "text.wav").fails("is a file; expected a folder")
    run("deform", loop, "--out", tmp_path / "text.wav" / "below").fails("cannot be written to")
    run("deform", loop, "--out", out, "--seconds", 0).fails("above 0")
    run("deform", loop, "--out", out, "--seconds", "nan").fails("above 0")
    run("deform", loop, "--out", out, "--seed", -1).fails("not negative")
    run("deform", loop, "--out", out, "--mix-with", tmp_path / "silent.wav").fails("nothing to mix in")
    late = np.concatenate([np.zeros(16000), np.ones(800)]).astype(np.float32)
    (tmp_path / "late.wav").write_bytes(encode_wav(late, 8000))
    ended = run("deform", loop, "--out", out, "--seconds", 1, "--mix-with", tmp_path / "late.wav")
    ended.fails("nothing to mix in")  # what would be mixed in is silent, and no more of it is read
    assert not out.exists()
