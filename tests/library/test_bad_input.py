"""Files that are damaged, odd or hostile, end to end: a clear sentence, the rest goes on, nothing is lost."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from soundalike.audio import encode_wav, open_audio
from soundalike.core.errors import AudioError, QueryError
from soundalike.library import Library, Progress, Report

WriteTone = Callable[..., Path]


def write_samples(path: Path, samples: np.ndarray, rate_hz: int, codec: str, layout: str = "mono") -> Path:
    """Write samples, shape (T, C), in a codec that takes them as they are."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        assert isinstance(stream, av.AudioStream)
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format=stream.format.name, layout=layout)
        frame.sample_rate = rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def reason_for(report: Report, path: Path) -> str:
    """The one sentence that a report has for a file that failed."""
    (reason,) = [failure.reason for failure in report.failed if failure.uri == str(path)]
    assert reason.endswith(".")
    assert "Traceback" not in reason
    assert "unexpected" not in reason
    return reason


def check_rest(library: Library, kicks: Path) -> None:
    """The four good files were added and are found, whatever lay beside them."""
    good = sorted(kicks.glob("bd_*.flac"))
    assert len(good) == 4
    assert library.search(good[0], limit=100)[0].same_file
    assert {str(path) for path in good} <= {path for sound in library.sounds() for path in sound.paths}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.wav", b"", "empty.wav is empty"),
        ("text.wav", b"This is not a sound.", "text.wav is not audio that can be decoded"),
        ("header.wav", b"RIFF\x24\x00\x00\x00WAVE", "header.wav"),
        ("zeros.mp3", bytes(5000), "zeros.mp3"),
        ("photo.wav", b"\x89PNG\r\n\x1a\n" + bytes(300), "photo.wav"),
    ],
    ids=["empty", "text", "header", "zeros", "photo"],
)
def test_files_that_hold_no_sound(empty: Library, kicks: Path, name: str, content: bytes, words: str) -> None:
    (kicks / name).write_bytes(content)
    report = empty.add(kicks)
    assert words in reason_for(report, kicks / name)
    assert len(report.added) == 4
    check_rest(empty, kicks)
    assert empty.errors() == report.failed
    with pytest.raises(AudioError, match=name):
        empty.search(kicks / name)


