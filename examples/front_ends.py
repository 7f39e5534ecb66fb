"""What a network listens to: ``python examples/front_ends.py [FOLDER]``.

Draws the Morlet wavelets, and two sounds as log-mel spectra and as levels of the wavelets. Needs the extra
``train``.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from soundalike.audio import decode
from soundalike.features import MorletConfig, hz_to_mel, mel_to_hz, morlet_centres_hz, morlet_wavelets
from soundalike.library import demo_sounds
from soundalike.training import FrontEnd, InputConfig, MorletFrontEnd, network_inputs

RATE_HZ = 32000
SOUNDS = ("*loop_amen*", "*guit_e_slide*")


def draw_wavelets(path: Path) -> None:
    """Draw three wavelets over time, and what every one of the bank passes."""
    bank = MorletConfig(RATE_HZ)
    centres_hz = morlet_centres_hz(bank)
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    grid = figure.add_gridspec(2, 3)
    for column, band in enumerate((20, 36, 52)):
        (wavelet,) = morlet_wavelets(centres_hz[band : band + 1], RATE_HZ, bank.bandwidth_octaves)
        time_ms = (np.arange(len(wavelet)) - len(wavelet) // 2) / RATE_HZ * 1000
        axis = figure.add_subplot(grid[0, column])
        axis.plot(time_ms, wavelet.real, linewidth=1.0, label="real")
        axis.plot(time_ms, wavelet.imag, linewidth=1.0, label="imaginary")
        axis.plot(time_ms, np.abs(wavelet), "k--", linewidth=0.8, label="magnitude")
        axis.set_title(f"band {band}: {centres_hz[band]:.0f} Hz", fontsize=10)
        axis.set_xlabel("ms")
        axis.set_yticks([])
    axis.legend(fontsize=7)
    axis = figure.add_subplot(grid[1, :])
    wavelets = morlet_wavelets(centres_hz, RATE_HZ, bank.bandwidth_octaves)
    size = 1 << 16
    gains = np.abs(np.fft.fft(wavelets, size))[:, : size // 2] / 2.0
    frequencies_hz = np.arange(size // 2) * RATE_HZ / size
    for number, gain in enumerate(gains):
        axis.semilogx(
            frequencies_hz[1:], gain[1:], linewidth=0.8, color="tab:blue" if number % 2 else "tab:cyan"
        )
    axis.axhline(np.sqrt(0.5), color="0.6", linewidth=0.8)
    axis.set_xlim(30, 16000)
    axis.set_xlabel("Hz")
    axis.set_ylabel("gain; the line is half the power")
    figure.savefig(path, dpi=110)


def draw_sounds(path: Path) -> None:
    """Draw the same sounds through both front ends."""
    front_ends = {"log-mel": InputConfig(), "Morlet wavelets": InputConfig(front_end=MorletFrontEnd())}
    figure = Figure(figsize=(10, 5.6), layout="constrained")
    panels = figure.subplots(len(SOUNDS), 2, sharex=True)
    for row, pattern in zip(panels, SOUNDS, strict=True):
        found = next(demo_sounds().rglob(pattern))
        sound = decode(found, rate_hz=RATE_HZ).samples[:RATE_HZ]
        segment = np.pad(sound, (0, RATE_HZ - len(sound))).astype(np.float32)[None]
        for axis, (name, config) in zip(row, front_ends.items(), strict=True):
            levels = FrontEnd(config)(torch.from_numpy(network_inputs(segment, config)))[0].numpy()
            axis.imshow(levels, origin="lower", aspect="auto", cmap="magma", extent=(0, 1, 0, len(levels)))
            axis.set_title(f"{found.stem}: {name}", fontsize=10)
            ticks = np.array([4, 16, 28, 40, 52, 63])
            axis.set_yticks(ticks + 0.5, [f"{hz:.0f} Hz" for hz in centres_hz(config)[ticks]], fontsize=7)
    for axis in panels[-1]:
        axis.set_xlabel("s")
    figure.savefig(path, dpi=110)


def centres_hz(config: InputConfig) -> np.ndarray:
    """Frequencies that the bands stand at."""
    front_end = config.front_end
    if isinstance(front_end, MorletFrontEnd):
        return morlet_centres_hz(front_end.bank(config.rate_hz))
    low, high = hz_to_mel(np.array([front_end.low_hz, front_end.high_hz]))
    return mel_to_hz(np.linspace(low, high, front_end.bands + 2))[1:-1]


def main(folder: Path) -> None:
    """Write both pictures."""
    draw_wavelets(folder / "morlet-wavelets.png")
    draw_sounds(folder / "morlet-and-log-mel.png")
    bank = MorletConfig(RATE_HZ)
    print(f"{bank.bands} wavelets from {bank.low_hz:g} to {bank.high_hz:g} Hz, and two sounds, in 2 pictures")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
