"""What the training corpus is made of: the table, archives, cutting, notes, what is held out, shards."""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import encode_wav
from soundalike.core.arrays import FloatArray
from soundalike.training import TrainingSound, TrainingSounds

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.corpus import held_out
from scripts.corpus.archives import members
from scripts.corpus.assemble import open_shard, write_corpus
from scripts.corpus.cutting import RATE_HZ, Cut, cut_file, stretches_of
from scripts.corpus.instruments import without_tail
from scripts.corpus.midi import Note, midi_file, starts_s
from scripts.corpus.programmes import PROGRAMMES, pitch_range
from scripts.corpus.report import as_table
from scripts.corpus.shards import ShardWriter, read_summary, settings_of
from scripts.corpus.speech import UTTERANCES, utterances
from scripts.corpus.table import Part, read_table

PART = Part(name="some-data", package="some-data", what="sounds", licence="CC0-1.0")


def tone(seconds: float, hz: float = 440.0, level: float = 0.5) -> FloatArray:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (level * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def write_wav(file: Path, samples: FloatArray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode_wav(samples, RATE_HZ))


def sound(file: str, kind: str = "effect") -> TrainingSound:
    return TrainingSound(file, "group", 0, 1, {"file": file, "kind": kind})


def test_the_table_names_licences_and_kinds_and_no_evaluation_set() -> None:
    parts = read_table()
    assert len(parts) >= 30
    assert all(part.licence and part.what for part in parts)
    names = " ".join(part.package.lower() for part in parts)
    assert not any(
        word in names for word in ("esc10", "esc-50", "fsdd", "urbansound", "philharmonia", "nsynth")
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('colour = "red"', "unknown fields: colour"),
        ('kind = "noise"', r"got \['noise'\]"),
        ('held_out = "some"', "a rule of"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, row: str, message: str) -> None:
    file = tmp_path / "packages.toml"
    file.write_text(f'[[part]]\nname = "a"\nwhat = "w"\nlicence = "CC0-1.0"\n{row}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_table(file)


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "packages.toml"
    file.write_text('[[part]]\nname = "a"\nwhat = "w"\nlicence = "CC0-1.0"\n' * 2, encoding="utf-8")
    with pytest.raises(ValueError, match="more than one part named a"):
        read_table(file)


def test_a_part_takes_audio_by_its_patterns() -> None:
    part = replace(PART, include=("*/sounds/*",), exclude=("*_desc*",), kinds={"*/music/*": "music"})
    assert part.takes("usr/share/sounds/Dog.OGG")
    assert not part.takes("usr/share/sounds/dog_desc_fr.ogg")
    assert not part.takes("usr/share/sounds/dog.png")
    assert not part.takes("usr/share/other/dog.ogg")
    assert part.kind_of("a/MUSIC/b.ogg") == "music"
    assert part.kind_of("a/b.ogg") == "effect"


def test_members_of_a_zip_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pk3", "w") as archive:
        archive.writestr("sound/one.wav", b"1")
        archive.writestr("textures/two.png", b"2")
    found = list(members(tmp_path / "a.pk3", "a.pk3", lambda path: path.endswith(".wav")))
    assert found == [("sound/one.wav", b"1")]


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="no zip file"):
        list(members(tmp_path / "a", "a.pk3", lambda _: True))
    with pytest.raises(ValueError, match="no Qt resource file"):
        list(members(tmp_path / "a", "a.rcc", lambda _: True))
    with pytest.raises(ValueError, match="no sound set"):
        list(members(tmp_path / "a", "a.cat", lambda _: True))


def test_members_of_a_sound_set(tmp_path: Path) -> None:
    sounds = [encode_wav(tone(0.01), RATE_HZ), encode_wav(tone(0.02), RATE_HZ)]
    table, body = b"", b""
    for number, data in enumerate(sounds):
        title = f"Horse/{number}".encode() + b"\0"
        table += struct.pack("<II", (16 + len(body)) | (0x80000000 if number == 0 else 0), len(data))
        body += bytes([len(title)]) + title + data + b"\x04abc\0"
    (tmp_path / "a.cat").write_bytes(table + body)
    found = list(members(tmp_path / "a.cat", "a.cat", lambda _: True))
    assert found == [("000 Horse 0.wav", sounds[0]), ("001 Horse 1.wav", sounds[1])]


def test_members_of_a_resource_file(tmp_path: Path) -> None:
    """A folder ``s`` with a stored file ``a.ogg`` and a compressed one, ``b.ogg``."""
    names, payload = b"", b""
    name_at, data_at = {}, {}
    for name in ("s", "a.ogg", "b.ogg"):
        name_at[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    packed = struct.pack(">I", 3) + zlib.compress(b"bbb")
    for name, data in (("a.ogg", b"aaaa"), ("b.ogg", packed)):
        data_at[name] = len(payload)
        payload += struct.pack(">I", len(data)) + data
    node = struct.Struct(">IHII")
    tree = node.pack(0, 2, 1, 1) + node.pack(name_at["s"], 2, 2, 2)
    tree += struct.pack(">IHHHI", name_at["a.ogg"], 0, 0, 0, data_at["a.ogg"])
    tree += struct.pack(">IHHHI", name_at["b.ogg"], 1, 0, 0, data_at["b.ogg"])
    at = 20
    head = struct.pack(">4s4I", b"qres", 1, at, at + len(tree), at + len(tree) + len(payload))
    (tmp_path / "a.rcc").write_bytes(head + tree + payload + names)
    found = dict(members(tmp_path / "a.rcc", "a.rcc", lambda path: path.endswith(".ogg")))
    assert found == {"s/a.ogg": b"aaaa", "s/b.ogg": b"bbb"}


def test_long_files_give_stretches_spread_over_them() -> None:
    samples = np.arange(100 * RATE_HZ, dtype=np.float32)
    stretches = stretches_of(samples, 60.0)
    assert len(stretches) == 3
    assert all(len(stretch) == 20 * RATE_HZ and stretch[0] == start for start, stretch in stretches)
    starts = [start for start, _ in stretches]
    assert starts[0] > 0
    assert starts[-1] + 20 * RATE_HZ < len(samples)
    assert np.ptp(np.diff(starts)) <= 1
    whole = stretches_of(samples, 100.0)
    assert [(start, len(stretch)) for start, stretch in whole] == [(0, len(samples))]


def test_why_a_file_gives_nothing(tmp_path: Path) -> None:
    write_wav(tmp_path / "short.wav", tone(0.05))
    write_wav(tmp_path / "silent.wav", tone(1.0, level=0.0005))
    write_wav(tmp_path / "fine.wav", tone(0.2))
    (tmp_path / "broken.wav").write_bytes(b"RIFF and no more")
    reasons = {
        name: cut_file(tmp_path, f"{name}.wav", 240.0).dropped
        for name in ("short", "silent", "fine", "broken")
    }
    assert reasons == {"short": "short", "silent": "silent", "fine": "", "broken": "unreadable"}


def test_notes_begin_where_the_cut_expects_them() -> None:
    notes = [Note(60, 100, 0.3, 1.3), Note(67, 40, 1.0, 2.0)]
    data = midi_file(notes, programme=12)
    assert data[:8] == b"MThd\0\0\0\x06"
    assert struct.unpack(">I", data[18:22])[0] == len(data) - 22
    assert bytes([0xC0, 12]) in data
    # 300 ticks later key up, 1000 ticks after that the next note: 0x82 0x2C and 0x87 0x68
    assert bytes([0x90, 60, 100, 0x82, 0x2C, 0x80, 60, 0, 0x87, 0x68, 0x90, 67, 40]) in data
    assert starts_s(notes) == [0.0, 1.3]


def test_the_quiet_end_of_a_note_is_cut_off() -> None:
    note = np.concatenate([tone(1.0), 1e-4 * tone(1.0)])
    assert abs(len(without_tail(note)) - RATE_HZ) < 50
    assert len(without_tail(np.zeros(RATE_HZ, np.float32))) == 0
    assert len(without_tail(tone(0.1))) == round(0.1 * RATE_HZ)


def test_general_midi_has_128_programmes() -> None:
    assert len(PROGRAMMES) == len(set(PROGRAMMES)) == 128
    assert all(low < high <= 108 for low, high in map(pitch_range, range(128)))
    held = [programme for programme in range(128) if held_out.label_of_programme(programme)]
    assert len({programme // 8 for programme in held}) == 16
    assert 20 <= len(held) <= 32


def test_utterances_are_the_seeds() -> None:
    texts = UTTERANCES.read_text(encoding="utf-8")
    first = list(utterances(texts, seed=1, count=300))
    assert first == list(utterances(texts, seed=1, count=300))
    assert first != list(utterances(texts, seed=2, count=300))
    assert len({utterance.language for utterance in first}) >= 12


def test_variants_of_a_family_share_a_label() -> None:
    names = [f"x/archer/sounds/archer_die{n}.wav" for n in (1, 2, 3)]
    names += [f"x/mage/sounds/die{n}.wav" for n in (1, 2, 3)]
    names += ["x/archer/sounds/lonely1.wav", "x/archer/sounds/plain.wav"]
    labels = held_out.labels_of_variants([sound(name) for name in names])
    assert {labels[name] for name in names[:3]} == {"archer_die"}
    assert {labels[name] for name in names[3:6]} == {"mage/die"}
    assert len(labels) == 6


def test_small_folders_count_as_their_parents() -> None:
    names = [f"r/animals/birds/{n}.ogg" for n in range(5)]
    names += ["r/animals/deer/a.ogg", "r/animals/cats/b.ogg", "r/animals/apes/c.ogg", "r/space/d.ogg"]
    labels = held_out.labels_of_folders([sound(name) for name in names], "r")
    assert labels[names[0]] == "animals/birds"
    assert {labels[name] for name in names[5:8]} == {"animals"}
    assert names[8] not in labels


@pytest.mark.parametrize(
    ("name", "drum"),
    [("PearlKick-Med.wav", "kick"), ("VP Hat 3 Cl.flac", "hat"), ("SN_04.aiff", "snare"), ("t2_02.flac", "")],
)
def test_drums_by_name(name: str, drum: str) -> None:
    assert held_out.drum_of(f"usr/share/drumkits/Some Kit/{name}") == drum


def test_held_out_kits_are_ones_whose_names_tell() -> None:
    kits = {f"kit{n}": ["kick.wav", "snare.wav"] for n in range(6)}
    kits |= {f"dumb{n}": ["a.wav", "b.wav"] for n in range(3)}
    chosen = held_out.held_out_kits(kits, seed=0)
    assert len(chosen) == 3
    assert all(kit.startswith("kit") for kit in chosen)
    assert chosen == held_out.held_out_kits(kits, seed=0)


def cut(path: str, samples: FloatArray, *starts: float) -> Cut:
    whole = (samples * 32767).astype(np.int16)
    return Cut(
        path, tuple((start, whole) for start in starts or (0.0,)), path, str(hash(whole.tobytes())), 1.0
    )


def test_a_shard_drops_what_it_has(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "s", "key") as writer:
        writer.add_cut(cut("usr/share/a.wav", tone(0.2)), PART)
        writer.add_cut(cut("usr/share/copy.wav", tone(0.2)), PART)
        writer.add_cut(cut("usr/share/long.ogg", tone(0.2, 500.0), 5.0, 30.0), PART)
    names = [sound.name for sound in TrainingSounds(tmp_path / "s").sounds]
    assert names == ["some-data/a.wav", "some-data/long.ogg@5.0s", "some-data/long.ogg@30.0s"]
    summary = read_summary(tmp_path / "s", "key")
    assert summary is not None
    assert (summary.files, summary.dropped) == (2, {"twice": 1})
    assert read_summary(tmp_path / "s", "other") is None


def test_every_setting_makes_another_shard() -> None:
    first = settings_of(PART, 0)
    assert settings_of(PART, 1) != first
    assert settings_of(replace(PART, max_file_s=60.0), 0) != first
    assert settings_of(replace(PART, exclude=("*x*",)), 0) != first


def test_held_out_sounds_are_not_trained_on(tmp_path: Path) -> None:
    part = replace(PART, held_out="variants")
    with ShardWriter(tmp_path / "one", "key") as writer:
        for number in (1, 2, 3):
            writer.add_cut(cut(f"u/archer_die{number}.wav", tone(0.2, 300.0 + number)), part)
        writer.add_cut(cut("u/wind.wav", tone(0.2, 90.0)), part)
    with ShardWriter(tmp_path / "two", "key") as writer:
        writer.add_cut(cut("u/archer.wav", tone(0.2, 301.0)), PART)
        writer.add_cut(cut("u/rain.wav", tone(0.2, 91.0)), PART)
    shards = [open_shard(tmp_path / "one", part, 0), open_shard(tmp_path / "two", PART, 0)]
    rows = write_corpus(shards, tmp_path / "train", tmp_path / "dev")
    train, dev = TrainingSounds(tmp_path / "train"), TrainingSounds(tmp_path / "dev")
    assert [one.name for one in train.sounds] == ["some-data/u/wind.wav", "some-data/u/rain.wav"]
    assert {one.facts["label"] for one in dev.sounds} == {"archer_die"}
    assert {one.facts["task"] for one in dev.sounds} == {"variants"}
    assert len(dev) == 3
    assert rows[1]["dropped"] == {"twice": 1}
    assert all(one.facts["licence"] == "CC0-1.0" for one in (*train.sounds, *dev.sounds))
    np.testing.assert_allclose(train.read(0), tone(0.2, 90.0), atol=2e-4)
    assert "| one | 4 |" in as_table(rows)
