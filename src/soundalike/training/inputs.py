"""What a network listens to: segments of a length at a rate, and the front end that they go through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.features.front_end import LogMelFrontEnd, front_end_spectra
from soundalike.features.morlet import MorletConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class MorletFrontEnd:
    """A bank of Morlet wavelets inside the network: see :class:`soundalike.features.morlet.MorletConfig`.

    Attributes:
        kind: ``"morlet"``.
        hop_samples: Distance between two values of a band; the more often 2 divides it, the cheaper.
        bands: Number of wavelets.
        low_hz: Centre of the lowest.
        high_hz: Centre of the highest.
        bandwidth_octaves: Their width at half power.
        floor_db: The lowest level, in dB relative to a full-scale sine.
    """

    kind: Literal["morlet"] = "morlet"
    hop_samples: int = 320
    bands: int = 64
    low_hz: float = 40.0
    high_hz: float = 12000.0
    bandwidth_octaves: float = 0.25
    floor_db: float = -160.0

    def __post_init__(self) -> None:
        if self.hop_samples < 1 or not -300.0 <= self.floor_db <= 0.0:
            raise InvalidInputError(
                "hop_samples is at least 1 and floor_db lies between -300 and 0 dB; "
                f"got {self.hop_samples} and {self.floor_db:g}."
            )

    def bank(self, rate_hz: int) -> MorletConfig:
        """The wavelets at a sample rate."""
        return MorletConfig(rate_hz, self.bands, self.low_hz, self.high_hz, self.bandwidth_octaves)

    def count_frames(self, samples: int) -> int:
        """Count the values of a band over a segment: the first stands at its first sample."""
        return 1 + (samples - 1) // self.hop_samples


FrontEndConfig: TypeAlias = LogMelFrontEnd | MorletFrontEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class InputConfig:
    """How a network listens.

    Attributes:
        rate_hz: Sample rate.
        window_samples: Length T of a segment.
        hop_samples: Distance between the starts of two segments, when a sound is embedded.
        range_db: Levels further below the loudest of a segment than this are raised to there: what a segment
            is compared by does not depend on its gain, nor on the noise far below it.
        front_end: What makes bands over time out of samples: ``log_mel`` outside of the network, ``morlet``
            inside of it.
    """

    rate_hz: int = 32000
    window_samples: int = 32000
    hop_samples: int = 16000
    range_db: float = 80.0
    front_end: FrontEndConfig = field(
        default_factory=lambda: LogMelFrontEnd(
            frame_samples=800, hop_samples=320, bands=64, low_hz=20.0, high_hz=16000.0
        )
    )

    def __post_init__(self) -> None:
        if min(self.rate_hz, self.window_samples, self.hop_samples) < 1 or not 1.0 <= self.range_db <= 300.0:
            raise InvalidInputError(
                "Rate, window and hop are at least 1 and range_db lies between 1 and 300 dB; got "
                f"{self.rate_hz}, {self.window_samples}, {self.hop_samples} and {self.range_db:g}."
            )
        if self.frames < 1:
            raise InvalidInputError(f"A segment of {self.window_samples} samples is too short for a frame.")
        if isinstance(self.front_end, LogMelFrontEnd):
            self.front_end.mel(self.rate_hz)
            if self.front_end.logarithm != "db":
                raise InvalidInputError("A network is trained on levels in dB: logarithm must be 'db'.")
        else:
            self.front_end.bank(self.rate_hz)

    @property
    def bands(self) -> int:
        """Bands of the map that the network takes."""
        return self.front_end.bands

    @property
    def frames(self) -> int:
        """Frames of the map that the network takes."""
        return self.front_end.count_frames(self.window_samples)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one segment's input: ``(bands, frames)``, or ``(T,)`` for a front end inside."""
        if isinstance(self.front_end, LogMelFrontEnd):
            return self.bands, self.frames
        return (self.window_samples,)


def network_inputs(segments: FloatArray, config: InputConfig) -> FloatArray:
    """Turn segments into what a network takes: in training and, bit for bit, in the encoder.

    Args:
        segments: Shape ``(B, T)`` with ``T = config.window_samples``, float32, finite.
        config: How the network listens.

    Returns:
        Levels in dB, shape ``(B, bands, frames)``; the segments themselves where the front end is inside.

    Example:
        >>> import numpy as np
        >>> network_inputs(np.zeros((2, 32000), np.float32), InputConfig()).shape
        (2, 64, 98)
    """
    if isinstance(config.front_end, LogMelFrontEnd):
        return front_end_spectra(segments, config.front_end, config.rate_hz)
    return segments
