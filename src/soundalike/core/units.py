"""Units for people: durations, sizes, rates and counts as a person would write them; decibels."""

from __future__ import annotations

import math


def human_duration(seconds: float) -> str:
    """Write a duration the way that people read it.

    Args:
        seconds: Duration in seconds, not negative.

    Returns:
        ``"0.35 s"``, ``"12.5 s"``, ``"3:07"`` or ``"2:03:07"``.

    Example:
        >>> human_duration(187.2)
        '3:07'
    """
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def human_size(size_bytes: float) -> str:
    """Write a size in bytes with a decimal prefix, as file managers do.

    Example:
        >>> human_size(12_300_000)
        '12.3 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if size_bytes < 999.5:
            return (
                f"{size_bytes:.0f} {unit}"
                if unit == "bytes" or size_bytes >= 99.95
                else f"{size_bytes:.1f} {unit}"
            )
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def human_count(count: int, singular: str, plural: str | None = None) -> str:
    """Write a count with its noun.

    Example:
        >>> human_count(1, "sound"), human_count(12345, "sound")
        ('1 sound', '12,345 sounds')
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def db_to_gain(level_db: float) -> float:
    """Turn decibels into a factor for amplitudes: 20 dB is a factor of 10."""
    return float(10.0 ** (level_db / 20.0))


def gain_to_db(gain: float, floor_db: float = -120.0) -> float:
    """Turn an amplitude into decibels, no lower than ``floor_db``."""
    return max(floor_db, 20.0 * math.log10(gain)) if gain > 0.0 else floor_db
