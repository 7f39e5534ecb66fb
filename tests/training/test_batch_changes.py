"""Changes of many clips at once: levels, slopes, filters and rooms as asked for; no rows are no error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from soundalike.training.batch_changes import (
    Draw,
    add_below,
    band_limits,
    coloured_noise,
    colours,
    filter_size,
    filtered,
    mean_power,
    rooms,
)

RATE_HZ = 32000
CPU = torch.device("cpu")


def draw(seed: int = 0) -> Draw:
    return Draw(seed, CPU)


def noise(rows: int, samples: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, samples)).astype(np.float32))


def hz_of(size: int, rate_hz: int = RATE_HZ) -> np.ndarray:
    return np.arange(size // 2 + 1) * rate_hz / size


def in_db(gains: Tensor) -> np.ndarray:
    found: np.ndarray = 20.0 * np.log10(np.maximum(gains.double().numpy(), 1e-30))
    return found


@pytest.mark.parametrize("below_db", [0.0, 6.0, 18.0, -3.0])
def test_what_is_added_lies_so_far_below(below_db: float) -> None:
    audio, other = noise(5, 4000) * torch.tensor([0.01, 0.3, 1.0, 5.0, 40.0])[:, None], noise(5, 4000, seed=1)
    other[:, 1000:] = 0.0  # energies count, not powers
    added = (add_below(audio, other, torch.full((5,), below_db)) - audio).double()
    ratio = audio.double().square().sum(dim=1) / added.square().sum(dim=1)
    np.testing.assert_allclose(10.0 * np.log10(ratio.numpy()), below_db, atol=0.01)
    likeness = torch.cosine_similarity(added, other.double())
    np.testing.assert_allclose(likeness.numpy(), 1.0, atol=1e-4)


def test_every_row_has_its_own_level() -> None:
    audio, other = noise(3, 4000), noise(3, 4000, seed=1)
    asked = torch.tensor([0.0, 10.0, 25.0])
    found = add_below(audio, other, asked)
    for row in range(3):
        alone = add_below(audio[row, None], other[row, None], asked[row, None])[0]
        np.testing.assert_allclose(found[row].numpy(), alone.numpy(), atol=1e-5)


def test_silence_adds_nothing_and_nothing_loud_is_added_to_it() -> None:
    audio = noise(1, 500)
    level = torch.zeros(1)
    assert torch.equal(add_below(audio, torch.zeros(1, 500), level), audio)
    assert float(add_below(torch.zeros(1, 500), audio, level).abs().max()) < 1e-6
    faint = 1e-12 * audio  # what is a billion times quieter is not brought up to it
    assert float((add_below(audio, faint, level) - audio).abs().max()) < 1e-6


def test_mean_power_counts_so_many_samples() -> None:
    audio = noise(3, 100)
    audio[0, 40:] = audio[2] = 0.0
    found = mean_power(audio, torch.tensor([40.0, 100.0, 0.0]))
    expected = [float(np.mean(audio[0, :40].numpy() ** 2)), float(np.mean(audio[1].numpy() ** 2)), 0.0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("slope_db", [0.0, -3.0, -7.0, 2.0])
def test_noise_has_unit_power_and_the_slope_that_is_asked_for(slope_db: float) -> None:
    samples = 60_000  # not the length of a transform
    found = coloured_noise(draw(), 4, samples, torch.full((4,), slope_db), RATE_HZ)
    assert found.shape == (4, samples)
    np.testing.assert_allclose(found.double().square().mean(dim=1).numpy(), 1.0, rtol=1e-4)
    power = np.square(np.abs(np.fft.rfft(found.double().numpy() * np.hanning(samples)))).mean(axis=0)
    hz = hz_of(samples)
    octaves = np.arange(7)  # from 100 Hz to 12.8 kHz
    densities = [power[(hz >= 100 * 2.0**k) & (hz < 200 * 2.0**k)].mean() for k in octaves]
    line = np.polyfit(octaves, 10.0 * np.log10(densities), 1)
    assert line[0] == pytest.approx(slope_db, abs=0.2)
    np.testing.assert_allclose(10.0 * np.log10(densities), np.polyval(line, octaves), atol=1.0)


def test_rows_of_noise_are_no_copies_and_have_slopes_of_their_own() -> None:
    found = coloured_noise(draw(), 3, 20_000, torch.tensor([-6.0, 0.0, 0.0]), RATE_HZ).double()
    likeness = (found @ found.T / 20_000).numpy()
    np.testing.assert_allclose(likeness, np.eye(3), atol=0.05)
    roughness = found.diff(dim=1).square().mean(dim=1)
    assert float(roughness[0]) < 0.2 * float(roughness[1])


SIZE = 1 << 15


def test_colours_are_straight_lines_between_nine_knots_over_octaves() -> None:
    found = in_db(colours(draw(), 40, SIZE, 6.0, RATE_HZ))
    hz = hz_of(SIZE)
    octaves = np.log2(np.maximum(hz, 40.0) / 40.0)
    knots = np.linspace(0.0, octaves[-1], 9)
    for row in found:
        straight = np.interp(octaves, knots, np.interp(knots, octaves, row))
        np.testing.assert_allclose(row, straight, atol=0.25)
    assert np.abs(np.diff(found, axis=1))[:, hz[1:] > 1000.0].max() < 0.1  # dB from bin to bin
    np.testing.assert_array_equal(found[:, hz < 40.0], found[:, :1].repeat((hz < 40.0).sum(), axis=1))


def test_colours_vary_as_much_as_is_asked_for() -> None:
    found = in_db(colours(draw(), 3000, 256, 6.0, RATE_HZ))
    for end in (found[:, 0], found[:, -1]):  # at knots, the ends
        assert end.std() == pytest.approx(6.0, rel=0.06)
        assert end.mean() == pytest.approx(0.0, abs=0.4)
    assert abs(np.corrcoef(found[:, 0], found[:, -1])[0, 1]) < 0.1
    assert torch.equal(colours(draw(), 3, 256, 0.0, RATE_HZ), torch.ones(3, 129))


def test_band_limits_pass_what_lies_between_and_stop_what_lies_beyond() -> None:
    gains = band_limits(draw(), 400, SIZE, RATE_HZ)
    found, hz = in_db(gains), hz_of(SIZE)
    assert found.max() <= 0.0
    assert found[:, (hz > 1400) & (hz < 1700)].min() > -0.1
    passed = found > -3.02
    top = hz[passed.shape[1] - 1 - passed[:, ::-1].argmax(axis=1)]
    assert 2490.0 < top.min() < 2700.0
    assert 12_500.0 < top.max() < 14_010.0
    for row, edge in zip(found, top, strict=True):
        assert row[(hz > 1000.0) & (hz < 0.8 * edge)].min() > -0.5
        assert row[hz > 1.5 * edge].max(initial=-100.0) < -50.0
    thin = found[:, 0] < -3.0
    assert thin.mean() == pytest.approx(0.33, abs=0.08)
    bottom = hz[passed[thin].argmax(axis=1)]
    assert 58.0 < bottom.min() < 90.0
    assert 450.0 < bottom.max() < 603.0
    assert all(row[hz < 0.4 * edge].max() < -30.0 for row, edge in zip(found[thin], bottom, strict=True))
    assert found[~thin][:, hz < 2000.0].min() > -0.1


def impulses(rows: int, rate_hz: int = 8000) -> np.ndarray:
    """Impulse responses of rooms, shape ``(rows, T)``."""
    size = filter_size(rate_hz, rate_hz)
    response = rooms(draw(), rows, size, rate_hz)
    assert response.shape == (rows, size // 2 + 1)
    found: np.ndarray = torch.fft.irfft(response, size).double().numpy()
    return found


def test_rooms_keep_the_sound_itself_and_last_a_second_at_most() -> None:
    found = impulses(200)
    np.testing.assert_allclose(found[:, 0], 1.0, atol=1e-5)
    np.testing.assert_allclose(found[:, 8000:], 0.0, atol=1e-5)
    tail_db = 10.0 * np.log10(np.square(found[:, 1:]).sum(axis=1))
    assert -18.1 < tail_db.min() < -16.0
    assert 1.0 < tail_db.max() < 3.1
    before = np.array([int((np.abs(row[1:]) > 1e-5).argmax()) for row in found])
    assert before.max() <= 0.03 * 8000
    assert before.std() > 40  # some begin at once, some later


def test_tails_of_rooms_decay_by_60_db_in_their_time() -> None:
    found = impulses(200)
    decays_s = []
    for row in found:
        blocks = np.square(row[240:7920]).reshape(-1, 160).mean(axis=1)  # of 20 ms
        level = 10.0 * np.log10(np.maximum(blocks, 1e-12))
        level = level[: max(3, int((level < level[0] - 45.0).argmax() or len(level)))]
        decays_s.append(-60.0 / (np.polyfit(np.arange(len(level)), level, 1)[0] / 0.02))
    assert min(decays_s) == pytest.approx(0.1, abs=0.02)
    assert max(decays_s) == pytest.approx(1.5, abs=0.2)
    assert np.median(decays_s) == pytest.approx(np.sqrt(0.1 * 1.5), rel=0.25)


def test_a_response_of_one_changes_nothing_and_a_delay_delays() -> None:
    audio = noise(3, 1000)
    size = filter_size(1000, 500)
    ones = torch.ones(3, size // 2 + 1)
    np.testing.assert_allclose(filtered(audio, ones, size).numpy(), audio.numpy(), atol=1e-5)
    turns = torch.arange(size // 2 + 1) * 70 / size
    delay = torch.polar(torch.ones_like(turns), -2.0 * torch.pi * turns).repeat(3, 1)
    found = filtered(audio, delay, size)
    np.testing.assert_allclose(found[:, 70:].numpy(), audio[:, :-70].numpy(), atol=1e-4)
    np.testing.assert_allclose(found[:, :70].numpy(), 0.0, atol=1e-4)


def test_filtered_rows_are_convolved_and_do_not_run_round() -> None:
    audio = noise(4, 3000)
    size = filter_size(3000, 2000)
    responses = rooms(draw(), 4, size, 2000)
    found = filtered(audio, responses, size).numpy()
    for row in range(4):
        impulse = torch.fft.irfft(responses[row], size).numpy()
        expected = np.convolve(audio[row].numpy(), impulse[:2000])[:3000]
        np.testing.assert_allclose(found[row], expected, atol=1e-3)


def test_transforms_hold_a_clip_and_a_second() -> None:
    sizes = sorted({2**n for n in range(20)} | {5 * 2**n for n in range(18)})
    for samples in [*range(1, 200), 1000, 1280, 1281, 65_536]:
        expected = next(size for size in sizes if size >= samples + 100)
        assert filter_size(samples, 100) == expected


MAKERS: dict[str, tuple[Callable[[Draw, int], Tensor], int]] = {
    "uniform": (lambda some, rows: some.uniform(2.0, 3.0, rows, 4), 4),
    "normal": (lambda some, rows: some.normal(rows, 4), 4),
    "noise": (lambda some, rows: coloured_noise(some, rows, 50, torch.full((rows,), -3.0), 8000), 50),
    "colours": (lambda some, rows: colours(some, rows, 64, 6.0, 8000), 33),
    "band_limits": (lambda some, rows: band_limits(some, rows, 64, 8000), 33),
    "rooms": (lambda some, rows: rooms(some, rows, 64, 8000), 33),
    "filtered": (lambda some, rows: filtered(some.normal(rows, 50), torch.ones(rows, 33), 64), 50),
    "added": (
        lambda some, rows: add_below(some.normal(rows, 50), some.normal(rows, 50), torch.zeros(rows)),
        50,
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_seed_gives_always_the_same_and_another_not(name: str) -> None:
    make, width = MAKERS[name]
    first = make(draw(7), 5)
    assert first.shape == (5, width)
    assert bool(torch.isfinite(torch.view_as_real(first) if first.is_complex() else first).all())
    torch.manual_seed(123)  # no other randomness counts
    assert torch.equal(make(draw(7), 5), first)
    assert not torch.equal(make(draw(8), 5), first)


@pytest.mark.parametrize("name", MAKERS)
def test_no_rows_are_no_error(name: str) -> None:
    make, width = MAKERS[name]
    assert make(draw(), 0).shape == (0, width)
    assert make(draw(), 0).dtype == make(draw(), 2).dtype


def test_no_rows_are_drawn_nor_measured() -> None:
    assert draw().chance(0.5, 0).shape == (0,)
    assert draw().choice(torch.ones(3), 0).shape == (0,)
    assert mean_power(torch.zeros(0, 5), torch.zeros(0)).shape == (0,)


def test_chances_and_choices_come_as_often_as_is_asked_for() -> None:
    assert draw().chance(0.3, 20_000).double().mean().item() == pytest.approx(0.3, abs=0.02)
    assert not draw().chance(0.0, 1000).any()
    assert draw().chance(1.0, 1000).all()
    weights = torch.tensor([2.0, 0.0, 5.0, 3.0, 0.0])
    counts = torch.bincount(draw().choice(weights, 20_000), minlength=5).numpy() / 20_000
    np.testing.assert_allclose(counts, [0.2, 0.0, 0.5, 0.3, 0.0], atol=0.02)
    between = draw().uniform(-7.0, 3.0, 20_000)
    assert -7.0 <= float(between.min()) < -6.9
    assert 2.9 < float(between.max()) <= 3.0
    assert float(between.mean()) == pytest.approx(-2.0, abs=0.1)
