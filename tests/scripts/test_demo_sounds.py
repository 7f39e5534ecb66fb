from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import av
import pytest

import soundalike

DEMO = Path(soundalike.__file__).parent / "data" / "demo"
ROW = re.compile(r"^\| (\S+\.flac) \| (\S+) \| (.+) \| <(https?://\S+)> \| (.+) \|$", re.MULTILINE)


def sounds() -> list[Path]:
    return sorted(path for path in DEMO.rglob("*") if path.is_file() and path.name != "CREDITS.md")


def test_every_sound_is_credited_and_every_credit_has_its_sound() -> None:
    rows = ROW.findall((DEMO / "CREDITS.md").read_text(encoding="utf-8"))
    assert sorted(name for name, *_ in rows) == [path.relative_to(DEMO).as_posix() for path in sounds()]
    for name, original, author, _, licence in rows:
        assert Path(name).name == Path(original).name
        assert author.strip()
        assert licence == "CC0"


def test_they_are_many_varied_and_small() -> None:
    assert len(sounds()) >= 100
    assert len({path.parent for path in sounds()}) >= 8
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 12_000_000


@pytest.mark.parametrize("path", sounds(), ids=lambda path: path.name)
def test_every_sound_opens_as_audio(path: Path) -> None:
    with av.open(str(path)) as container:
        assert container.streams.audio[0].rate >= 44100
        assert next(container.decode(audio=0)).samples > 0


COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2016 Ann
License: MIT

Files: etc/samples/a*.flac
 etc/samples/perc_bell.flac
Copyright: 2013 Ben
Source: http://example.org/1/
License: CC0

Files: etc/samples/ambi_mixed.flac
Copyright: 2013 Ben
License: CC0 and CC-BY-SA-4.0
 or what it says here.

License: CC0
 The text of the licence.
"""


def test_the_last_paragraph_that_matches_a_file_counts(make_demo_sounds: ModuleType) -> None:
    stanzas = make_demo_sounds.parse_copyright(COPYRIGHT)
    licence = {
        name: make_demo_sounds.stanza_of(f"etc/samples/{name}.flac", stanzas).licence
        for name in ("ambi_choir", "perc_bell", "bd_fat", "ambi_mixed")
    }
    assert licence == {
        "ambi_choir": "CC0",
        "perc_bell": "CC0",
        "bd_fat": "MIT",
        "ambi_mixed": "CC0 and CC-BY-SA-4.0",
    }


def test_only_files_that_are_cc0_alone_are_chosen(make_demo_sounds: ModuleType, tmp_path: Path) -> None:
    samples = tmp_path / make_demo_sounds.SAMPLES
    samples.mkdir(parents=True)
    for name in ("ambi_choir", "perc_bell", "bd_fat", "ambi_mixed"):
        (samples / f"{name}.flac").write_bytes(b"fLaC")
    copyright_file = tmp_path / make_demo_sounds.COPYRIGHT
    copyright_file.parent.mkdir(parents=True)
    copyright_file.write_text(COPYRIGHT)
    chosen = make_demo_sounds.choose(make_demo_sounds.free_sounds(tmp_path))
    assert [sound.path.stem for sound in chosen] == ["ambi_choir", "perc_bell"]
    assert "| 2013 Ben | <http://example.org/1/> | CC0 |" in make_demo_sounds.credits_text(chosen, "1.0")
