"""How fast does an encoder listen, and how well? ``python benchmarks/encoders/run.py [--quick]``."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import librosa
import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.near_duplicates.run import damaged
from benchmarks.results import Table, write_results
from soundalike.audio import decode
from soundalike.encoders import Encoder, load_encoder
from soundalike.encoders.front_end import spectra_at
from soundalike.features import LogMelFrontEnd

HERE = Path(__file__).parent
DEMO = Path(__file__).parents[2] / "src" / "soundalike" / "data" / "demo"
SEED = 4
STRETCH_S = 60.0
ONE_SHOT_S = 0.3
FRAME, HOP, BANDS, CEPSTRA = 480, 240, 40, 20  # the spectral encoder's own
FRONT_END_RATE_HZ, FRONT_END_FRAME, FRONT_END_BANDS = 32000, 1024, 64
FRONT_END_HOPS = (320, 512)
SEGMENT_S = 1.024
FRAMES_AT_ONCE = 256
NOTES = (
    """Processor time, medians of both run in turn in one process. The encoder makes vectors of all segments,
which overlap by half, and one per sound; librosa stops at the coefficients of frames.""",
    """The sounds are the demo sounds, to which the encoder's constants were fitted. A damaged copy has -8 dB,
0.1 s off its start, and is an MP3 of 64 kbit/s; sounds over 0.3 s take part. The encoder's range and weights
were chosen with these copies in sight, the MFCC statistics were not tuned.""",
    """MFCC statistics for the search: mean and standard deviation of coefficients 1 to 19, standardised over
the collection, compared by cosine.""",
    """The front end of models that are fed with log-mel spectra, from samples to what a model takes, segments
of 1.024 s that overlap by half; beside it nothing but scipy's real transform of the same frames, 256 at once,
which lie in memory one behind the other and are windowed already.""",
)

Samples = NDArray[np.float32]


def mfcc(samples: Samples, rate_hz: int) -> NDArray[np.float32]:
    """What librosa makes of samples with the frames and bands of ``spectral``."""
    mel = librosa.feature.melspectrogram(y=samples, sr=rate_hz, n_fft=FRAME, hop_length=HOP, n_mels=BANDS)
    return np.asarray(librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=CEPSTRA), dtype=np.float32)


def embed(encoder: Encoder, samples: Samples) -> Samples:
    """Embed a whole sound."""
    spec = encoder.spec
    starts = np.arange(0, max(1, len(samples) - spec.window_samples + 1), spec.hop_samples)
    lengths = np.minimum(spec.window_samples, len(samples) - starts)
    return encoder.pool(encoder.encode_at(samples, starts, lengths))


def cpu_s(work: Callable[[], object]) -> float:
    """Processor seconds of this process, all threads together."""
    began = time.process_time()
    work()
    return time.process_time() - began


def race(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Run both in turn; returns the median processor seconds of each."""
    ours(), theirs()  # the first run loads code and fills caches
    times = [(cpu_s(ours), cpu_s(theirs)) for _ in range(rounds)]
    return statistics.median(a for a, _ in times), statistics.median(b for _, b in times)


def race_long(encoder: Encoder, sounds: list[Samples], rounds: int) -> tuple[float, float]:
    """Long audio in stretches of a minute; returns hours of audio per processor hour of both."""
    spec = encoder.spec
    audio = np.concatenate(sounds)
    step = round(STRETCH_S * spec.rate_hz)
    stretches = [audio[at : at + step] for at in range(0, len(audio) - step + 1, step)]
    ours, theirs = race(
        lambda: [embed(encoder, stretch) for stretch in stretches],
        lambda: [mfcc(stretch, spec.rate_hz) for stretch in stretches],
        rounds,
    )
    seconds = len(stretches) * STRETCH_S
    return seconds / ours, seconds / theirs


def race_one_shots(encoder: Encoder, sounds: list[Samples], count: int, rounds: int) -> tuple[float, float]:
    """Many short sounds in one batch; returns processor milliseconds per sound of both."""
    size = round(ONE_SHOT_S * encoder.spec.rate_hz)
    audio = np.concatenate(sounds)
    rng = np.random.default_rng(SEED)
    shots = np.stack([audio[at : at + size] for at in rng.integers(0, len(audio) - size, count)])
    flat = shots.reshape(-1)
    starts, lengths = np.arange(count) * size, np.full(count, size)
    ours, theirs = race(
        lambda: encoder.encode_at(flat, starts, lengths),
        lambda: [mfcc(shot, encoder.spec.rate_hz) for shot in shots],
        rounds,
    )
    return 1e3 * ours / count, 1e3 * theirs / count


