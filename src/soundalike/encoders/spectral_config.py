"""What the ``spectral`` encoder is made with, its standardising constants included, and its file."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.features.logmel import LogMelConfig

KIND = "spectral"
_FORMAT = 1
_MAX_BYTES = 1_000_000  # a file of constants has some kilobytes; anything larger is something else


@dataclass(frozen=True, slots=True)
class SpectralConfig:
    """What a ``spectral`` encoder is made with.

    Attributes:
        log_mel: Rate, frames and mel bands.
        window_frames: Frames of a segment.
        segment_hop_frames: Frame hops between the starts of two segments.
        cepstra: Cepstral coefficients beside the bands, from coefficient 1 on.
        range_db: Levels further below the segment's loudest band and frame are raised to there.
        clip: Standardised values are held within plus and minus this.
        mean: The mean of each statistic over many sounds; empty for none taken away.
        scale: The standard deviation of each statistic over many sounds; empty for none divided by.
    """

    log_mel: LogMelConfig = field(default_factory=LogMelConfig)
    window_frames: int = 95
    segment_hop_frames: int = 48
    cepstra: int = 20
    range_db: float = 80.0
    clip: float = 4.0
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
        if not (self.range_db > 0.0 and self.clip > 0.0):
            raise InvalidInputError(
                f"range_db and clip are above 0; got {self.range_db:g} and {self.clip:g}."
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
    document = {"encoder": KIND, "format": _FORMAT, **dataclasses.asdict(config)}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def load_config(path: Path) -> SpectralConfig:
    """Read what :func:`save_config` wrote.

    Args:
        path: A JSON file.

    Returns:
        The config.

    Raises:
        EncoderError: Not such a file, or one with other fields or values out of range.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise EncoderError(f"{path} is larger than {_MAX_BYTES} bytes: not a spectral encoder's config.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EncoderError(f"The encoder's config {path} cannot be read: {error}.") from error
    return parse_config(text, what=str(path))


def parse_config(text: str, *, what: str) -> SpectralConfig:
    """Read a config out of JSON text.

    Args:
        text: What :func:`save_config` writes.
        what: Where the text comes from, for messages.

    Returns:
        The config.

    Raises:
        EncoderError: Other fields than expected, or values of another kind or out of range.
    """
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or document.pop("encoder", None) != KIND:
            raise EncoderError(f"{what} is not the config of a {KIND} encoder.")
        version = document.pop("format", None)
        if version != _FORMAT:
            raise EncoderError(f"{what} has format {version}; this version reads format {_FORMAT}.")
        values = {**document, "log_mel": _build(LogMelConfig, document.get("log_mel", {}), what)}
        return _build(SpectralConfig, values, what)
    except (ValueError, TypeError, RecursionError) as error:
        raise EncoderError(f"{what} is not the config of a {KIND} encoder: {error}") from error


def default_config() -> SpectralConfig:
    """Read the config that comes with soundalike."""
    resource = files("soundalike.encoders").joinpath("spectral.json")
    return parse_config(resource.read_text(encoding="utf-8"), what="the built-in spectral config")


def _build(kind: type[Any], values: dict[str, Any], what: str) -> Any:
    """Make a config of plain JSON values, each of the type of the field's default."""
    default = kind()
    names = {f.name for f in dataclasses.fields(kind)}
    if set(values) != names:
        raise EncoderError(
            f"{what} must have the fields {', '.join(sorted(names))}; got {', '.join(sorted(values))}."
        )
    return kind(**{name: _like(getattr(default, name), value, name) for name, value in values.items()})


def _like(default: Any, value: Any, name: str) -> Any:
    """Check a JSON value against the type of a default; numbers may come as integers."""
    if isinstance(default, tuple):
        return tuple(_like(0.0, item, name) for item in value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise TypeError(f"{name} must be {type(default).__name__}, not {type(value).__name__}")
    return value
