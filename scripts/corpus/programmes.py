"""The programmes of General MIDI by number, and between which pitches each is rendered."""

from __future__ import annotations

_FAMILIES: tuple[tuple[tuple[int, int], str], ...] = (
    (
        (28, 100),
        (
            "acoustic grand piano, bright piano, electric grand piano, honky-tonk piano, "
            "electric piano 1, electric piano 2, harpsichord, clavinet"
        ),
    ),
    ((55, 100), "celesta, glockenspiel, music box, vibraphone, marimba, xylophone, tubular bells, dulcimer"),
    (
        (36, 90),
        (
            "drawbar organ, percussive organ, rock organ, church organ, reed organ, accordion, "
            "harmonica, bandoneon"
        ),
    ),
    (
        (40, 84),
        (
            "nylon guitar, steel guitar, jazz guitar, clean guitar, muted guitar, overdriven guitar, "
            "distorted guitar, guitar harmonics"
        ),
    ),
    (
        (26, 58),
        (
            "acoustic bass, fingered bass, picked bass, fretless bass, slap bass 1, slap bass 2, "
            "synth bass 1, synth bass 2"
        ),
    ),
    (
        (36, 92),
        "violin, viola, cello, contrabass, tremolo strings, pizzicato strings, orchestral harp, timpani",
    ),
    (
        (36, 86),
        (
            "string ensemble 1, string ensemble 2, synth strings 1, synth strings 2, choir aahs, "
            "voice oohs, synth voice, orchestra hit"
        ),
    ),
    (
        (34, 80),
        "trumpet, trombone, tuba, muted trumpet, french horn, brass section, synth brass 1, synth brass 2",
    ),
    ((40, 86), "soprano sax, alto sax, tenor sax, baritone sax, oboe, english horn, bassoon, clarinet"),
    ((55, 98), "piccolo, flute, recorder, pan flute, blown bottle, shakuhachi, whistle, ocarina"),
    (
        (36, 92),
        (
            "square lead, sawtooth lead, calliope lead, chiff lead, charang lead, voice lead, "
            "fifths lead, bass and lead"
        ),
    ),
    (
        (36, 88),
        "new age pad, warm pad, polysynth pad, choir pad, bowed pad, metallic pad, halo pad, sweep pad",
    ),
    ((36, 88), "rain, soundtrack, crystal, atmosphere, brightness, goblins, echoes, science fiction"),
    ((40, 84), "sitar, banjo, shamisen, koto, kalimba, bagpipe, fiddle, shanai"),
    (
        (36, 88),
        "tinkle bell, agogo, steel drums, woodblock, taiko drum, melodic tom, synth drum, reverse cymbal",
    ),
    (
        (36, 84),
        (
            "guitar fret noise, breath noise, seashore, bird tweet, telephone ring, helicopter, "
            "applause, gunshot"
        ),
    ),
)
_PER_FAMILY = 8

PROGRAMMES: tuple[str, ...] = tuple(name for _, names in _FAMILIES for name in names.split(", "))
"""Their names, by number from 0."""

DRUM_KITS: tuple[int, ...] = (0, 8, 16, 24, 25, 32, 40, 48)
"""Programme numbers of the percussion channel's kits."""

DRUM_PITCHES = range(35, 82)
"""Notes of the percussion channel that have a sound."""


def pitch_range(programme: int) -> tuple[int, int]:
    """Lowest and highest note that a programme is rendered at."""
    return _FAMILIES[programme // _PER_FAMILY][0]
