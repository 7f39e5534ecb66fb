"""What a search gives back: sounds, and ranked hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sound:
    """One sound: the audio of one or several identical files.

    Attributes:
        id: 32 hexadecimal digits: the content's hash. The same bytes have the same id everywhere.
        path: Where to find it: the first of ``paths``, preferring one that was there when last looked.
        paths: All files with these bytes.
        duration_s: Length in seconds, as decoded.
        tags: Words from folders, containers and callers, sorted, without repetition.
        fields: Named texts: title, artist, description, UCS category, or what a caller gave along.
        missing: True where none of the files was there when last looked.
        silent: True where nothing in it is louder than the encoder's silence level.
        rate_hz: Sample rate of the file.
        channels: Number of channels of the file.
        loudness_dbfs: Root mean square level in dB relative to full scale.
        modified: When the file at ``path`` was last modified.
    """

    id: str
    path: str
    paths: tuple[str, ...]
    duration_s: float
    tags: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    missing: bool = False
    silent: bool = False
    rate_hz: int = 0
    channels: int = 0
    loudness_dbfs: float = 0.0
    modified: datetime | None = None

    @property
    def name(self) -> str:
        """The file's own name, for people."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked result.

    Attributes:
        rank: 1 is the best.
        sound: What was found.
        start_s: Where in the sound the hit starts: 0 for a whole sound.
        end_s: Where it ends: the sound's duration for a whole sound.
        distance: In the encoder's metric; smaller is nearer.
        score: In [0, 1], larger is nearer, calibrated on the library: 0.5 means nearer than 99 of 100 random
            pairs of its sounds; a random pair is near 0; 1 is identical. Not a percentage of anything.
        same_file: True where the query's bytes are this very file's.
    """

    rank: int
    sound: Sound
    start_s: float
    end_s: float
    distance: float
    score: float
    same_file: bool = False
