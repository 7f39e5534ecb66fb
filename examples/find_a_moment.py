"""Find a moment in a long recording by an example of it: ``python examples/find_a_moment.py``."""

import io
import tempfile

import numpy as np

import soundalike
from soundalike.audio import decode, encode_wav
from soundalike.library import demo_sounds

RATE_HZ = 24000


def main() -> None:
    """Hide a bell in a minute of noise, and find where it is."""
    bell = decode(next(demo_sounds().rglob("*bell*")), rate_hz=RATE_HZ).samples[: 2 * RATE_HZ]
    recording = np.random.default_rng(1).normal(0.0, 0.01, 60 * RATE_HZ).astype(np.float32)
    recording[41 * RATE_HZ : 41 * RATE_HZ + len(bell)] += bell
    with tempfile.TemporaryDirectory() as folder:
        library = soundalike.Library.open(f"{folder}/library")
        library.add(io.BytesIO(encode_wav(recording, RATE_HZ)), name="field.wav")
        for hit in library.search(io.BytesIO(encode_wav(bell, RATE_HZ)), segments=True, limit=3):
            print(f"{hit.rank}. from {hit.start_s:.2f} s to {hit.end_s:.2f} s, distance {hit.distance:.3f}")


if __name__ == "__main__":
    main()
