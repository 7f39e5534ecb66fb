"""Hearing the sounds of a library: their files, and parts of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import decode
from soundalike.core.errors import NotFoundError
from soundalike.library import Library
from soundalike.library.playback import media_type_of


def test_the_original_file(library: Library, samples: Path) -> None:
    path = samples / "kicks" / "bd_808.flac"
    opened = library.open_audio_file(library.sound(path))
    with opened.file as file:
        assert file.read() == path.read_bytes()
    assert (opened.name, opened.size_bytes, opened.media_type) == (
        "bd_808.flac",
        path.stat().st_size,
        "audio/flac",
    )


def test_a_member_of_an_archive(library: Library, samples: Path) -> None:
    packed = next(sound for sound in library.sounds() if "!/" in sound.path)
    with library.open_audio_file(packed).file as file:
        assert file.read(4) == b"fLaC"
        file.seek(1)
        assert file.read(3) == b"LaC"
    assert decode(io.BytesIO(library.preview(packed)), rate_hz=44100).samples.any()


def test_the_first_file_that_is_there(empty: Library, kicks: Path) -> None:
    path = min(kicks.iterdir())
    content = path.read_bytes()
    (kicks / "zzz copy.flac").write_bytes(content)
    empty.add(kicks)
    path.unlink()
    opened = empty.open_audio_file(str(path))
    with opened.file as file:
        assert file.read() == content
    assert opened.name == "zzz copy.flac"


def test_a_file_that_has_gone_is_told(empty: Library, kicks: Path) -> None:
    path = min(kicks.iterdir())
    empty.add(kicks)
    path.unlink()
    with pytest.raises(NotFoundError, match=r"None of the files of this sound can be opened\. .*not there"):
        empty.open_audio_file(path.as_posix())
    with pytest.raises(NotFoundError, match="None of the files"):
        empty.preview(empty.sound(path))


def test_the_bytes_of_an_open_file_were_not_kept(empty: Library, kicks: Path) -> None:
    with min(kicks.iterdir()).open("rb") as file:
        empty.add(file, name="a.flac")
    with pytest.raises(NotFoundError, match="were not kept"):
        empty.open_audio_file(empty.sounds()[0])


def test_a_preview_is_a_part_in_the_channels_of_the_file(empty: Library, kicks: Path) -> None:
    from av.audio.frame import AudioFrame

    time_s = np.arange(3 * 48000) / 48000
    stereo = np.stack([0.5 * np.sin(2 * np.pi * 440 * time_s), 0.1 * np.sin(2 * np.pi * 660 * time_s)])
    path = kicks / "stereo.wav"
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48000, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        frame = AudioFrame.from_ndarray(
            (stereo.T * 32767).astype(np.int16).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    empty.add(path)
    with av.open(io.BytesIO(empty.preview(str(path), start_s=1.0, duration_s=0.5)), "r") as preview:
        parts = [frame.to_ndarray().astype(np.float64) for frame in preview.decode(audio=0)]
        assert (preview.streams.audio[0].rate, preview.streams.audio[0].channels) == (48000, 2)
    cut = np.concatenate(parts, axis=1).reshape(-1, 2) / 32768
    assert len(cut) == 24000
    assert np.abs(cut.T - stereo[:, 48000:72000]).max() < 1e-3


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.FLAC", "audio/flac"),
        ("b.c.opus", "audio/ogg"),
        ("a.w64", "application/octet-stream"),
        ("wav", "audio/wav"),
    ],
)
def test_media_types(name: str, kind: str) -> None:
    assert media_type_of(name) == kind
