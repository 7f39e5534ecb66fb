"""What names and folders of sounds tell: families, drums, speakers; and nothing where they tell none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from soundalike.training import TrainingSound

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.corpus.kinship import with_kinship


def sound(file: str, kind: str = "effect", package: str = "p", **facts: str) -> TrainingSound:
    found = {"package": package, "kind": kind, **facts}
    if file:
        found["file"] = file
    return TrainingSound(f"{package}/{file}", "group", 3, 7, found)


def told(sounds: list[TrainingSound]) -> list[dict[str, str]]:
    """What was told of each, beside what was known; nothing else of a sound changes."""
    found = with_kinship(sounds)
    assert len(found) == len(sounds)
    for before, after in zip(sounds, found, strict=True):
        assert (after.name, after.group, after.start, after.length) == (before.name, "group", 3, 7)
        assert before.facts.items() <= after.facts.items()
    return [
        {name: value for name, value in after.facts.items() if name not in before.facts}
        for before, after in zip(sounds, found, strict=True)
    ]


def families(files: list[str], kind: str = "effect", packages: str = "") -> list[str]:
    sounds = [
        sound(file, kind, package) for file, package in zip(files, packages or "p" * len(files), strict=True)
    ]
    return [facts.get("family", "") for facts in told(sounds)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("u/die1.wav", "u/die2.wav"),
        ("u/die.wav/step_01.ogg", "u/die.wav/step_12.ogg"),
        ("u/Rain-1.wav", "u/rain 2.flac"),
        ("u/a1b1.wav", "u/a1b20.wav"),
    ],
)
def test_names_that_differ_in_a_trailing_number_are_a_family(first: str, second: str) -> None:
    one, other = families([first, second])
    assert one == other != ""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("u/die1.wav", "v/die2.wav"),  # another folder
        ("u/die1.wav", "u/hit2.wav"),
        ("u/die.wav", "u/die2.wav"),  # the one without a number may be anything
        ("u/die1.wav", "u/die2b.wav"),
        ("u/1die.wav", "u/2die.wav"),
        ("u/1.wav", "u/2.wav"),  # numbers alone tell nothing
        ("u/wind.wav", "u/rain.wav"),
    ],
)
def test_other_names_are_no_family(first: str, second: str) -> None:
    assert families([first, second]) == ["", ""]


def test_families_do_not_reach_over_packages_and_there_may_be_several() -> None:
    files = ["u/die1.wav", "u/die2.wav", "u/die1.wav", "u/die2.wav", "u/hit1.wav", "u/hit2.wav", "u/hit3.wav"]
    found = families(files, packages="ppqqppp")
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[4] == found[5] == found[6]
    assert len(set(found)) == 3
    assert "" not in found


@pytest.mark.parametrize(("size", "is_one"), [(1, False), (2, True), (40, True), (41, False)])
def test_what_a_hundred_sounds_share_is_no_family(size: int, is_one: bool) -> None:
    found = families([f"u/sound{number}.wav" for number in range(size)])
    assert set(found) == ({"p/u/sound"} if is_one else {""})


@pytest.mark.parametrize("kind", ["music", "speech", "drum", "instrument", "synthetic"])
def test_only_effects_have_families(kind: str) -> None:
    assert families(["u/die1.wav", "u/die2.wav"], kind) == ["", ""]


def test_drums_are_told_by_their_names_and_their_kits_by_the_folder() -> None:
    found = told([
        sound("kits/Rock/Kick_1.wav", "drum"),
        sound("kits/Jazz/snare.flac", "drum"),
        sound("kits/Jazz/SabianHatOpen.wav", "drum"),
    ])  # fmt: skip
    assert found == [
        {"drum": "kick", "kit": "kits/Rock"},
        {"drum": "snare", "kit": "kits/Jazz"},
        {"drum": "hat", "kit": "kits/Jazz"},
    ]


@pytest.mark.parametrize(
    ("package", "file", "speaker"),
    [
        ("asterisk-core-sounds-en-wav", "usr/share/asterisk/sounds/en_US_f_Allison/digits/1.wav",
         "usr/share/asterisk/sounds/en_US_f_Allison"),
        ("asterisk-core-sounds-en-wav", "usr/share/asterisk/sounds/en_US_f_Allison/vm-first.wav",
         "usr/share/asterisk/sounds/en_US_f_Allison"),
        ("hedgewars-data", "usr/share/games/hedgewars/Data/Sounds/voices/Pirate/Hello.ogg",
         "usr/share/games/hedgewars/Data/Sounds/voices/Pirate"),
        ("klettres-data", "usr/share/klettres/it/alpha/a.ogg", "usr/share/klettres/it"),
        ("klettres-data", "usr/share/klettres/it/syllab/la.ogg", "usr/share/klettres/it"),
        ("ktuberling-data", "usr/share/ktuberling/sounds/nn/hat.ogg", "usr/share/ktuberling/sounds/nn"),
        ("trigger-rally-data", "usr/share/games/trigger-rally/data.zip/sounds/codriver/tim/cut.wav",
         "usr/share/games/trigger-rally/data.zip/sounds/codriver/tim"),
        ("flightgear-data-base", "usr/share/games/flightgear/Sounds/tcas/female/climb.wav",
         "usr/share/games/flightgear/Sounds/tcas/female"),
        ("unknown-horizons", "content/audio/voice/de/0/new_world/1.ogg", "content/audio/voice/de/0"),
        ("0ad-data", "audio/voice/greek/civ/civ_female_repair_2.ogg", "audio/voice/greek/civ/civ_female"),
        ("0ad-data", "audio/voice/greek/civ/civ_male_heal_1.ogg", "audio/voice/greek/civ/civ_male"),
    ],
)  # fmt: skip
def test_recorded_speakers_are_where_packages_keep_them(package: str, file: str, speaker: str) -> None:
    assert told([sound(file, "speech", package)]) == [{"recorded_speaker": f"{package}/{speaker}"}]


@pytest.mark.parametrize(
    "silent",
    [
        sound("kits/Rock/t2_02.flac", "drum"),  # a drum whose name does not show it
        sound("", "drum"),
        sound("", "speech", speaker="ann", text="yes"),  # spoken by a program: no file, no folder
        sound("", "effect"),
        # folders of subjects, said by whoever recorded a language; of ranks; of robots
        sound("usr/share/tuxpaint/stamps/animals/birds/owl_desc_de.ogg", "speech", "tuxpaint-stamps-default"),
        sound("base.wz/audio/memressp/status/a.ogg", "speech", "warzone2100-data"),
        sound("sound/effects/bot_sounds/voice_samples/1.ogg", "speech", "freedroidrpg-data"),
        sound("audio/voice/global/civ_dog_bark.ogg", "speech", "0ad-data"),
        sound("voices/ann/yes.ogg", "speech", "a-package-that-nobody-looked-at"),
        sound("u/kick.wav", "effect"),
        sound("u/ann/yes.ogg", "music"),
        TrainingSound("x", "group", 3, 7, {}),
    ],
    ids=lambda one: f"{one.facts.get('kind')}-{one.facts.get('file')}",
)
def test_no_fact_is_told_where_nothing_tells_it(silent: TrainingSound) -> None:
    assert told([silent]) == [{}]
    assert told([silent, silent]) == [{}, {}]