def test_every_format_cut_at_half(empty: Library, kicks: Path, format_files: Mapping[str, Path]) -> None:
    whole = {}
    for name, path in format_files.items():
        target = kicks / f"{name}{path.suffix}"
        content = path.read_bytes()
        target.write_bytes(content[: len(content) // 2])
        whole[str(target)] = name
    report = empty.add(kicks, jobs=2)
    assert len(report.added) + len(report.failed) == 4 + len(whole)
    failed = {whole[failure.uri] for failure in report.failed}
    # What lists its contents at its end, or has one page only, cannot be opened without its second half.
    assert failed <= {"caf-alac", "m4a-aac", "m4a-alac", "ogg-vorbis"}
    for failure in report.failed:
        assert Path(failure.uri).name in failure.reason
    warned = {whole[failure.uri] for failure in report.warnings if failure.uri in whole}
    silent_about = set(whole.values()) - failed - warned
    assert silent_about <= {"adts", "mp3-no-xing"}, "these do not say how long they are"
    assert empty.warnings() == sorted(report.warnings, key=lambda w: (w.uri, w.reason))
    for sound in empty.sounds():
        if sound.path in whole:
            assert 0.5 < sound.duration_s < 2.5, sound.path
    check_rest(empty, kicks)


def test_every_format_with_bytes_flipped(
    empty: Library, kicks: Path, format_files: Mapping[str, Path]
) -> None:
    rng = np.random.default_rng(11)
    for name, path in format_files.items():
        content = np.frombuffer(path.read_bytes(), np.uint8).copy()
        at = rng.choice(len(content), size=max(20, len(content) // 500), replace=False)
        content[at] ^= rng.integers(1, 256, len(at)).astype(np.uint8)
        (kicks / f"{name}{path.suffix}").write_bytes(content.tobytes())
    report = empty.add(kicks, isolate=True, jobs=2)
    assert len(report.added) + len(report.failed) == 4 + len(format_files)
    for failure in report.failed:
        assert "unexpected" not in failure.reason
        assert failure.reason.endswith(".")
    assert np.isfinite(empty.vectors(segments=True)[1]).all()
    check_rest(empty, kicks)


def test_one_sample(empty: Library, kicks: Path) -> None:
    (kicks / "one.wav").write_bytes(encode_wav(np.array([0.5], np.float32), 44100))
    report = empty.add(kicks)
    assert report.failed == []
    sound = empty.sound(kicks / "one.wav")
    assert 0 < sound.duration_s < 0.001
    assert np.isfinite(empty.vectors()[1]).all()
    check_rest(empty, kicks)
    assert empty.search(kicks / "one.wav")[0].same_file


def test_silence_is_kept_marked_and_not_found(empty: Library, kicks: Path) -> None:
    path = kicks / "silence.wav"
    path.write_bytes(encode_wav(np.zeros(44100, np.float32), 44100))
    report = empty.add(kicks)
    assert report.failed == []
    assert empty.sound(path).silent
    found = empty.search(min(kicks.glob("bd_*.flac")), limit=100)
    assert str(path) not in [hit.sound.path for hit in found]
    with pytest.raises(QueryError, match="The query is silent"):
        empty.search(path)
    with pytest.raises(QueryError, match=r"silence\.wav is silent, so there is nothing to search with"):
        empty.search(empty.sound(path))
    check_rest(empty, kicks)


@pytest.mark.parametrize("codec", ["pcm_f32le", "pcm_f64le"])
def test_floats_that_are_no_numbers(empty: Library, kicks: Path, codec: str) -> None:
    time_s = np.arange(44100) / 44100
    samples = np.sin(2 * np.pi * 440 * time_s).astype(np.float32 if codec == "pcm_f32le" else np.float64)
    samples[::1000], samples[1::1000], samples[2::1000], samples[3::1000] = np.nan, np.inf, -np.inf, 1e30
    write_samples(kicks / "odd.wav", samples[:, None], 44100, codec)
    write_samples(kicks / "nothing but.wav", np.full_like(samples, np.nan)[:, None], 44100, codec)
    report = empty.add(kicks)
    for path in (kicks / "odd.wav", kicks / "nothing but.wav"):
        assert [w.reason for w in report.warnings if w.uri == str(path)] or reason_for(report, path)
    assert np.isfinite(empty.vectors(segments=True)[1]).all()
    assert all(np.isfinite(hit.distance) for hit in empty.search(min(kicks.glob("bd_*.flac")), limit=100))
    assert all(np.isfinite(sound.loudness_dbfs) for sound in empty.sounds())
    check_rest(empty, kicks)


def test_eight_channels_and_192_khz(empty: Library, kicks: Path) -> None:
    time_s = np.arange(192000) / 192000
    tone = (8000 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16)
    write_samples(kicks / "eight.wav", np.repeat(tone[:, None], 8, axis=1), 192000, "pcm_s16le", "7.1")
    write_samples(kicks / "one.wav", tone[:, None], 192000, "pcm_s16le")
    report = empty.add(kicks)
    assert report.failed == report.warnings == []
    eight, one = empty.sound(kicks / "eight.wav"), empty.sound(kicks / "one.wav")
    assert (eight.channels, eight.rate_hz, one.channels, one.rate_hz) == (8, 192000, 1, 192000)
    assert eight.duration_s == pytest.approx(1.0, abs=1e-3)
    assert empty.search(one, limit=1)[0].sound == eight  # the same tone eight times


NAMES = [
    "ünïcödé.wav",
    "звук.wav",
    "音の波.wav",
    "صوت.wav",
    "🥁 drum.wav",
    "e\u0301 and \u00e9.wav",
    "line\nbreak\ttab.wav",
    "esc\x1b[31mred.wav",
    "-rf.wav",
    "a!b [c] {d} %41 'q' \"r\" \\s.wav",
    "x" * 245 + ".wav",
    os.fsdecode(b"invalid \xff\xfe utf-8.wav"),
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow fewer names")
def test_names_in_any_script(empty: Library, kicks: Path, write_tone: WriteTone) -> None:
    folder = kicks / "line\nbreak!" / "Ordner mit ß"  # "!/" is what stands before an archive's member
    paths = [write_tone(folder / name, 200.0 + 37 * n) for n, name in enumerate(NAMES)]
    report = empty.add(kicks)
    assert (len(report.added), report.failed) == (4 + len(NAMES), [])
    assert len(empty.add(kicks).unchanged) == 4 + len(NAMES)
    for path in paths:
        hit = empty.search(path)[0]
        assert hit.same_file, path
        with empty.open_audio_file(hit.sound).file as file:
            assert file.read() == path.read_bytes()
        assert empty.sound(path) == hit.sound
    assert empty.remove(folder) == len(NAMES)
    check_rest(empty, kicks)


INDEX_UNPRIVILEGED = """
import sys
from soundalike.library import Library
report = Library.open(sys.argv[1]).add(*sys.argv[2:], isolate=True, jobs=1)
print(len(report.added), *sorted(f.uri + ": " + f.reason for f in report.failed), sep="\\n")
"""


def without_override() -> None:
    """Take away root's right to read everything, as an ordinary user's process has it."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            assert libc.prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP


@pytest.mark.skipif(sys.platform != "linux", reason="takes rights away in Linux' way")
def test_files_and_folders_without_permission(tmp_path: Path, kicks: Path, write_tone: WriteTone) -> None:
    closed = write_tone(kicks / "closed.wav")
    write_tone(kicks / "closed folder" / "inside.wav", 300.0)
    (kicks / "closed.zip").write_bytes(b"PK")
    for path in (closed, kicks / "closed folder", kicks / "closed.zip"):
        path.chmod(0)
    command = [sys.executable, "-c", INDEX_UNPRIVILEGED, str(tmp_path / "library"), str(kicks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=without_override)
    for path in (closed, kicks / "closed folder", kicks / "closed.zip"):
        path.chmod(0o755)
    assert done.returncode == 0, done.stderr
    added, *failed = done.stdout.splitlines()
    assert added == "4"
    assert [line.split(": ")[0] for line in failed] == [
        str(kicks / name) for name in ("closed folder", "closed.wav", "closed.zip")
    ]
    assert all("permission was denied" in line for line in failed), failed
    library = Library.open(tmp_path / "library")
    check_rest(library, kicks)
    (kicks / "closed.zip").unlink()
    assert len(library.add().added) == 2  # once they may be read
    assert library.errors() == []


def test_a_file_that_was_read_before_and_may_not_be_read_now_stays(
    tmp_path: Path, kicks: Path, empty: Library
) -> None:
    if sys.platform != "linux":
        pytest.skip("takes rights away in Linux' way")
    empty.add(kicks)
    path = min(kicks.iterdir())
    path.chmod(0)
    command = [sys.executable, "-c", INDEX_UNPRIVILEGED, str(empty.path), str(kicks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=without_override)
    path.chmod(0o644)
    assert "permission was denied" in done.stdout, done.stderr
    empty.refresh()
    assert empty.count() == 4
    assert empty.sound(path).paths == (str(path),)


def test_a_place_that_may_not_be_looked_at_marks_nothing(tmp_path: Path, kicks: Path, empty: Library) -> None:
    if sys.platform != "linux":
        pytest.skip("takes rights away in Linux' way")
    empty.add(kicks)
    kicks.parent.chmod(0)
    command = [sys.executable, "-c", INDEX_UNPRIVILEGED, str(empty.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=without_override)
    kicks.parent.chmod(0o755)
    assert "permission was denied" in done.stdout, done.stderr
    empty.refresh()
    assert not any(sound.missing for sound in empty.sounds())
    assert [failure.uri for failure in empty.errors()] == [str(kicks)]
    empty.add()
    assert empty.errors() == []


def test_a_file_that_vanishes_while_it_is_indexed(empty: Library, kicks: Path) -> None:
    victim = kicks / "zz.flac"
    victim.write_bytes(min(kicks.iterdir()).read_bytes() + b"\0")

    def vanish(progress: Progress) -> None:
        if progress.stage == "listening":  # it has been seen, and not been opened yet
            victim.unlink(missing_ok=True)

    report = empty.add(kicks, on_progress=vanish)
    assert "it is not there" in reason_for(report, victim)
    assert len(report.added) == 4
    check_rest(empty, kicks)
    empty.add(kicks)
    assert empty.errors() == []  # it has gone, and its failure with it


def test_a_file_that_changes_while_it_is_indexed(empty: Library, kicks: Path, write_tone: WriteTone) -> None:
    victim = write_tone(kicks / "zz.wav", 300.0)
    other = write_tone(kicks.parent / "other.wav", 2000.0, 2.0).read_bytes()

    def change(progress: Progress) -> None:
        if progress.stage == "listening" and progress.files_done == 0:
            victim.write_bytes(other)

    report = empty.add(kicks, on_progress=change)
    assert len(report.added) == 5
    assert empty.sound(victim).duration_s == pytest.approx(2.0, abs=0.01)  # what was hashed was decoded
    assert empty.search(victim)[0].same_file
    victim.write_bytes(other[:-2000])
    assert [Path(uri).name for uri in empty.add(kicks).changed] == ["zz.wav"]
    assert empty.search(victim)[0].same_file


def test_a_large_file_that_changes_while_it_is_read_is_refused_until_it_is_whole(
    empty: Library, kicks: Path, write_tone: WriteTone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundalike.ingest import analyse, content

    monkeypatch.setattr(content, "_IN_MEMORY_BYTES", 1000)  # all files are large
    victim = write_tone(kicks / "zz.wav", 300.0)
    whole = victim.read_bytes()

    def open_while_written(file: BinaryIO, *, rate_hz: int, name: str = "") -> object:
        if name == "zz.wav":
            with victim.open("ab") as still_written:
                still_written.write(b"\0\0")
        return open_audio(file, rate_hz=rate_hz, name=name)

    monkeypatch.setattr(analyse, "open_audio", open_while_written)
    report = empty.add(kicks)
    assert "changed while it was being read; index it again once it is whole" in reason_for(report, victim)
    check_rest(empty, kicks)
    monkeypatch.setattr(analyse, "open_audio", open_audio)
    victim.write_bytes(whole)
    assert [Path(uri).name for uri in empty.add(kicks).added] == ["zz.wav"]


def test_a_hostile_archive(empty: Library, kicks: Path, tmp_path: Path) -> None:
    good = min(kicks.iterdir()).read_bytes()
    with zipfile.ZipFile(kicks / "inner.zip", "w") as inner:
        inner.writestr("kick.flac", good)
    with zipfile.ZipFile(kicks / "hostile.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../escaped.wav", good)
        archive.writestr("/etc/absolute.wav", good)
        archive.writestr("bomb.wav", bytes(80 << 20))
        archive.write(kicks / "inner.zip", "nested.zip")
        archive.writestr("good/kick.flac", good + b"\0")
    (kicks / "inner.zip").unlink()
    (kicks / "broken.zip").write_bytes((kicks / "hostile.zip").read_bytes()[:-40])
    before = sorted(tmp_path.rglob("*"))
    report = empty.add(kicks)
    reasons = {failure.uri.removeprefix(str(kicks) + "/"): failure.reason for failure in report.failed}
    assert "leads out of the archive" in reasons.pop("hostile.zip!/../../escaped.wav")
    assert "leads out of the archive" in reasons.pop("hostile.zip!//etc/absolute.wav")
    assert "as zip bombs do" in reasons.pop("hostile.zip!/bomb.wav")
    assert "archive inside an archive is not opened" in reasons.pop("hostile.zip!/nested.zip")
    assert "archive" in reasons.pop("broken.zip")
    assert reasons == {}
    assert f"{kicks}/hostile.zip!/good/kick.flac" in report.added
    assert [p for p in sorted(tmp_path.rglob("*")) if empty.path not in (p, *p.parents)] == [
        p for p in before if empty.path not in (p, *p.parents)
    ]
    check_rest(empty, kicks)


def test_a_member_that_is_damaged_in_its_archive(empty: Library, kicks: Path) -> None:
    good = min(kicks.iterdir()).read_bytes()
    with zipfile.ZipFile(kicks / "pack.zip", "w") as archive:
        archive.writestr("a.flac", good + b"\0")
        archive.writestr("b.flac", good + b"\0\0")
    content = bytearray((kicks / "pack.zip").read_bytes())
    content[len(good) // 2] ^= 0xFF
    (kicks / "pack.zip").write_bytes(content)
    report = empty.add(kicks)
    assert len(report.added) == 5
    assert "is damaged in its archive: bad CRC-32" in reason_for(report, kicks / "pack.zip!" / "a.flac")
    check_rest(empty, kicks)


def test_links_that_go_in_circles_or_nowhere(empty: Library, kicks: Path) -> None:
    (kicks / "deep").mkdir()
    (kicks / "deep" / "up").symlink_to(kicks, target_is_directory=True)
    (kicks / "self").symlink_to(kicks / "self")
    (kicks / "self.wav").symlink_to(kicks / "self.wav")
    (kicks / "nowhere.wav").symlink_to(kicks / "absent.wav")
    report = empty.add(kicks)
    assert len(report.added) == 4
    assert {Path(failure.uri).name for failure in report.failed} == {"self", "self.wav", "nowhere.wav"}
    assert "leads to something that cannot be reached" in reason_for(report, kicks / "self.wav")
    check_rest(empty, kicks)


def test_something_that_is_no_file(empty: Library, kicks: Path) -> None:
    os.mkfifo(kicks / "pipe.wav")
    (kicks / "folder.wav").mkdir()
    report = empty.add(kicks)
    assert "not a regular file" in reason_for(report, kicks / "pipe.wav")
    assert len(report.failed) == 1
    check_rest(empty, kicks)
