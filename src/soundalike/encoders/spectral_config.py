"""What the ``spectral`` encoder is made with, its standardising constants included, and its file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from soundalike.core.errors import InvalidInputError
from soundalike.encoders.document import config_from, parse_document, read_document, write_document
from soundalike.features.logmel import LogMelConfig

KIND = "spectral"
"""What a config's file says by ``encoder``."""


@dataclass(frozen=True, slots=True)
class SpectralConfig:
    """What a ``spectral`` encoder is made with.

    Attributes:
        log_mel: Rate, frames and mel bands.
        window_frames: Frames of a segment.
        segment_hop_frames: Frame hops between the starts of two segments.
        silence_db: How far below a sound's loudest frame a frame counts as silence.
        cepstra: Cepstral coefficients beside the bands, from coefficient 1 on.
        range_db: Levels further below the segment's loudest band and frame are raised to there.
        clip: Standardised values are held within plus and minus this.
        bands_weight: What the statistics of bands are multiplied with; those of cepstra, which hold the same
            spectrum with less of its detail, count in full.
        mean_weight: What the standardised means are multiplied with.
        spread_weight: What the standardised spreads are multiplied with. They and the changes count for less
            than the means, as they depend more on where in a sound the segment starts.
        change_weight: What the standardised changes are multiplied with.
        mean: The mean of each statistic over many sounds; empty for none taken away.
        scale: The standard deviation of each statistic over many sounds; empty for none divided by.
    """

    log_mel: LogMelConfig = field(default_factory=LogMelConfig)
    window_frames: int = 95
    segment_hop_frames: int = 48
    silence_db: float = -50.0
    cepstra: int = 20
    range_db: float = 80.0
    clip: float = 4.0
    bands_weight: float = 0.5
    mean_weight: float = 1.0
    spread_weight: float = 0.35
    change_weight: float = 0.5
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.window_frames < 1 or self.segment_hop_frames < 1:
            raise InvalidInputError(
                f"A segment has at least 1 frame and a hop of at least 1; got {self.window_frames} and "
                f"{self.segment_hop_frames}."
            )
        if not 1 <= self.cepstra < self.log_mel.bands:
            raise InvalidInputError(
                f"{self.log_mel.bands} bands have 1 to {self.log_mel.bands - 1} cepstra; got {self.cepstra}."
            )
        if not (0.0 < self.range_db < math.inf and 0.0 < self.clip < math.inf):
            raise InvalidInputError(
                f"range_db and clip are above 0; got {self.range_db:g} and {self.clip:g}."
            )
        weights = (self.bands_weight, self.mean_weight, self.spread_weight, self.change_weight)
        if not all(0.0 <= weight < math.inf for weight in weights) or not any(weights[1:]):
            raise InvalidInputError(
                "The weights of bands, mean, spread and change are not negative, and the last three not "
                f"all 0; got {weights}."
            )
        if any(len(constants) not in (0, self.dims) for constants in (self.mean, self.scale)):
            raise InvalidInputError(
                f"mean and scale have {self.dims} values each, or none; "
                f"got {len(self.mean)} and {len(self.scale)}."
            )
        if not all(map(math.isfinite, self.mean)) or not all(0.0 < s < math.inf for s in self.scale):
            raise InvalidInputError("mean must be finite and scale finite and above 0.")

    @property
    def dims(self) -> int:
        """Size D of a vector: three statistics of every band and cepstral coefficient."""
        return 3 * (self.log_mel.bands + self.cepstra)

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each of the D statistics."""
        each = (self.bands_weight,) * self.log_mel.bands + (1.0,) * self.cepstra
        statistics = (self.mean_weight, self.spread_weight, self.change_weight)
        return tuple(weight * one for weight in statistics for one in each)

    @property
    def window_samples(self) -> int:
        """Length of a segment: its frames and nothing beyond them."""
        return self.log_mel.frame_samples + (self.window_frames - 1) * self.log_mel.hop_samples

    @property
    def hop_samples(self) -> int:
        """Distance between the starts of two segments."""
        return self.segment_hop_frames * self.log_mel.hop_samples


def save_config(config: SpectralConfig, path: Path) -> None:
    """Write a config as JSON, to be loaded by its path wherever an encoder's name is asked for.

    Args:
        config: What to write.
        path: Where; an existing file is replaced.
    """
    write_document(path, KIND, config)


def load_config(path: Path) -> SpectralConfig:
    """Read what :func:`save_config` wrote.

    Args:
        path: A JSON file.

    Returns:
        The config.

    Raises:
        EncoderError: Not such a file, or one with other fields or values out of range.
    """
    return config_from(read_document(path), KIND, SpectralConfig(), what=str(path))


def default_config() -> SpectralConfig:
    """Read the config that comes with soundalike."""
    content = files("soundalike.encoders").joinpath("spectral.json").read_bytes()
    what = "the config that comes with soundalike"
    return config_from(parse_document(content, what=what), KIND, SpectralConfig(), what=what)
