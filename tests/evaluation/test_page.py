"""The page of a report: whole, from nowhere else, and safe whatever names are."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.evaluation import Picture, Report, Score, TaskResult, Theme, class_bars, write_report

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
VOID = {"meta", "img", "source", "br", "link", "input", "hr"}


class Reader(HTMLParser):
    """Notes what a page holds, and that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.targets: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "srcset", "href")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def made(name: str) -> tuple[Report, list[Picture]]:
    score = Score("map", 0.8, 0.7, 0.9, 0.1)
    results = (
        TaskResult(name, name, (score, Score(name, 0.1)), {name: 0.5, "rain": None}, 10, 2, {name: name}),
        TaskResult(name, "old", (Score("map", 0.5, 0.4, 0.6, 0.1),)),
        TaskResult("second", "old", (Score("map", 0.5),)),
    )

    def draw(theme: Theme) -> object:
        return class_bars({name: {"dog": 0.5}}, name, theme)

    pictures = [
        Picture("by-label", name, draw, name, name),  # type: ignore[arg-type]
        Picture("for-all", "For all", draw),  # type: ignore[arg-type]
    ]
    return Report(results, {name: name}), pictures


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("name", ["esc10", HOSTILE])
def test_a_page_is_whole_and_from_nowhere_else(name: str, tmp_path: Path) -> None:
    report, pictures = made(name)
    page = write_report(tmp_path / "new" / "folder", report, pictures)
    reader = read(page)
    assert "script" not in reader.tags
    assert reader.tags.count("img") == 2
    for target in reader.targets:
        if target.startswith("#"):
            assert f'id="{target[1:]}"' in page.read_text(encoding="utf-8")
        else:
            assert (page.parent / target).is_file(), target
    assert name in reader.text
    assert "0.700–0.900" in reader.text
    assert "10 queries; 2 had nothing to find" in reader.text
    assert re.search(r"https?://|url\(|@import", page.read_text(encoding="utf-8")) is None
    assert Report.from_json((page.parent / "report.json").read_text(encoding="utf-8")) == report
    assert sorted(file.name for file in (page.parent / "pictures").iterdir()) == [
        "by-label-dark.png", "by-label-light.png", "for-all-dark.png", "for-all-light.png",
    ]  # fmt: skip


def test_the_best_and_chance_are_shown(tmp_path: Path) -> None:
    report, _ = made("esc10")
    text = write_report(tmp_path, report).read_text(encoding="utf-8")
    assert "<strong>0.800</strong>" in text
    assert "<strong>0.500</strong>" not in text
    assert '<tr class="chance"><th scope="row">chance</th><td>0.100</td>' in text
    assert not (tmp_path / "pictures").exists()


def test_an_empty_report_is_a_page_too(tmp_path: Path) -> None:
    assert "Evaluation" in read(write_report(tmp_path, Report(()))).text


def test_a_report_replaces_an_earlier_one(tmp_path: Path) -> None:
    write_report(tmp_path, made("earlier collection")[0])
    page = write_report(tmp_path, made("esc50")[0])
    assert "earlier collection" not in read(page).text


@pytest.mark.parametrize("name", ["../x", "A", "", "a b", "ä", "twice"])
def test_names_that_are_no_file_names_are_refused(name: str, tmp_path: Path) -> None:
    draw = made("a")[1][0].draw
    with pytest.raises(InvalidInputError, match="lower-case letters, digits and hyphens"):
        write_report(tmp_path, Report(()), [Picture(name, "t", draw), Picture("twice", "t", draw)])
    assert not list(tmp_path.iterdir())


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="headless Chromium is not here")
def test_a_browser_shows_it_without_running_anything(tmp_path: Path) -> None:
    report, pictures = made(HOSTILE)
    page = write_report(tmp_path, report, pictures)
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
        f"--user-data-dir={tmp_path / 'profile'}", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.count("<figure") == 2
    assert "<script" not in done.stdout
    assert "&lt;script&gt;" in done.stdout
