"""The page, as a user walks it: with the keyboard, the mouse and the ears."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright.sync_api", reason="playwright comes with the extra 'dev'")

from playwright.sync_api import expect
from tests.web.conftest import LOST

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

expect.set_options(timeout=20_000)

PLAYS = "() => !audio.paused && audio.currentTime > 0.02"
DROP = """([bytes, name]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  const send = (kind) => document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  send("dragenter"); send("dragover");
  window.veil = !document.getElementById("drop").hidden;
  send("drop");
}"""  # noqa: E501 (one statement of another language)


def names(page: Page) -> list[str]:
    return page.locator(".row .name bdi").all_inner_texts()


def selected(page: Page) -> Locator:
    return page.locator(".row[aria-selected=true]")


def find(page: Page, words: str, count: int) -> None:
    page.fill("#text", words)
    expect(page.locator(".row")).to_have_count(count)


def search_by(page: Page, name: str) -> None:
    """Search by the sound of a row of the list."""
    page.locator(".row", has_text=name).first.get_by_label(f"Find what sounds like {name}").click()
    expect(page.locator(".row.query .name")).to_have_text(name)


def drag(page: Page, start: float, stop: float) -> None:
    """Drag over the large waveform, from one fraction of its width to another."""
    page.wait_for_function(
        "() => document.querySelector('.large-wave > div')?.shadowRoot?.querySelector('canvas')"
    )
    box = page.locator(".large-wave").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + stop) / 2, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * stop, y, steps=4)
    page.mouse.up()


def test_words_narrow_the_list_and_the_address(page: Page, served: str) -> None:
    page.goto(served)
    expect(page.locator("#status")).to_have_text(re.compile(r"^\d+ sounds: choose one, or a file of yours"))
    find(page, "amen full", 1)
    assert names(page) == ["loop_amen_full.flac"]
    expect(page.locator("#status")).to_have_text("1 sound")
    expect(page).to_have_url(re.compile(r"\?q=amen(\+|%20)full$"))
    page.reload()
    expect(page.locator("#text")).to_have_value("amen full")
    expect(page.locator(".row")).to_have_count(1)
    find(page, "no such sound at all", 0)
    expect(page.locator("#note")).to_contain_text("No sound passes these filters")
    page.get_by_role("button", name="Clear filters").first.click()
    expect(page.locator(".row").nth(3)).to_be_visible()


def test_a_range_of_durations_the_wrong_way_round(page: Page, served: str) -> None:
    page.goto(f"{served}/?min=5&max=1")
    expect(page.locator("#problem")).to_have_text("No sound lasts at least 5 s and at most 1 s.")
    page.fill("#max-s", "60")
    expect(page.locator("#problem")).to_be_hidden()


def test_filters_by_tag_folder_and_duration(page: Page, served: str) -> None:
    page.goto(served)
    page.fill("#add-tag", "kicks")
    page.keyboard.press("Enter")
    chip = page.get_by_role("button", name="Remove the tag kicks")
    expect(chip).to_be_visible()
    expect(page.locator("#status")).not_to_have_text(re.compile("^3\\d"))
    assert all(name.startswith("bd_") for name in names(page))
    page.fill("#max-s", "0.2")
    expect(page).to_have_url(re.compile("max=0.2"))
    chip.click()
    expect(page).not_to_have_url(re.compile("tag="))
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("#max-s")).to_have_value("")
    page.locator(".row", has_text="loop_amen_full").locator(".folder").click()
    expect(page.locator("#under")).to_have_value(re.compile("/loops$"))
    expect(page.locator(".row").first).to_contain_text("loop_")


def test_a_long_list_comes_in_pages_as_one_scrolls(page: Page, served: str) -> None:
    page.route(
        re.compile(r"/api/sounds\?"),
        lambda route: route.continue_(url=route.request.url.replace("=200", "=10")),
    )
    page.set_viewport_size({"width": 1280, "height": 500})  # ten rows are higher: their end is out of sight
    page.goto(served)
    rows = page.locator(".row")
    expect(rows).to_have_count(10)
    total = int(page.locator("#status").inner_text().split()[0])
    assert total > 20
    while (before := rows.count()) < total:
        rows.last.scroll_into_view_if_needed()
        page.mouse.wheel(0, 5000)
        page.wait_for_function("count => document.querySelectorAll('.row').length > count", arg=before)
    expect(rows).to_have_count(total)
    assert len(set(page.locator(".row").evaluate_all("rows => rows.map((r) => r.dataset.index)"))) == total
    page.keyboard.press("End")
    expect(selected(page)).to_have_attribute("aria-rowindex", str(total))


def test_arrow_keys_walk_and_play(page: Page, served: str) -> None:
    page.goto(served)
    find(page, "loop_amen", 2)
    page.keyboard.press("ArrowDown")
    expect(selected(page)).to_contain_text("loop_amen.flac")
    page.wait_for_function(PLAYS)
    expect(page.locator("#dock")).to_contain_text("loop_amen.flac")
    page.keyboard.press("ArrowDown")
    expect(selected(page)).to_contain_text("loop_amen_full.flac")
    page.wait_for_function(PLAYS)
    position = page.evaluate("audio.currentTime")
    page.wait_for_function("(before) => audio.currentTime > before + 0.1", arg=position)
    page.keyboard.press(" ")
    page.wait_for_function("() => audio.paused")
    expect(page.locator("#dock .play")).to_have_attribute("aria-label", "Play")
    page.keyboard.press(" ")
    page.wait_for_function(PLAYS)
    page.keyboard.press("ArrowUp")
    expect(selected(page)).to_contain_text("loop_amen.flac")


def test_a_format_that_the_browser_cannot_play_is_heard_all_the_same(page: Page, served: str) -> None:
    page.goto(served)
    find(page, "amen.aiff", 1)
    page.locator(".row").click(position={"x": 200, "y": 20})
    page.wait_for_function(PLAYS)
    assert "format=wav" in page.evaluate("audio.src")


def test_a_wrong_guess_about_a_format_falls_back_too(page: Page, served: str) -> None:
    """The browser says that it plays FLAC; here the bytes that come are none."""
    page.route(
        re.compile(r"/audio$"), lambda route: route.fulfill(body=b"not flac", content_type="audio/flac")
    )
    page.goto(served)
    find(page, "amen full", 1)
    page.locator(".row .play").click()
    page.wait_for_function(PLAYS)
    assert "format=wav" in page.evaluate("audio.src")


def test_enter_searches_by_the_selected_sound_and_back_returns(page: Page, served: str) -> None:
    page.goto(served)
    find(page, "loop_amen", 2)
    page.keyboard.press("ArrowDown")
    expect(selected(page)).to_contain_text("loop_amen.flac")
    page.keyboard.press("Enter")
    expect(page.locator(".row.query .name")).to_have_text("loop_amen.flac")
    expect(page).to_have_url(re.compile(r"\?like=[0-9a-f]{32}$"))
    expect(page.locator("#status")).to_contain_text("like loop_amen.flac, best first")
    assert set(names(page)[1:3]) == {"amen.aiff", "loop_amen_full.flac"}
    bars = page.locator(".bar")
    assert bars.count() == page.locator(".row").count() - 1
    assert "%" not in page.locator("#results").inner_text()
    expect(bars.first).to_have_attribute("title", re.compile(r"distance 0?\.?\d"))
    page.keyboard.press("ArrowDown")
    best = names(page)[1]
    expect(selected(page)).to_contain_text(best)
    page.keyboard.press("Enter")
    expect(page.locator(".row.query .name")).to_have_text(best)
    expect(page.locator("#trail li")).to_have_text(["“loop_amen”", "loop_amen.flac", best])
    page.go_back()
    expect(page.locator(".row.query .name")).to_have_text("loop_amen.flac")
    expect(selected(page)).to_contain_text(best)  # one finds oneself where one left
    page.go_forward()
    expect(page.locator(".row.query .name")).to_have_text(best)
    page.get_by_role("button", name="Back").click()
    expect(page.locator(".row.query .name")).to_have_text("loop_amen.flac")
    page.keyboard.press("Escape")
    expect(page.locator(".row.query")).to_have_count(0)
    expect(page.locator("#text")).to_have_value("loop_amen")
    expect(page.locator(".row")).to_have_count(2)


def test_a_search_can_be_linked_to(page: Page, served: str) -> None:
    page.goto(served)
    find(page, "loop_amen", 2)
    search_by(page, "loop_amen.flac")
    address = page.url + "&from=0.2&to=0.6&segments=1"
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#status")).to_contain_text("segments like loop_amen.flac at 0.20 – 0.60 s")
    expect(page.locator(".row .span").nth(1)).to_have_text(re.compile(r"\d – \d"))
    expect(page.get_by_label("Segments")).to_be_checked()
    page.get_by_role("button", name="Back").click()  # there is no page before this one to go back to
    expect(page.locator(".row.query")).to_have_count(0)
    assert page.url.rstrip("/").startswith(served)


def test_dragging_over_the_waveform_searches_by_that_region(page: Page, served: str) -> None:
    page.goto(served)
    find(page, "loop_amen full", 1)
    page.locator(".row .play").click()
    page.wait_for_function(PLAYS)
    drag(page, 0.25, 0.5)
    length_s = 6.857
    starts_at = page.get_by_label("Region starts at")
    expect(starts_at).to_be_visible()
    assert float(starts_at.input_value()) == pytest.approx(0.25 * length_s, abs=0.1)
    assert float(page.get_by_label("Region ends at").input_value()) == pytest.approx(0.5 * length_s, abs=0.1)
    page.wait_for_function("(from) => !audio.paused && audio.currentTime >= from", arg=0.24 * length_s)
    page.wait_for_function("() => audio.paused")  # it stops at the region's end
    assert page.evaluate("audio.currentTime") < 0.6 * length_s
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text(
        re.compile(r"like loop_amen_full.flac at 1\.\d\d – 3\.\d\d s")
    )
    expect(page).to_have_url(re.compile(r"like=[0-9a-f]{32}&from=1\.\d+&to=3\.\d+$"))
    page.get_by_text("Segments").click()
    expect(page.locator("#status")).to_contain_text("segments like")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#trail")).to_contain_text("loop_amen_full.flac 1.")


def test_escape_clears_the_region_before_the_query(page: Page, served: str) -> None:
    page.goto(served)
    find(page, "loop_amen", 2)
    search_by(page, "loop_amen.flac")
    drag(page, 0.2, 0.6)
    expect(page.get_by_label("Region starts at")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Region starts at")).to_be_hidden()
    expect(page.locator(".row.query")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".row.query")).to_have_count(0)


def test_a_dropped_file_is_searched_by(page: Page, served: str, sound_folder: Path) -> None:
    page.goto(served)
    expect(page.locator(".row").first).to_be_visible()
    file = sound_folder / "bass" / "bass_hit_c.flac"
    page.evaluate(DROP, [list(file.read_bytes()), "mine.flac"])
    assert page.evaluate("window.veil")
    expect(page.locator("#drop")).to_be_hidden()
    expect(page.locator(".row.query .name")).to_have_text("mine.flac")
    expect(page.locator(".row").nth(1)).to_contain_text("bass_hit_c.flac")
    expect(page.locator(".row").nth(1)).to_contain_text("same file")
    page.wait_for_function("() => audio.src.startsWith('blob:') && audio.currentTime > 0.02")
    drag(page, 0.1, 0.7)
    page.get_by_role("button", name="Search by this region").click()
    expect(page.locator("#status")).to_contain_text(re.compile(r"like mine\.flac at 0\.\d\d – 0\.\d\d s"))
    page.go_back()
    expect(page.locator("#status")).to_have_text(re.compile(r"like mine\.flac, best first"))
    page.reload()
    expect(page.locator("#problem")).to_contain_text("drop it again")


def test_a_file_is_chosen_with_the_button(page: Page, served: str, sound_folder: Path) -> None:
    page.goto(served)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Search by a file").click()
    chooser.value.set_files(sound_folder / "kicks" / "bd_haus.flac")
    expect(page.locator(".row").nth(1)).to_contain_text("same file")


def test_a_file_that_is_no_sound_is_answered_with_a_sentence(page: Page, served: str) -> None:
    page.goto(served)
    expect(page.locator(".row").first).to_be_visible()
    page.evaluate(DROP, [list(b"These are notes, not sound."), "notes.wav"])
    expect(page.get_by_role("alert")).to_contain_text("not audio that can be decoded")
    page.go_back()
    expect(page.locator(".row").first).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_missing_sound_says_so_and_can_still_be_searched_by(page: Page, served: str) -> None:
    page.goto(served)
    find(page, "lost", 1)
    row = page.locator(".row")
    expect(row).to_have_class(re.compile("missing"))
    expect(row).to_contain_text("file not found")
    expect(row.locator(".play")).to_be_disabled()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#dock .reason")).to_contain_text("not there when last looked: /")
    expect(page.locator("#dock .reason")).to_contain_text(LOST)
    assert page.evaluate("audio.paused")
    page.keyboard.press("Enter")
    expect(page.locator(".row.query")).to_be_visible()
    expect(page.locator(".row").nth(5)).to_be_visible()


def test_keys_that_help(page: Page, served: str) -> None:
    page.goto(served)
    expect(page.locator(".row").first).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("?/ ")  # while typing, keys are letters
    expect(page.locator("#text")).to_have_value("?/ ")
    page.keyboard.press("Escape")
    expect(page.locator("#text")).to_have_value("")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("move and play")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator(".row").nth(20)).to_be_attached()
    page.keyboard.press("End")
    expect(selected(page)).to_have_attribute("aria-rowindex", str(page.locator(".row").count()))
    page.keyboard.press("Home")
    expect(selected(page)).to_have_attribute("aria-rowindex", "1")


def test_the_path_can_be_copied(page: Page, served: str, sound_folder: Path) -> None:
    page.goto(served)
    find(page, "amen full", 1)
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Copy path").click()
    expect(page.locator("#toast")).to_have_text("Path copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == str(sound_folder / "loops" / "loop_amen_full.flac")


def test_files_that_could_not_be_used_are_told(page: Page, served: str) -> None:
    page.goto(served)
    page.get_by_role("button", name="1 file could not be used").click()
    expect(page.get_by_role("dialog")).to_contain_text("notes.wav")


def test_an_empty_library_says_what_to_run(page: Page, served_empty: str) -> None:
    page.goto(served_empty)
    expect(page.locator("#note")).to_contain_text("This library is empty")
    expect(page.locator("#note code")).to_have_text(re.compile(r"^soundalike index ~/samples --library /"))
    expect(page.locator("#filters")).to_be_hidden()


def test_a_server_that_is_gone_is_a_sentence(page: Page, served: str) -> None:
    page.goto(served)
    expect(page.locator(".row").first).to_be_visible()
    page.context.set_offline(True)
    page.fill("#text", "kick")
    expect(page.get_by_role("alert")).to_contain_text("Is “soundalike serve” still running?")


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (360, "dark"), (1600, "light"), (1600, "dark")]
)
def test_nothing_sticks_out_at_any_width(page: Page, served: str, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 760})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(served)
    find(page, "loop_amen", 2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".row.query")).to_be_visible()
    drag(page, 0.2, 0.6)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for part in ("#text", "#dock .play", "#dock .primary", ".large-wave", ".row .wave"):
        box = page.locator(part).first.bounding_box()
        assert box is not None, part
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= width + 0.5, part
    drawn = page.evaluate(
        """() => {
          const canvas = document.querySelector(".row canvas");
          const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          return pixels.some((value) => value > 0);
        }"""
    )
    assert drawn


def test_what_is_seen_is_also_said(page: Page, served: str) -> None:
    """Every control has a name, and the list is a grid with one stop for the Tab key."""
    page.goto(served)
    find(page, "loop_amen", 2)
    page.keyboard.press("ArrowDown")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, a")].filter((e) =>
          e.offsetParent && !e.ariaLabel && !e.innerText.trim() && !e.labels?.length && !e.title
        ).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("[role=grid] [tabindex='0']").count() == 1
    assert page.locator("[role=grid] > :not([role=row])").count() == 0
    expect(page.locator("#status")).to_have_attribute("aria-live", "polite")
