"""What files say of themselves: container tags, broadcast WAVE chunks, file names."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from soundalike.audio import describe, encode_wav, open_audio, ucs_fields

TAGS = {"title": "Slam №5 🚪", "artist": "Ann", "genre": "Foley; Door", "comment": "old\x07 house"}


def tagged(tmp_path: Path, file_name: str, codec: str) -> Path:
    path = tmp_path / file_name
    with av.open(path, "w") as container:
        container.metadata.update(TAGS)
        stream = container.add_stream(codec, rate=44100, layout="mono")
        assert isinstance(stream, AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        stream.codec_context.open(strict=False)
        resampler = av.AudioResampler(
            stream.format.name, "mono", 44100, stream.codec_context.frame_size or 4096
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))
    return path


def with_chunks(*chunks: tuple[bytes, bytes]) -> io.BytesIO:
    wav = encode_wav(np.zeros(100, np.float32), 8000)
    extra = b"".join(
        name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for name, body in chunks
    )
    return io.BytesIO(wav[:12] + extra + wav[12:])


@pytest.mark.parametrize(
    ("file_name", "codec"),
    [("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.m4a", "aac"), ("a.wav", "pcm_s16le")],
)
@pytest.mark.parametrize("opened", [True, False])
def test_container_tags(tmp_path: Path, file_name: str, codec: str, opened: bool) -> None:
    path = tagged(tmp_path, file_name, codec)
    with open_audio(path, rate_hz=8000) as reader, path.open("rb") as file:
        found = describe(file, file_name, reader.info if opened else None)
        assert file.tell() == 0
    assert found.tags == ("foley", "door")
    assert found.fields["title"] == TAGS["title"]
    assert found.fields["artist"] == "Ann"
    assert found.fields["comment"] == "old house"


def bext(description: bytes) -> bytes:
    head = struct.pack("<256s32s32s10s8s", description, b"Recorder", b"REF1", b"2024-05-06", b"07:08:09")
    return head + struct.pack("<Q", 48000) + bytes(258)


def test_broadcast_wave() -> None:
    xml = b"<X><PROJECT>Dune</PROJECT><SCENE>12A</SCENE><TAKE>3</TAKE><NOTE>wind &amp; sand</NOTE></X>"
    found = describe(with_chunks((b"bext", bext(b"Door\x00rest")), (b"iXML", xml)), "a.wav", None)
    assert found.fields == {
        "description": "Door",
        "originator": "Recorder",
        "originator_reference": "REF1",
        "origination_date": "2024-05-06",
        "origination_time": "07:08:09",
        "time_reference": "48000",
        "project": "Dune",
        "scene": "12A",
        "take": "3",
        "note": "wind & sand",
    }


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE a [<!ENTITY b "ha">]><BWFXML><NOTE>&b;</NOTE></BWFXML>',
        b"<BWFXML><NOTE>never closed",
        b"\xff\xfe\x00<",
        b"<BWFXML><NOTE>" + b"x" * 300_000 + b"</NOTE></BWFXML>",
        b"",
    ],
)
def test_hostile_xml_is_left_out(xml: bytes) -> None:
    assert describe(with_chunks((b"iXML", xml)), "a.wav", None).fields == {}


def test_damaged_text_is_cleaned_and_bounded() -> None:
    assert describe(with_chunks((b"bext", bext(b"a\xff\x01b"))), "a", None).fields["description"] == "a� b"
    long = b"<B><NOTE>" + b"word " * 2000 + b"</NOTE></B>"
    assert len(describe(with_chunks((b"iXML", long)), "a.wav", None).fields["note"]) == 4096
    short = describe(with_chunks((b"bext", b"short"), (b"bext", bext(b""))), "a.wav", None)
    assert "description" not in short.fields


@pytest.mark.parametrize("seed", range(20))
def test_damaged_tags_are_no_error(tmp_path: Path, seed: int) -> None:
    content = np.frombuffer(tagged(tmp_path, "a.mp3", "libmp3lame").read_bytes(), np.uint8).copy()
    rng = np.random.default_rng(seed)
    content[rng.integers(3, 200, 20)] = rng.integers(0, 256, 20)
    found = describe(io.BytesIO(content.tobytes()), "a.mp3", None)
    assert all(len(text) <= 4096 for text in found.fields.values())


def test_names_of_the_universal_category_system() -> None:
    assert ucs_fields("x/GUNAuto-EXT_UZI 9mm-Rapid Fire_TN_NONE_416_MKH.wav") == {
        "ucs_cat_id": "GUNAuto",
        "ucs_category": "guns",
        "ucs_user_category": "EXT",
        "ucs_name": "UZI 9mm-Rapid Fire",
        "ucs_vendor_category": "UZI 9mm",
        "ucs_creator": "TN",
        "ucs_source": "NONE",
        "ucs_user_data": "416_MKH",
    }
    assert ucs_fields("THUN_Far Roll_AB_Storms.flac")["ucs_category"] == "weather"
    assert ucs_fields("DOORWood_Slam 1.5 m_AB_Lib")["ucs_source"] == "Lib"


@pytest.mark.parametrize(
    "name",
    ["Kick_01_A_B.wav", "GUNAuto_Uzi.wav", "gunauto_Uzi_TN_DORY.wav", "DOOR_Slam_A_B.wav", "XYZAbc_a_b_c.wav",
     "GUNAuto__TN_DORY.wav", "BASS_loop_120_Am.wav", "", "____.wav", "flute_As4_025_forte_normal.mp3"],
)  # fmt: skip
def test_other_names_say_nothing(name: str) -> None:
    assert ucs_fields(name) == {}


def test_no_name_of_the_real_collections_is_taken_for_one(shared_data: Path) -> None:
    names = [path.name for path in shared_data.rglob("*.*")]
    assert len(names) > 5000
    assert [name for name in names if ucs_fields(name)] == []
