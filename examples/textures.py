"""Write one sound of each procedural texture as WAV: ``python examples/textures.py [FOLDER]``."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from soundalike.audio import encode_wav
from soundalike.synthesis import texture, texture_names, vary

RATE_HZ = 32000
DURATION_S = 3.0


def main(folder: Path) -> None:
    """Make each texture twice, as it is and through random effects, and write both."""
    for number, name in enumerate(texture_names()):
        rng = np.random.default_rng([1, number])
        sound = texture(name, duration_s=DURATION_S, rate_hz=RATE_HZ, rng=rng)
        (folder / f"{name}.wav").write_bytes(encode_wav(0.5 * sound, RATE_HZ))
        varied = vary(sound, rate_hz=RATE_HZ, rng=rng)
        (folder / f"{name}-varied.wav").write_bytes(encode_wav(0.5 * varied, RATE_HZ))
    written = sum(1 for _ in folder.glob("*.wav"))
    print(f"{written} sounds of {len(texture_names())} textures of {DURATION_S:g} s")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        chosen = Path(sys.argv[1])
        chosen.mkdir(parents=True, exist_ok=True)
        main(chosen)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
