"""Time and pitch apart from each other: a phase vocoder for batches that keeps attacks sharp.

Frames are taken from each row at the places that its stretch asks for, turned in phase so that they fit
together at the places where they are laid down, and shortened or lengthened by an inverse transform of
another length, which is resampling without an extra step. How far a frame is turned is told by a second
frame, taken where the one before goes on: no phase is ever unwrapped, no angle computed. Bins whose power
rises start afresh with the phases that they have, so that an attack is laid down as it is.

Source: Laroche and Dolson 1999, *Improved phase vocoder time-scale modification of audio* (phases locked
around peaks; here every bin follows its neighbours by their power, without picking peaks); Röbel 2003, *A new
approach to transient processing in the phase vocoder* (phases reset at attacks).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray, IntArray

Spectra = NDArray[np.complex64]

_FRAME_S = 0.046  # holds four periods of 87 Hz; the nearest power of two is taken
_BLOCK_FRAMES = 512  # of all rows of a block together: their spectra stay in a core's cache
_REACH = 2  # bins to either side that a bin follows: half the width of a tone under a Hann window
_ATTACK = np.float32(4.0)  # times the power: 6 dB from one frame to the next start a bin afresh
_NOTHING = np.float32(1e-24)  # power of a bin beside rows of peak 1: below it a phase means nothing
_LARGEST_PRIME = 13  # transforms whose length has larger factors are several times slower


def vocode(
    samples: FloatArray, factors: NDArray[np.float64], ratios: NDArray[np.float64], rate_hz: int
) -> FloatArray:
    """Stretch each row in time and move it in pitch.

    Args:
        samples: Shape ``(B, T)``, float32.
        factors: Shape ``(B,)``: 2 makes a row twice as long; what goes beyond T is cut off.
        ratios: Shape ``(B,)``: 2 moves a row up by an octave; met within 0.4 %.
        rate_hz: Sample rate.

    Returns:
        Shape ``(B, T)``, float32.
    """
    out = np.zeros_like(samples)
    peaks = np.abs(samples).max(axis=1)
    plan = _Plan(samples.shape[1], ratios, rate_hz)
    rows = np.flatnonzero(peaks)
    block = max(1, _BLOCK_FRAMES // plan.frames)
    for at in range(0, len(rows), block):
        some = rows[at : at + block]
        level = peaks[some, None]
        out[some] = _vocode_block(samples[some] / level, factors[some], plan, plan.lengths[some]) * level
    return out


class _Plan:
    """Lengths that are the same for all rows of a batch."""

    def __init__(self, samples: int, ratios: NDArray[np.float64], rate_hz: int) -> None:
        self.samples = samples
        self.frame = 1 << max(6, round(math.log2(_FRAME_S * rate_hz)))
        self.lengths = np.array([_transform_length(self.frame / ratio) for ratio in ratios], np.int64)
        shortest, longest = int(self.lengths.min()), int(self.lengths.max())
        hop = self.frame // 4
        while 3 * hop > shortest:  # frames that are laid down must overlap by two thirds
            hop //= 2
        self.hop = hop
        self.hops_per_frame = 2 * -(-longest // (2 * hop))
        self.frames = -(-samples // hop) + self.hops_per_frame + 1


def _vocode_block(
    samples: FloatArray, factors: NDArray[np.float64], plan: _Plan, lengths: IntArray
) -> FloatArray:
    """Stretch and move a few rows, each of peak 1."""
    number = np.arange(plan.frames)[:, None] - plan.hops_per_frame // 2
    centres = np.rint(number * (plan.hop / factors)).astype(np.int64)
    step = plan.hop * plan.frame / lengths  # how far a frame that is laid down goes on in the row
    whole = np.rint(step).astype(np.int64)
    spectra = _spectra(samples, centres, plan)
    before = _spectra(samples, centres - whole, plan)
    attacks = _attacks(spectra, before)
    turn = np.exp(2j * np.pi / plan.frame * np.outer(step - whole, np.arange(spectra.shape[2])))
    _align(spectra, before, attacks, turn.astype(np.complex64) if (step != whole).any() else None)
    return _overlap_add(spectra, plan, lengths)


def _spectra(samples: FloatArray, centres: IntArray, plan: _Plan) -> Spectra:
    """Transform frames around ``centres`` of shape ``(N, B)``: shape ``(N, B, F)``."""
    size = plan.frame
    padded = np.pad(samples, ((0, 0), (size, size)))
    starts = np.clip(centres, -(size // 2), plan.samples + size // 2) + size // 2
    frames = sliding_window_view(padded, size, axis=1)[np.arange(len(samples)), starts]
    frames *= _hann(size)
    return scipy.fft.rfft(frames, axis=-1, workers=1, overwrite_x=True)


def _attacks(spectra: Spectra, before: Spectra) -> NDArray[np.bool_]:
    """Mark bins whose power has risen: shape ``(N, B, F)``."""
    now, then = _power(spectra), _power(before)
    return now > _ATTACK * then + _NOTHING


def _power(spectra: Spectra) -> FloatArray:
    power: FloatArray = np.square(spectra.real)
    power += np.square(spectra.imag)
    return power


def _align(spectra: Spectra, before: Spectra, attacks: NDArray[np.bool_], turn: Spectra | None) -> None:
    """Turn the phases of each frame so that it goes on where the one before it leaves off, in place.

    A recurrence: what is laid down depends on what was laid down before. It takes one step per frame for
    all rows and bins of the block.
    """
    np.conj(before, out=before)
    if turn is not None:
        before *= turn
    bins = spectra.shape[2]
    fits = np.zeros((spectra.shape[1], bins + 2 * _REACH), np.complex64)
    inner = fits[:, _REACH : _REACH + bins]
    for at in range(1, len(spectra)):
        np.multiply(spectra[at - 1], before[at], out=inner)
        turned = fits[:, :bins] + fits[:, 1 : 1 + bins]
        for shift in range(2, 2 * _REACH + 1):
            turned += fits[:, shift : shift + bins]
        power = _power(turned)
        fresh = power < _NOTHING
        fresh |= attacks[at]
        np.maximum(power, _NOTHING, out=power)
        turned /= np.sqrt(power, out=power)
        np.copyto(turned, 1.0, where=fresh)
        spectra[at] *= turned


def _overlap_add(spectra: Spectra, plan: _Plan, lengths: IntArray) -> FloatArray:
    """Transform back, each row to frames of its own length, and lay the frames over each other."""
    count, rows, _ = spectra.shape
    hop, parts = plan.hop, plan.hops_per_frame
    laid = np.zeros((count, rows, parts * hop), np.float32)
    for length in np.unique(lengths):
        chosen = lengths == length
        size = int(length)
        frames = scipy.fft.irfft(spectra[:, chosen, : size // 2 + 1], n=size, axis=-1, workers=1)
        frames *= _laying_window(size, hop, plan.frame)
        start = (parts * hop - size) // 2
        laid[:, chosen, start : start + size] = frames
    out = np.zeros((rows, count + parts - 1, hop), np.float32)
    pieces = laid.reshape(count, rows, parts, hop)
    for part in range(parts):
        out[:, part : part + count] += pieces[:, :, part].swapaxes(0, 1)
    return out.reshape(rows, -1)[:, parts * hop : parts * hop + plan.samples]


@lru_cache(maxsize=64)
def _hann(size: int) -> FloatArray:
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)
    window.setflags(write=False)
    return window


@lru_cache(maxsize=256)
def _laying_window(size: int, hop: int, frame: int) -> FloatArray:
    """The window before frames are laid down, so that both windows together add up to one everywhere."""
    window = _hann(size).astype(np.float64)
    offset = -size // 2 % hop
    squares = np.zeros(-(-(offset + size) // hop) * hop)
    squares[offset : offset + size] = window**2
    sums = squares.reshape(-1, hop).sum(axis=0)
    scaled = window / np.resize(np.roll(sums, -offset), size) * (size / frame)
    return scaled.astype(np.float32)


@lru_cache(maxsize=1024)
def _transform_length(wanted: float) -> int:
    """The even length with small prime factors that is nearest to a wanted one."""
    middle = 2 * round(wanted / 2)
    for distance in range(0, middle, 2):
        near = [
            length for length in (middle - distance, middle + distance) if length >= 4 and _is_fast(length)
        ]
        if near:
            return min(near, key=lambda length: abs(length - wanted))
    return 4


def _is_fast(length: int) -> bool:
    for prime in (2, 3, 5, 7, 11, _LARGEST_PRIME):
        while length % prime == 0:
            length //= prime
    return length == 1
