"""Clips and views on a device: of the sounds they were drawn from, changed as much as is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from soundalike.core.errors import InvalidInputError
from soundalike.training import TrainingSounds, TrainingSoundsWriter
from soundalike.training.batch_changes import Draw
from soundalike.training.clips import ClipConfig
from soundalike.training.live_clips import LiveClips, LiveConfig
from soundalike.training.sound_bank import SoundBank

RATE_HZ = 16000
CPU = torch.device("cpu")
SAMPLES, WINDOW = 2 * RATE_HZ, RATE_HZ // 2
LOW, HIGH, SPOKEN, RAMP, SHORT = range(5)
PLAIN = ClipConfig(
    clip_s=2.0, sequence=0.0, speed=0.0, granulated=0.0, filtered=0.0, reverberated=0.0, mixed=0.0, noisy=0.0
)
UNCHANGED = LiveConfig(clip=PLAIN, limited=0.0, view_noise=0.0, view_cut=0.0, ripple_db=0.0)
CHANGED = LiveConfig(clip=ClipConfig(clip_s=2.0))
Ear = Callable[[Tensor], Tensor]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Several threads wait for each other longer than they compute, where others compute, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def as_heard(audio: Tensor) -> Tensor:
    """An ear that gives samples as they are, as one band: views are looked at themselves."""
    return audio[:, None, :]


def tone(hz: float, seconds: float) -> np.ndarray:
    return 0.4 * np.sin(2.0 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> SoundBank:
    """Two tones of one group, a spoken one, a ramp that is longer than a clip, and a click."""
    folder = tmp_path_factory.mktemp("sounds")
    with TrainingSoundsWriter(folder, RATE_HZ) as writer:
        writer.add(tone(1000.0, 0.3), name="low", group="tones", facts={"kind": "effect", "package": "p"})
        writer.add(tone(3000.0, 0.3), name="high", group="tones", facts={"kind": "effect", "package": "p"})
        writer.add(tone(500.0, 0.4), name="spoken", group="words", facts={"kind": "speech", "package": "q"})
        writer.add(np.linspace(-1.0, 1.0, 3 * RATE_HZ), name="ramp", group="r", facts={"kind": "music"})
        writer.add(np.ones(3), name="short", group="s", facts={"kind": "synthetic"})
    return SoundBank([TrainingSounds(folder)], CPU)


def live(bank: SoundBank, config: LiveConfig, ear: Ear = as_heard) -> LiveClips:
    stand_in: Any = ear
    return LiveClips(bank, config, WINDOW, stand_in)


def clips_of(
    bank: SoundBank, config: LiveConfig, sound: int, count: int = 60, *, plain: bool = False, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    rows = torch.full((count,), sound)
    clips, extent = live(bank, config).clips(Draw(seed, CPU), rows, torch.full((count,), plain))
    assert clips.dtype == torch.float32
    assert clips.shape == (count, SAMPLES)
    assert extent.shape == (count,)
    return clips.double().numpy(), extent.double().numpy()


def samples_of(bank: SoundBank, sound: int) -> np.ndarray:
    length = int(bank.lengths[sound])
    found = bank.read(torch.tensor([[sound]]), torch.arange(length)[None].double())
    samples: np.ndarray = found[0].double().numpy()
    return samples


def loudest_hz(clip: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(clip * np.hanning(len(clip)))).argmax() * RATE_HZ / len(clip))


def power_at(clips: np.ndarray, hz: float) -> np.ndarray:
    """Power of the bins around a frequency, of every clip."""
    spectra = np.square(np.abs(np.fft.rfft(clips, axis=1)))
    bins = np.arange(spectra.shape[1]) * RATE_HZ / clips.shape[1]
    power: np.ndarray = spectra[:, np.abs(bins - hz) < 100.0].sum(axis=1)
    return power


@pytest.mark.parametrize("sound", [LOW, HIGH, SPOKEN, SHORT])
def test_an_unchanged_clip_is_the_sound_and_silence_behind_it(bank: SoundBank, sound: int) -> None:
    clips, extent = clips_of(bank, UNCHANGED, sound, plain=True)
    samples = samples_of(bank, sound)
    expected = np.zeros(SAMPLES)
    expected[: len(samples)] = samples * 0.7 / np.abs(samples).max()
    np.testing.assert_allclose(clips, np.tile(expected, (len(clips), 1)), atol=1e-5)
    np.testing.assert_array_equal(extent, len(samples))


def test_clips_of_a_long_sound_are_stretches_from_all_over_it(bank: SoundBank) -> None:
    clips, extent = clips_of(bank, UNCHANGED, RAMP, 100, plain=True)
    np.testing.assert_array_equal(extent, SAMPLES)
    slopes = (clips[:, -1] - clips[:, 0]) / (SAMPLES - 1)
    straight = clips[:, :1] + slopes[:, None] * np.arange(SAMPLES)
    np.testing.assert_allclose(clips, straight, atol=1e-4)
    starts = clips[:, 0] / slopes + 1.5 * RATE_HZ
    assert -2.0 < starts.min() < 0.1 * RATE_HZ
    assert 0.9 * RATE_HZ < starts.max() < RATE_HZ + 2.0
    assert starts.mean() == pytest.approx(0.5 * RATE_HZ, rel=0.2)


def test_a_fifth_of_clips_are_shorter(bank: SoundBank) -> None:
    clips, extent = clips_of(bank, UNCHANGED, RAMP, 300)
    short = extent < SAMPLES
    assert short.mean() == pytest.approx(0.2, abs=0.06)
    assert extent.min() >= 0.16 * SAMPLES
    for clip, end in zip(clips, extent, strict=True):
        assert not clip[int(np.ceil(end)) :].any()
        assert np.abs(clip[: int(end)]).mean() > 0.05


def test_clips_are_played_faster_or_slower_unless_they_are_plain(bank: SoundBank) -> None:
    config = replace(UNCHANGED, clip=replace(PLAIN, speed=1.0, speed_semitones=12.0))
    clips, extent = clips_of(bank, config, LOW, 120)
    heard = np.array([loudest_hz(clip) for clip in clips])
    assert 490.0 < heard.min() < 560.0
    assert 1800.0 < heard.max() < 2010.0
    assert np.median(heard) == pytest.approx(1000.0, rel=0.15)  # even in semitones
    share = extent * heard / (0.3 * RATE_HZ * 1000.0)
    assert share.max() < 1.02
    assert np.mean(share > 0.98) > 0.75  # the others were cut short
    clips, _ = clips_of(bank, config, LOW, 20, plain=True)
    assert [loudest_hz(clip) for clip in clips] == pytest.approx([1000.0] * 20, abs=3.0)


def test_short_sounds_become_sequences_of_their_group_but_speech_does_not(bank: SoundBank) -> None:
    config = replace(UNCHANGED, clip=replace(PLAIN, sequence=1.0))
    clips, extent = clips_of(bank, config, LOW, 200)
    np.testing.assert_array_equal(extent, SAMPLES)
    own, other = power_at(clips, 1000.0), power_at(clips, 3000.0)
    assert (own + other > 0.97 * np.square(np.abs(np.fft.rfft(clips, axis=1))).sum(axis=1)).all()
    begun = [count_events(clip) for clip in clips]
    later = np.array(begun) - 1  # the first is the sound itself; 4 in 10 clips draw the others from both
    assert np.mean(other > 1e-3 * own) == pytest.approx(0.4 * np.mean(1.0 - 0.5**later), abs=0.08)
    starts = [clip[np.flatnonzero(np.abs(clip) > 1e-3)[0] :][: RATE_HZ // 5] for clip in clips]
    assert [loudest_hz(start) for start in starts] == pytest.approx([1000.0] * 200, abs=30.0)
    assert {1, 2, 3} <= set(begun)
    assert 0 not in begun
    assert max(begun) <= 7
    for sound, plain in ((SPOKEN, False), (LOW, True), (RAMP, False)):
        clips, extent = clips_of(bank, config, sound, 30, plain=plain)
        assert {count_events(clip) for clip in clips} == {1}
        assert extent.max() <= min(SAMPLES, int(bank.lengths[sound]))


def count_events(clip: np.ndarray) -> int:
    """How many stretches of sound there are between silences of 15 ms or more."""
    sounding = np.flatnonzero(np.abs(clip) > 1e-4)
    return int(1 + np.sum(np.diff(sounding) > 0.01 * RATE_HZ))


def test_clips_are_mixed_with_others_unless_they_are_plain(bank: SoundBank) -> None:
    shares = (("effect", 0.8), ("speech", 0.2), ("music", 1e-9), ("synthetic", 1e-9))
    clip = replace(PLAIN, mixed=1.0, mix_range_db=6.0, kind_shares=shares)
    clips, extent = clips_of(bank, replace(UNCHANGED, clip=clip), SPOKEN, 160)
    energy = power_at(clips, 500.0)
    found = 0
    for hz in (1000.0, 3000.0):
        below_db = 10.0 * np.log10(power_at(clips, hz) / energy)
        below_db = below_db[below_db > -30.0]
        assert below_db.min() > -6.5
        assert below_db.max() < 0.5
        assert below_db.std() > 1.0
        found += len(below_db)
    assert found > 60
    clips, extent = clips_of(bank, replace(UNCHANGED, clip=clip), LOW, 160)
    reached = [int(np.flatnonzero(clip).max()) + 1 for clip in clips]
    assert np.abs(np.array(reached) - extent).max() < 40  # a sine ends on a 0
    assert {round(0.3 * RATE_HZ), round(0.4 * RATE_HZ)} <= set(extent.tolist())
    clips, _ = clips_of(bank, replace(UNCHANGED, clip=clip), SPOKEN, 20, plain=True)
    assert (power_at(clips, 1000.0) + power_at(clips, 3000.0) < 1e-3 * power_at(clips, 500.0)).all()


def test_noise_lies_under_the_sound_and_not_behind_it(bank: SoundBank) -> None:
    config = replace(UNCHANGED, clip=replace(PLAIN, noisy=1.0), plain_share=1.0)
    clips, extent = clips_of(bank, config, LOW, 200, plain=True)
    end = int(extent[0])
    assert end == round(0.3 * RATE_HZ)
    assert not clips[:, end:].any()
    sound = samples_of(bank, LOW)
    gains = clips[:, :end] @ sound / (sound @ sound)
    rest = clips[:, :end] - gains[:, None] * sound
    below_db = 10.0 * np.log10(np.square(gains) * (sound @ sound) / np.square(rest).sum(axis=1))
    assert 4.5 < below_db.min() < 8.0
    assert 41.0 < below_db.max() < 45.5


@pytest.mark.parametrize(
    "changes",
    [
        {"clip": replace(PLAIN, filtered=1.0)},
        {"clip": replace(PLAIN, reverberated=1.0)},
        {"clip": replace(PLAIN, noisy=1.0)},
        {"clip": PLAIN, "limited": 1.0},
    ],
    ids=["filtered", "reverberated", "noisy", "limited"],
)
def test_plain_clips_are_changed_in_their_share(bank: SoundBank, changes: dict[str, Any]) -> None:
    unchanged, _ = clips_of(bank, UNCHANGED, SHORT, 1, plain=True)
    shares = []
    for plain, share in ((False, 0.0), (True, 1.0), (True, 0.5), (True, 0.0)):
        config = replace(UNCHANGED, plain_share=share, **changes)
        clips, _ = clips_of(bank, config, SHORT, 100, plain=plain)
        shares.append(float(np.mean(np.abs(clips - unchanged).max(axis=1) > 1e-4)))
    assert shares[0] > 0.8  # some filters leave a sound at this rate as it is
    assert shares[1:] == pytest.approx([shares[0], 0.5 * shares[0], 0.0], abs=0.13)
    assert shares[3] == 0.0


def test_changed_clips_are_loud_bounded_and_pure(bank: SoundBank) -> None:
    rows = torch.arange(5).repeat(12)
    source = live(bank, CHANGED)
    clips, extent = source.clips(Draw(3, CPU), rows, rows == HIGH)
    np.testing.assert_allclose(clips.abs().amax(dim=1).numpy(), 0.7, rtol=1e-5)
    assert bool(torch.isfinite(clips).all())
    assert float(extent.min()) > 0.0
    assert float(extent.max()) <= SAMPLES
    source.clips(Draw(4, CPU), rows, rows == HIGH)
    again, same_extent = live(bank, CHANGED).clips(Draw(3, CPU), rows, rows == HIGH)
    assert torch.equal(again, clips)
    assert torch.equal(same_extent, extent)
    assert not torch.equal(source.clips(Draw(4, CPU), rows, rows == HIGH)[0], clips)


def test_silent_sounds_give_clips_that_are_numbers(tmp_path: Path) -> None:
    with TrainingSoundsWriter(tmp_path, RATE_HZ) as writer:
        writer.add(np.zeros(RATE_HZ), name="silent", group="all")
    silent = SoundBank([TrainingSounds(tmp_path)], CPU)
    clips, _ = clips_of(silent, CHANGED, 0, 40)
    assert np.isfinite(clips).all()
    assert (np.abs(clips).max(axis=1) > 1e-6).all()
    assert np.abs(clips).max() < 1.0


def test_kinds_are_drawn_in_the_shares_that_are_asked_for(bank: SoundBank) -> None:
    shares = (("effect", 0.6), ("music", 0.3), ("speech", 0.05), ("synthetic", 0.05))
    drawn = live(bank, replace(UNCHANGED, clip=replace(PLAIN, kind_shares=shares))).shares
    assert float(drawn.sum()) == pytest.approx(1.0)
    assert drawn.tolist() == pytest.approx([0.3, 0.3, 0.05, 0.3, 0.05])


def views_of(
    config: LiveConfig, bank: SoundBank, clips: Tensor, extent: Tensor, ear: Ear = as_heard
) -> Tensor:
    return live(bank, config, ear).view(Draw(5, CPU), clips, extent)


def test_a_view_is_a_stretch_of_its_clip(bank: SoundBank) -> None:
    count = 200
    clips = (torch.arange(SAMPLES).float() + 1.0).repeat(count, 1)
    views = views_of(UNCHANGED, bank, clips, torch.full((count,), float(SAMPLES)))[:, 0]
    starts = views[:, :1] - 1.0
    assert torch.equal(views, starts + torch.arange(WINDOW) + 1.0)
    assert 0 <= float(starts.min()) < 0.2 * RATE_HZ
    assert 1.3 * RATE_HZ < float(starts.max()) <= SAMPLES - WINDOW
    assert len(set(starts[:, 0].tolist())) > 150


def test_a_view_of_a_short_clip_begins_near_its_beginning(bank: SoundBank) -> None:
    count, length = 400, 4000
    clips = torch.zeros(count, SAMPLES)
    clips[:, :length] = torch.arange(length).float() + 1.0
    views = views_of(UNCHANGED, bank, clips, torch.full((count,), float(length)))[:, 0]
    at_once = (views[:, 0] == 1.0) & (views[:, length - 1] == length)
    assert at_once.double().mean().item() == pytest.approx(0.5, abs=0.1)
    firsts = (views > 0).int().argmax(dim=1)
    starts = torch.where(firsts > 0, -firsts, views[:, 0].int() - 1)
    assert -0.1 * length - 1 <= int(starts.min()) < -0.05 * length
    assert 0.1 * length < int(starts.max()) <= 0.15 * length + 1
    for view, start in zip(views, starts.tolist(), strict=True):
        expected = torch.zeros(WINDOW)
        inside = torch.arange(max(start, 0), min(length, start + WINDOW))
        expected[inside - start] = inside.float() + 1.0
        assert torch.equal(view, expected)


def test_views_are_of_where_the_clip_is_loud(bank: SoundBank) -> None:
    count = 300
    clips = torch.full((count, SAMPLES), 1e-4)
    clips[:, : RATE_HZ // 4] = 0.7  # a view at random hears it with a chance of 1 in 6
    views = views_of(UNCHANGED, bank, clips, torch.full((count,), float(SAMPLES)))[:, 0]
    heard = (views.amax(dim=1) > 0.5).double().mean().item()
    assert heard == pytest.approx(1.0 - (5.0 / 6.0) ** 4, abs=0.1)


def test_noise_of_views_is_as_loud_as_is_asked_for(bank: SoundBank) -> None:
    count, length = 300, 4000
    clips = torch.zeros(count, SAMPLES)
    clips[:, :length] = 0.5 * torch.randn(count, length, generator=torch.Generator().manual_seed(0))
    extent = torch.full((count,), float(length))
    config = replace(UNCHANGED, view_noise=1.0, view_noise_db=(20.0, 20.0))
    noisy = views_of(config, bank, clips, extent)[:, 0]
    behind = noisy[:, 4700:]
    everywhere = behind.abs().amax(dim=1) > 0.0
    assert everywhere.double().mean().item() == pytest.approx(0.4, abs=0.1)
    level_db = 10.0 * torch.log10(behind[everywhere].square().mean(dim=1))
    expected_db = 10.0 * np.log10(0.25) - 20.0
    assert level_db.mean().item() == pytest.approx(expected_db, abs=1.0)
    none = views_of(UNCHANGED, bank, clips, extent)[:, 0]
    assert none[:, 4700:].abs().max().item() == 0.0
    half = views_of(replace(config, view_noise=0.5), bank, clips, extent)[:, 0]
    some = (half[:, 4700:].abs().amax(dim=1) > 0.0).double().mean().item()
    assert some == pytest.approx(0.2, abs=0.08)


def test_views_lose_bands_and_ripple_as_much_as_is_asked_for(bank: SoundBank) -> None:
    clips, extent = torch.ones(400, SAMPLES), torch.full((400,), float(SAMPLES))

    def flat(audio: Tensor) -> Tensor:
        return torch.zeros(len(audio), 20, 50)

    assert not views_of(UNCHANGED, bank, clips, extent, flat).any()
    cut = views_of(replace(UNCHANGED, view_cut=0.5), bank, clips, extent, flat)
    assert torch.equal(cut, cut[:, :, :1].expand_as(cut))
    assert set(cut[:, :, 0].flatten().tolist()) == {-90.0, 0.0}
    kept = (cut[:, :, 0] == 0.0).sum(dim=1)
    assert set(kept.tolist()) == set(range(13, 21))
    assert torch.equal(cut[:, :, 0] < 0.0, torch.arange(20) >= kept[:, None])  # the highest
    assert (kept < 20).double().mean().item() == pytest.approx(0.5 * 7.0 / 8.0, abs=0.08)
    rippled = views_of(replace(UNCHANGED, ripple_db=2.0), bank, clips, extent, flat)
    spread = rippled.std(dim=(1, 2))
    assert spread.max().item() == pytest.approx(2.0, abs=0.15)
    assert spread.mean().item() == pytest.approx(1.0, abs=0.1)
    assert rippled.mean().item() == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    "wrong",
    [{"limited": 1.5}, {"plain_share": -0.1}, {"view_noise": 2.0}, {"view_cut": -1.0}, {"fit_clips": 1}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="Shares lie between 0 and 1 and fit_clips is at least 2"):
        LiveConfig(**wrong)
