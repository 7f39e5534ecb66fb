"""Voices that speak for the corpus: three engines' speakers, each with a pitch and a speed of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scripts.corpus.cutting import RATE_HZ

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray

_OWN = "CC0-1.0"  # the words are this project's own; a program's licence does not reach its output
_FESTIVAL = "MIT-Festival"  # of flite's and Festival's voices, whose recordings are heard in what they say
_FULL_SPEED_WPM = 165
_FLITE_F0_HZ = {"kal16": 95, "awb": 0, "rms": 0, "slt": 0}  # 0: the voice's own
_ECHOLESS_ENGLISH = (
    ("en-us", "Andrea"), ("en-gb", "Annie"), ("en-gb-scotland", "aunty"), ("en-gb-x-rp", "belinda"),
    ("en-us", "linda"), ("en-gb", "grandma"), ("en-gb-x-gbclan", "anika"), ("en-us-nyc", "shelby"),
    ("en-gb", "steph"), ("en-us", "Alex"), ("en-gb-x-rp", "adam"), ("en-gb-scotland", "boris"),
    ("en-gb", "david"), ("en-us-nyc", "Denis"), ("en-us", "edward"), ("en-gb-x-gbcwmd", "grandpa"),
    ("en-029", "gustave"), ("en-gb", "kaukovalta"), ("en-us", "max"), ("en-gb-scotland", "Michael"),
    ("en-gb-x-gbclan", "norbert"), ("en-us", "pedro"), ("en-gb", "quincy"), ("en-us-nyc", "robert"),
    ("en-gb-x-gbcwmd", "victor"), ("en-029", "travis"),
)  # fmt: skip
"""Accents and variants of espeak-ng: dry, unclipped, no two alike; the part ``espeak-ng`` has others."""

VARIANTS_ABROAD = ("", "m1", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "croak")


@dataclass(frozen=True)
class Voice:
    """One recognisable speaker.

    Attributes:
        engine: ``espeak-ng``, ``flite`` or ``festival``.
        name: What the engine calls it.
        language: Of its words.
        speaker: Who or what is heard: two engines' voices may be made of one person's recordings.
        recorded: Made of recordings of a person, against formants computed.
        licence: Of what it says.
        package: Debian's package that holds it.
        pitch: 0 to 99, of espeak-ng alone.
        speed: Above 1 is faster than the engine's own.
    """

    engine: str
    name: str
    language: str
    speaker: str
    recorded: bool
    licence: str
    package: str
    pitch: int = 50
    speed: float = 1.0

    @property
    def title(self) -> str:
        """Its name in facts and folders: of one voice only."""
        return self.name if self.engine == "espeak-ng" else f"{self.engine}-{self.name}"


def english_voices(seed: int) -> list[Voice]:
    """The voices that speak English.

    Args:
        seed: Decides pitches and speeds.
    """
    rng = np.random.default_rng([seed, 1])
    people = [
        ("flite", "kal16", "kal", "flite"),
        ("flite", "awb", "awb", "flite"),
        ("flite", "rms", "rms", "flite"),
        ("flite", "slt", "slt", "flite"),
        ("festival", "kal_diphone", "kal", "festvox-kallpc16k"),
        ("festival", "ked_diphone", "ked", "festvox-kdlpc16k"),
        ("festival", "cmu_us_slt_arctic_hts", "slt", "festvox-us-slt-hts"),
    ]
    recorded = [
        Voice(engine, name, "en", speaker, True, _FESTIVAL, package, speed=_speed(rng))
        for engine, name, speaker, package in people
    ]
    return recorded + [_espeak_voice(accent, "en", variant, rng) for accent, variant in _ECHOLESS_ENGLISH]


def voices_of(language: str, seed: int) -> list[Voice]:
    """The voices of espeak-ng that speak another language.

    Args:
        language: As espeak-ng calls it.
        seed: Decides pitches and speeds.
    """
    rng = np.random.default_rng([seed, 2, *language.encode()])
    return [_espeak_voice(language, language, variant, rng) for variant in VARIANTS_ABROAD]


def _espeak_voice(accent: str, language: str, variant: str, rng: np.random.Generator) -> Voice:
    name = f"{accent}+{variant}" if variant else accent
    pitch, speaker = int(rng.integers(25, 76)), variant or "plain"
    return Voice("espeak-ng", name, language, speaker, False, _OWN, "espeak-ng", pitch, _speed(rng))


def _speed(rng: np.random.Generator) -> float:
    return round(float(rng.uniform(0.85, 1.15)), 3)


def require_engines(voices: Sequence[Voice]) -> None:
    """Make sure that all voices can be heard.

    Raises:
        FileNotFoundError: An engine or a voice is not installed; names the packages to install.
    """
    engines = {voice.engine for voice in voices}
    missing = {engine for engine in engines if shutil.which(engine) is None}
    if "festival" in engines - missing:
        command = ["festival", "-b", "(print (voice.list))"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        here = set(listed.strip().strip("()").split())
        missing |= {
            voice.package for voice in voices if voice.engine == "festival" and voice.name not in here
        }
    elif "festival" in missing:
        missing |= {voice.package for voice in voices if voice.engine == "festival"}
    if missing:
        raise FileNotFoundError(
            f"Expected the engines of all voices; not installed: {', '.join(sorted(missing))} "
            f"(apt-get install {' '.join(sorted(missing))})."
        )


def say(voice: Voice, said: Sequence[tuple[str, float]]) -> list[FloatArray]:
    """Have a voice say texts.

    Args:
        voice: Which.
        said: Texts, each with its speed beside the voice's own: 1 is the voice's own.

    Returns:
        One array of shape ``(T,)`` for each, at 32 kHz.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.wav" for number in range(len(said))]
        speeds = [voice.speed * factor for _, factor in said]
        texts = [text for text, _ in said]
        if voice.engine == "festival":
            _say_with_festival(voice, texts, speeds, files)
        else:
            for text, speed, file in zip(texts, speeds, files, strict=True):
                _say_alone(voice, text, speed, file)
        return [decode(file, rate_hz=RATE_HZ).samples for file in files]


def _say_alone(voice: Voice, text: str, speed: float, file: Path) -> None:
    if voice.engine == "espeak-ng":
        command = ["espeak-ng", "-v", voice.name, "-p", str(voice.pitch), "-s"]
        command += [str(round(_FULL_SPEED_WPM * speed)), "-w", str(file), text]
    else:
        command = ["flite", "-voice", voice.name, "--setf", f"duration_stretch={1 / speed:.4f}"]
        if _FLITE_F0_HZ[voice.name]:
            command += ["--setf", f"int_f0_target_mean={_FLITE_F0_HZ[voice.name]}"]
        command += ["-t", text, "-o", str(file)]
    subprocess.run(command, check=True, capture_output=True)


def _say_with_festival(
    voice: Voice, texts: Sequence[str], speeds: Sequence[float], files: Sequence[Path]
) -> None:
    """All texts in one process: it takes a second to start."""
    lines = [f"(voice_{voice.name})"]
    for text, speed, file in zip(texts, speeds, files, strict=True):
        if voice.name.endswith("_hts"):
            base = f"{voice.name}::hts_engine_params"
            lines.append(f'(set! hts_engine_params (append {base} (list (list "-r" {speed:.4f}))))')
        else:
            lines.append(f"(Parameter.set 'Duration_Stretch {1 / speed:.4f})")
        lines.append(f"(utt.save.wave (SynthText {json.dumps(text)}) {json.dumps(str(file))} 'riff)")
    script = files[0].with_name("say.scm")
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    subprocess.run(["festival", "--batch", str(script)], check=True, capture_output=True)
