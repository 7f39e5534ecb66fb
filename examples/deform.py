"""Deform a batch of sounds in random ways, as training does: ``python examples/deform.py``."""

import numpy as np

from soundalike.audio import DeformationMix, Gain, Noise, PitchUp, Stretch, decode, shift_pitch
from soundalike.library import demo_sounds

RATE_HZ = 32000


def strongest_hz(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    """Find the strongest frequency of a second of sound."""
    return float(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * RATE_HZ / len(samples))


def main() -> None:
    """Shift a bell by known steps, then a batch of sounds by whatever is drawn."""
    bell = decode(next(demo_sounds().rglob("perc_bell.flac")), rate_hz=RATE_HZ).samples[:RATE_HZ]
    print(f"a bell: {strongest_hz(bell):.0f} Hz")
    for semitones in (-4, 4):
        shifted = shift_pitch(bell[None], semitones, RATE_HZ)[0]
        print(f"moved by {semitones:+d} semitones: {strongest_hz(shifted):.0f} Hz")

    paths = sorted(demo_sounds().rglob("*.flac"))[:8]
    batch = np.zeros((len(paths), RATE_HZ), np.float32)
    for row, path in zip(batch, paths, strict=True):
        samples = decode(path, rate_hz=RATE_HZ).samples[:RATE_HZ]
        row[: len(samples)] = samples
    kinds = DeformationMix(((PitchUp(), 2.0), (Stretch(), 2.0), (Noise(), 1.0), (Gain(), 1.0)))
    deformed = kinds.apply(batch, rate_hz=RATE_HZ, rng=np.random.default_rng(1))
    for path, before, after in zip(paths, batch, deformed, strict=True):
        change_db = 10 * np.log10(np.square(after).sum() / np.square(before).sum())
        print(f"{path.stem}: energy {change_db:+.1f} dB")


if __name__ == "__main__":
    main()
