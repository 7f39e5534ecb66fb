"""Clips for a teacher to label: stretches of sounds, varied, repeated and mixed far beyond the recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundalike.audio import change_speed
from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.core.fingerprint import fingerprint
from soundalike.synthesis import granulate, random_filter, reverberate
from soundalike.synthesis.noise import coloured_noise
from soundalike.training.sounds import TrainingSounds

CODE_VERSION = 2
"""Raised when the same sounds, settings and number would give another clip."""

_SILENT = 1e-5  # a clip whose peak lies below this says nothing
_SHORTEST_S = 0.05
_PEAK = 0.7  # of every clip: what a teacher says depends a little on level, what is learnt should not
_TRIES = 100


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """How clips are drawn. Shares are chances between 0 and 1; a clip may go through several of them.

    Attributes:
        clip_s: Longest clip.
        seed: Where all randomness starts.
        kind_shares: How often each kind of sound is drawn: the fact ``kind`` of the sounds. Kinds that are
            not named, or sounds without, share what is left over, 0.05 at least.
        package_power: Within a kind, a package of n times as much sound is drawn n ** this times as often.
        sequence: Sounds of up to 2.5 s that are repeated or followed by others of their group.
        speed: Played faster or slower, by up to ``speed_semitones``.
        speed_semitones: How far.
        granulated: Torn into grains and put together again.
        filtered: Coloured by a random filter.
        reverberated: Put into a random room.
        mixed: With another, of the same energy down to ``mix_range_db`` below.
        mix_range_db: How far.
        noisy: With coloured noise, 5 to 45 dB below.
    """

    clip_s: float = 5.0
    seed: int = 3
    kind_shares: tuple[tuple[str, float], ...] = (
        ("effect", 0.36),
        ("synthetic", 0.30),
        ("music", 0.12),
        ("speech", 0.09),
        ("instrument", 0.08),
        ("drum", 0.05),
    )
    package_power: float = 0.7
    sequence: float = 0.4
    speed: float = 0.5
    speed_semitones: float = 7.0
    granulated: float = 0.06
    filtered: float = 0.3
    reverberated: float = 0.2
    mixed: float = 0.33
    mix_range_db: float = 18.0
    noisy: float = 0.3

    def __post_init__(self) -> None:
        chances = (
            self.sequence, self.speed, self.granulated, self.filtered, self.reverberated, self.mixed,
            self.noisy,
        )  # fmt: skip
        if not all(0.0 <= chance <= 1.0 for chance in chances):
            raise InvalidInputError(f"The shares of a clip's changes lie between 0 and 1; got {chances}.")
        if not 0.1 <= self.clip_s <= 60.0 or any(share <= 0.0 for _, share in self.kind_shares):
            raise InvalidInputError(
                f"clip_s lies between 0.1 and 60 and kind_shares above 0; got {self.clip_s:g} and "
                f"{self.kind_shares}."
            )


class ClipSource:
    """Draws clips from sounds: clip number i is always the same.

    Args:
        sounds: Where sounds are read from; all of one rate.
        config: How clips are drawn.

    Raises:
        TrainingError: There are no sounds, or they have several rates.
    """

    def __init__(self, sounds: Sequence[TrainingSounds], config: ClipConfig) -> None:
        rates = sorted({one.rate_hz for one in sounds})
        if len(rates) != 1 or not any(len(one) for one in sounds):
            raise TrainingError(f"Expected sounds of one rate to draw clips from; got rates {rates}.")
        self.config = config
        self.rate_hz = rates[0]
        self.clip_samples = round(config.clip_s * self.rate_hz)
        self._sounds = tuple(sounds)
        self._where = [(of, index) for of, one in enumerate(sounds) for index in range(len(one))]
        rows = [sounds[of].sounds[index] for of, index in self._where]
        self._lengths: IntArray = np.array([row.length for row in rows], np.int64)
        self._kinds = [row.facts.get("kind", "") for row in rows]
        packages = [row.facts.get("package", row.group) for row in rows]
        shares = draw_shares(self._lengths / self.rate_hz, self._kinds, packages, config)
        self._cumulated = np.cumsum(shares)
        self._groups = [row.group for row in rows]
        self._files = [row.file_code for row in rows]
        self._members: dict[str, list[int]] = {}
        for position, group in enumerate(self._groups):
            self._members.setdefault(group, []).append(position)

    @property
    def fingerprint(self) -> str:
        """Name and digest of the sounds and of how clips are drawn from them."""
        contents = [
            [one.rate_hz, one.digest, [(s.name, s.group, s.length, dict(s.facts)) for s in one.sounds]]
            for one in self._sounds
        ]
        return fingerprint("clips", CODE_VERSION, [self.config, contents])

    def clip(self, number: int) -> FloatArray:
        """The samples of :meth:`clip_and_file`."""
        return self.clip_and_file(number)[0]

    def clip_and_file(self, number: int) -> tuple[FloatArray, int]:
        """Draw a clip.

        Args:
            number: Which, from 0.

        Returns:
            Shape ``(T,)``, float32, T up to ``clip_s``, its peak at 0.7; and the code of the file that it is
            of, of the louder one where two are mixed.

        Raises:
            TrainingError: A hundred draws in a row were silent.
        """
        for attempt in range(_TRIES):
            rng = np.random.default_rng([self.config.seed, number, attempt])
            drawn, file = self._draw(rng)
            peak = float(np.abs(drawn).max(initial=0.0))
            if len(drawn) >= _SHORTEST_S * self.rate_hz and peak > _SILENT:
                return drawn * np.float32(_PEAK / peak), file
        raise TrainingError(f"{_TRIES} clips drawn in a row were silent: the sounds are, too.")

    def _draw(self, rng: np.random.Generator) -> tuple[FloatArray, int]:
        config = self.config
        audio, at = self._base(rng)
        if rng.random() < config.granulated:
            audio = granulate(audio, rate_hz=self.rate_hz, duration_s=config.clip_s, rng=rng)
        if rng.random() < config.filtered:
            audio = random_filter(audio, rate_hz=self.rate_hz, rng=rng)
        if rng.random() < config.reverberated:
            audio = reverberate(audio, rate_hz=self.rate_hz, rng=rng)
        if rng.random() < config.mixed:
            audio = _below(audio, self._base(rng)[0], rng.uniform(0.0, config.mix_range_db))
        if rng.random() < config.noisy:
            slope = rng.uniform(-7.0, 0.0)
            noise = coloured_noise(len(audio), self.rate_hz, rng, slope_db_per_octave=slope)
            audio = _below(audio, noise, rng.uniform(5.0, 45.0))
        return audio[: self.clip_samples], self._files[at]

    def _base(self, rng: np.random.Generator) -> tuple[FloatArray, int]:
        """A stretch of one sound, or a sequence of short ones, perhaps at another speed; and which sound."""
        at = int(np.searchsorted(self._cumulated, rng.random() * self._cumulated[-1]))
        at = min(at, len(self._where) - 1)
        is_short = self._lengths[at] < 2.5 * self.rate_hz
        if is_short and self._kinds[at] != "speech" and rng.random() < self.config.sequence:
            audio = self._sequence(at, rng)
        else:
            whole = rng.random() < 0.8
            wanted = self.config.clip_s if whole else rng.uniform(0.16, 1.0) * self.config.clip_s
            audio = self._read(at, round(wanted * self.rate_hz), rng)
        if rng.random() < self.config.speed and len(audio) > 2:
            reach = self.config.speed_semitones
            audio = change_speed(audio, float(2.0 ** (rng.uniform(-reach, reach) / 12.0)))
        return audio[: self.clip_samples], at

    def _read(self, at: int, wanted: int, rng: np.random.Generator) -> FloatArray:
        of, index = self._where[at]
        spare = int(self._lengths[at]) - wanted
        start = int(rng.integers(0, spare + 1)) if spare > 0 else 0
        return self._sounds[of].read(index, start, wanted)

    def _sequence(self, at: int, rng: np.random.Generator) -> FloatArray:
        """The sound again and again, or others of its group after it, as events of the world come."""
        out = np.zeros(self.clip_samples, np.float32)
        members = self._members[self._groups[at]]
        others = rng.random() < 0.4
        gap_s = rng.uniform(0.02, 1.5)
        position = int(rng.uniform(0.0, 0.5) * self.rate_hz)
        which = at  # first, since its file is told of the clip
        while position < len(out):
            event = self._read(which, round(2.5 * self.rate_hz), rng)
            event = event[: len(out) - position] * np.float32(rng.uniform(0.4, 1.0))
            out[position : position + len(event)] += event
            position += len(event) + int(gap_s * self.rate_hz * rng.uniform(0.6, 1.4))
            if rng.random() < 0.12:
                break
            if others:
                which = int(members[int(rng.integers(len(members)))])
        return out


class PlainClips:
    """The beginnings of sounds as they are: clip number i is that of sound i, and from the first again.

    Args:
        sounds: Where they are read from.
        chosen: Which of them, positions in ``sounds.sounds``.
        clip_s: Longest clip.

    Attributes:
        sounds: The chosen ones, in order.

    Raises:
        TrainingError: None is chosen.
    """

    def __init__(self, sounds: TrainingSounds, chosen: Sequence[int], clip_s: float) -> None:
        if not chosen:
            raise TrainingError("Expected at least one sound to take a clip of; got none.")
        self.rate_hz = sounds.rate_hz
        self.clip_samples = round(clip_s * sounds.rate_hz)
        self.sounds = tuple(sounds.sounds[index] for index in chosen)
        self._chosen, self._all = tuple(chosen), sounds

    @property
    def fingerprint(self) -> str:
        """Name and digest of the sounds and of what is taken of them."""
        contents = [self._all.digest, self.clip_samples, [(s.name, s.start, s.length) for s in self.sounds]]
        return fingerprint("plain-clips", CODE_VERSION, contents)

    def clip_and_file(self, number: int) -> tuple[FloatArray, int]:
        """Read a clip: shape ``(T,)``, float32, T up to ``clip_s``, its peak at 0.7 unless it is silent.

        With it comes the code of its file.
        """
        row = number % len(self._chosen)
        samples = self._all.read(self._chosen[row], 0, self.clip_samples)
        peak = float(np.abs(samples).max(initial=0.0))
        audible = samples * np.float32(_PEAK / peak) if peak > _SILENT else samples
        return audible, self.sounds[row].file_code


def _below(audio: FloatArray, other: FloatArray, below_db: float) -> FloatArray:
    """Add a sound so that its energy lies so many dB below that of the first; the longer one's length."""
    size = max(len(audio), len(other))
    power, other_power = float(np.mean(np.square(audio))), float(np.mean(np.square(other)))
    gain = np.sqrt((power + 1e-18) / (other_power + 1e-18)) * 10.0 ** (-below_db / 20.0)
    out = np.zeros(size, np.float32)
    out[: len(audio)] = audio
    out[: len(other)] += other * np.float32(min(gain, 1e3))
    return out


def draw_shares(
    durations_s: NDArray[np.float64], kinds: Sequence[str], packages: Sequence[str], config: ClipConfig
) -> NDArray[np.float64]:
    """How often each sound is drawn: longer ones more often, but by far not in proportion.

    Args:
        durations_s: Of all S sounds, shape ``(S,)``.
        kinds: Their kinds.
        packages: What they come from.
        config: Which kinds and packages are drawn how often.

    Returns:
        Shape ``(S,)``; they sum up to 1.
    """
    weights = np.maximum(np.sqrt(np.minimum(durations_s, 120.0)), 0.5)
    wanted = dict(config.kind_shares)
    kind_of, package_of = np.array(kinds), np.array(packages)
    for kind in set(kinds):
        of_kind = kind_of == kind
        for package in set(package_of[of_kind].tolist()):
            both = of_kind & (package_of == package)
            total = weights[both].sum()
            weights[both] *= total**config.package_power / total
        weights[of_kind] *= wanted.get(kind, 0.05) / weights[of_kind].sum()
    return np.asarray(weights / weights.sum())
