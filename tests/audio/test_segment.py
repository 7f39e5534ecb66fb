"""Segments against a plain loop over the rules, and streaming against whole."""

from __future__ import annotations

import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundalike.audio import Segmenter, Segments, segment
from soundalike.core.errors import InvalidInputError

RATE_HZ = 1000  # frames of 10 samples
Plain = list[tuple[int, int, bool, bytes]]


def by_the_rules(samples: np.ndarray, window: int, hop: int, silence_db: float, judged: int) -> Plain:
    """The rules again, sample by sample: (start, length, silent, samples) of each segment."""
    frame = RATE_HZ // 100
    powers = [
        float(np.mean(samples[at : at + frame].astype(np.float64) ** 2))
        for at in range(0, len(samples), frame)
    ]
    loud = []
    for at in range(0, len(powers), judged):
        loudest = max(powers[: at + judged])
        threshold = max(1e-9, loudest * 10 ** (silence_db / 10))
        loud += [power >= threshold for power in powers[at : at + judged]]
    if not any(loud):
        length = min(window, len(samples))
        return [(0, length, True, bytes(4 * length))]
    first = loud.index(True) * frame
    end = min(len(samples), (len(loud) - loud[::-1].index(True)) * frame)
    places = []
    if end - first < window:
        places = [(first, end - first)]
    else:
        at = first
        while at + window <= end:
            places.append((at, window))
            at += hop
        if 4 * (end - max(at, places[-1][0] + window)) >= window:
            places.append((at, end - at))
    out = []
    for at, length in places:
        silent = not any(loud[at // frame : (at + length - 1) // frame + 1])
        content = bytes(4 * length) if silent else samples[at : at + length].tobytes()
        out.append((at, length, silent, content))
    return out


def plain(parts: list[Segments | None]) -> Plain:
    out = []
    for part in parts:
        if part is None:
            continue
        for row in range(len(part)):
            at, length = int(part.starts[row]), int(part.lengths[row])
            assert part.duration_s[row] == length / RATE_HZ
            content = part.samples[at : at + length].tobytes()
            out.append((round(part.start_s[row] * RATE_HZ), length, bool(part.silent[row]), content))
    return out


@st.composite
def sounds(draw: st.DrawFn) -> np.ndarray:
    """Stretches of noise and of silence, some of them far longer than a window."""
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    pieces = draw(
        st.lists(st.tuples(st.integers(1, 400), st.sampled_from([0.0, 1e-5, 1e-4, 0.003, 0.5])), max_size=6)
    )
    parts = [rng.normal(0, 1, count) * level for count, level in pieces]
    return np.concatenate([*parts, np.zeros(draw(st.integers(0, 3)) if parts else 1)]).astype(np.float32)


@settings(max_examples=300, deadline=None)
@given(
    sounds(),
    st.integers(1, 70),
    st.integers(1, 90),
    st.lists(st.integers(0, 150), max_size=12),
    st.sampled_from([1, 5, 3000]),
)
def test_any_blocks_give_what_the_rules_give(
    samples: np.ndarray, window: int, hop: int, sizes: list[int], judged: int
) -> None:
    expected = by_the_rules(samples, window, hop, -50.0, judged)
    with mock.patch("soundalike.audio.segment._FRAMES_JUDGED", judged):
        whole = segment(samples, window_samples=window, hop_samples=hop, rate_hz=RATE_HZ)
        assert plain([whole]) == expected
        segmenter = Segmenter(window, hop, RATE_HZ, -50.0)
        found, at = [], 0
        for size in [*sizes, *[37] * (len(samples) // 37 + 1)]:
            found.append(segmenter.push(samples[at : at + size]))
            at += size
        assert plain([*found, segmenter.finish()]) == expected


def test_a_copy_at_another_level_is_cut_alike() -> None:
    rng = np.random.default_rng(5)
    decay = np.exp(-np.arange(3000) / 200)
    samples = (rng.normal(0, 0.3, 3000) * decay).astype(np.float32)
    cuts = [
        segment(samples * np.float32(gain), window_samples=100, hop_samples=50, rate_hz=RATE_HZ)
        for gain in (1.0, 0.25, 0.05)
    ]
    assert len(cuts[0]) > 10
    assert all(cut.start_s.tolist() == cuts[0].start_s.tolist() for cut in cuts)


def test_dither_is_silence_however_quiet_the_rest_is() -> None:
    samples = np.random.default_rng(5).normal(0, 1e-5, 1000).astype(np.float32)  # -100 dB
    assert segment(samples, window_samples=100, hop_samples=50, rate_hz=RATE_HZ).silent.tolist() == [True]


def test_leading_and_trailing_silence_is_left_out() -> None:
    samples = np.zeros(1000, np.float32)
    samples[300:500] = 0.5
    found = segment(samples, window_samples=100, hop_samples=50, rate_hz=RATE_HZ)
    assert found.start_s.tolist() == [0.3, 0.35, 0.4]
    assert not found.silent.any()


def test_silence_inside_a_sound_is_marked() -> None:
    samples = np.zeros(1000, np.float32)
    samples[:100] = samples[-100:] = 0.5
    found = segment(samples, window_samples=100, hop_samples=100, rate_hz=RATE_HZ)
    assert found.silent.tolist() == [False, *[True] * 8, False]


def test_memory_stays_small_through_hours_of_silence() -> None:
    rate_hz, window = 16000, 15360
    noise = np.random.default_rng(1).normal(0, 0.1, rate_hz).astype(np.float32)
    quiet = np.zeros(rate_hz * 10, np.float32)
    segmenter = Segmenter(window, window // 2, rate_hz, -50.0)
    tracemalloc.start()
    try:
        count = 0
        for block in [*[quiet] * 360, noise, *[quiet] * 360, noise, *[quiet] * 100]:
            count += len(segmenter.push(block) or ())
        count += len(segmenter.finish() or ())
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 1 + (3602 * rate_hz - window) // (window // 2)
    assert peak_bytes < 20e6  # three times a block as float64, not an hour (230 MB)


def test_no_samples_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"T >= 1; got shape \(0,\)"):
        segment(np.zeros(0, np.float32), window_samples=10, hop_samples=5, rate_hz=RATE_HZ)
    with pytest.raises(InvalidInputError, match="at least 1; got 0, 5"):
        Segmenter(0, 5, RATE_HZ, -50.0)
    assert Segmenter(10, 5, RATE_HZ, -50.0).finish() is None
