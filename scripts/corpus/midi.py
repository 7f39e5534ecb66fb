"""Standard MIDI files of single notes in a row, each in a slot of its own, so that a rendering can be cut."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

PERCUSSION_CHANNEL = 9
_TICKS_PER_BEAT = 500  # with a beat of half a second, a tick is a millisecond


@dataclass(frozen=True)
class Note:
    """One note.

    Attributes:
        pitch: MIDI note number, 60 is middle C.
        velocity: 1 to 127.
        held_s: From key down to key up.
        slot_s: From its beginning to that of the next note.
    """

    pitch: int
    velocity: int
    held_s: float
    slot_s: float


def midi_file(notes: Sequence[Note], *, programme: int, bank: int = 0, channel: int = 0) -> bytes:
    """Write notes as a Standard MIDI File of one track.

    Args:
        notes: In the order that they sound.
        programme: General MIDI programme, 0 to 127.
        bank: Bank of the sound font.
        channel: 0 to 15; 9 is percussion.

    Returns:
        The file's bytes.
    """
    events = [b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big")]
    events.append(bytes([0, 0xB0 | channel, 0, bank]))
    events.append(bytes([0, 0xC0 | channel, programme]))
    wait = 0
    for note in notes:
        held = round(note.held_s * 1000)
        events.append(_variable_length(wait) + bytes([0x90 | channel, note.pitch, note.velocity]))
        events.append(_variable_length(held) + bytes([0x80 | channel, note.pitch, 0]))
        wait = round(note.slot_s * 1000) - held
    events.append(_variable_length(wait) + b"\xff\x2f\x00")
    track = b"".join(events)
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, _TICKS_PER_BEAT)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def starts_s(notes: Sequence[Note]) -> list[float]:
    """Where each note of :func:`midi_file` begins, in seconds."""
    out, at = [], 0.0
    for note in notes:
        out.append(at)
        at += round(note.slot_s * 1000) / 1000
    return out


def _variable_length(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))
