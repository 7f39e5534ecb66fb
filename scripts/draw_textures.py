"""Draw a log-mel spectrogram of each texture: ``python scripts/draw_textures.py``."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from soundalike.features import MelConfig, StftConfig, mel_filter_bank, power_spectrogram
from soundalike.synthesis import texture, texture_names

RATE_HZ = 32000
COLUMNS = 8
RANGE_DB = 70.0
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "textures.png"


def main() -> None:
    """Write docs/pictures/textures.png."""
    names = texture_names()
    bank = mel_filter_bank(MelConfig(rate_hz=RATE_HZ, fft_samples=1024, bands=48, low_hz=40, high_hz=16000))
    rows = -(-len(names) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(12, 1.12 * rows))
    for axis in axes.flat:
        axis.axis("off")
    for number, (axis, name) in enumerate(zip(axes.flat, names, strict=False)):
        rng = np.random.default_rng([4, number])
        sound = texture(name, duration_s=2.0, rate_hz=RATE_HZ, rng=rng)
        power = power_spectrogram(sound, StftConfig(frame_samples=1024, hop_samples=800))
        level_db = 10.0 * np.log10(bank @ power + 1e-12)
        axis.imshow(
            level_db,
            origin="lower",
            aspect="auto",
            cmap="magma",
            interpolation="nearest",
            vmin=level_db.max() - RANGE_DB,
        )
        axis.set_title(name, fontsize=8, pad=2)
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.975, 0.03, 0.25)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110)
    PICTURE.parent.mkdir(exist_ok=True)
    # 32 colours: noise compresses badly, and a page is no place for a megabyte.
    Image.open(drawn).convert("RGB").quantize(32, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