def race_front_end(sounds: list[Samples], hop: int, rounds: int) -> tuple[float, float]:
    """Log-mel spectra of overlapping segments against bare transforms; returns ms per second of both."""
    rate_hz = FRONT_END_RATE_HZ
    audio = np.resize(np.concatenate(sounds), round(STRETCH_S * rate_hz))
    front_end = LogMelFrontEnd(
        frame_samples=FRONT_END_FRAME, hop_samples=hop, bands=FRONT_END_BANDS, low_hz=20.0, high_hz=16000.0
    )
    window = round(SEGMENT_S * rate_hz)
    starts = np.arange(0, len(audio) - window + 1, hop * (window // (2 * hop)))
    lengths = np.full(len(starts), window)
    frames = np.ascontiguousarray(sliding_window_view(audio, FRONT_END_FRAME)[::hop])
    ours, bare = race(
        lambda: spectra_at(audio, starts, lengths, window, front_end, rate_hz),
        lambda: [
            scipy.fft.rfft(frames[at : at + FRAMES_AT_ONCE], axis=1, workers=1)
            for at in range(0, len(frames), FRAMES_AT_ONCE)
        ],
        rounds,
    )
    return 1e3 * ours / STRETCH_S, 1e3 * bare / STRETCH_S


def found_first(collection: Samples, queries: Samples) -> float:
    """The share of queries whose own original is nearest by cosine."""
    unit = collection / np.linalg.norm(collection, axis=1, keepdims=True)
    return float(np.mean((queries @ unit.T).argmax(axis=1) == np.arange(len(queries))))


def quality(encoder: Encoder, paths: list[Path], sounds: list[Samples]) -> tuple[float, float]:
    """Search with damaged copies; returns the share found first by the encoder and by MFCC statistics."""
    rate_hz = encoder.spec.rate_hz
    copies = [decode(damaged(path), rate_hz=rate_hz).samples for path in paths]
    ours = [np.stack([embed(encoder, sound) for sound in group]) for group in (sounds, copies)]
    rows = []
    for group in (sounds, copies):
        values = [mfcc(sound, rate_hz)[1:] for sound in group]
        rows.append(np.stack([np.concatenate([v.mean(axis=1), v.std(axis=1)]) for v in values]))
    mean, scale = rows[0].mean(axis=0), rows[0].std(axis=0)
    theirs = [(group - mean) / scale for group in rows]
    return found_first(*ours), found_first(*theirs)


def main() -> None:
    """Race against librosa on the same samples, then search with damaged copies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    encoder = load_encoder("spectral")
    paths = sorted(DEMO.rglob("*.flac"))
    sounds = [decode(path, rate_hz=encoder.spec.rate_hz).samples for path in paths]
    # A tenth of a second off its start leaves nothing worth hearing of a sound that is hardly longer.
    kept = [n for n, sound in enumerate(sounds) if len(sound) > 0.3 * encoder.spec.rate_hz]
    count, rounds = (1_000, 3) if quick else (10_000, 5)
    with threadpool_limits(1):
        hours, hours_librosa = race_long(encoder, sounds, rounds)
        one_shot_ms, one_shot_ms_librosa = race_one_shots(encoder, sounds, count, rounds)
        front_ends = [race_front_end(sounds, hop, 4 * rounds) for hop in FRONT_END_HOPS]
    first, first_mfcc = quality(encoder, [paths[n] for n in kept], [sounds[n] for n in kept])
    table = Table(
        f"One thread, {encoder.spec.rate_hz} Hz, samples in memory",
        (
            "",
            "hours of audio per core-hour",
            f"ms per sound of {ONE_SHOT_S} s",
            f"damaged copies found first, of {len(kept)}",
        ),
        [
            (encoder.spec.fingerprint, hours, one_shot_ms, f"{first:.1%}"),
            ("librosa melspectrogram + mfcc", hours_librosa, one_shot_ms_librosa, f"{first_mfcc:.1%}"),
            ("ratio", hours / hours_librosa, one_shot_ms_librosa / one_shot_ms, ""),
        ],
    )
    front_end_table = Table(
        f"Front end: frames of {FRONT_END_FRAME}, {FRONT_END_BANDS} bands, {FRONT_END_RATE_HZ} Hz",
        ("hop", "ms per second of audio", "scipy's transform alone", "ratio"),
        [
            (hop, ours, bare, ours / bare)
            for hop, (ours, bare) in zip(FRONT_END_HOPS, front_ends, strict=True)
        ],
    )
    write_results(
        HERE,
        "How fast does an encoder listen, and how well?",
        "python benchmarks/encoders/run.py",
        [table, front_end_table],
        {
            "hours_per_core_hour": round(hours, 1),
            "ratio_long_to_librosa": round(hours / hours_librosa, 3),
            "one_shot_ms": round(one_shot_ms, 4),
            "ratio_one_shot_to_librosa": round(one_shot_ms_librosa / one_shot_ms, 3),
            **{
                f"front_end_ratio_hop_{hop}": round(ours / bare, 3)
                for hop, (ours, bare) in zip(FRONT_END_HOPS, front_ends, strict=True)
            },
            "found_first": round(first, 4),
            "found_first_mfcc": round(first_mfcc, 4),
            "seed": SEED,
        },
        NOTES,
        quick=quick,
    )


if __name__ == "__main__":
    main()
