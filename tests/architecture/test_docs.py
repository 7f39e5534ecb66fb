"""Docs cannot drift: the reference is generated, links lead somewhere, examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import soundalike

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_command_line_says() -> None:
    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert written == load_script("make_reference").reference(), "run: python scripts/make_reference.py"


def test_every_verb_is_in_the_reference() -> None:
    from soundalike.cli.app import app

    verbs = [command.name for command in app.registered_commands] + [g.name for g in app.registered_groups]
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert len(verbs) >= 12
    for verb in verbs:
        assert f"## soundalike {verb}\n" in reference


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def modules() -> list[str]:
    found = pkgutil.walk_packages(soundalike.__path__, "soundalike.")
    return ["soundalike", *(m.name for m in found if not m.name.endswith("__main__"))]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert failed == 0


def test_the_architecture_page_shows_the_same_table() -> None:
    spec = importlib.util.spec_from_file_location("table", Path(__file__).with_name("test_imports.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown: dict[str, set[str]] = {}
    for rooms, may in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| .* \| (.*) \|$", page, re.MULTILINE):
        for room in re.findall(r"`(\w+)`", rooms):
            shown[room] = set(re.findall(r"`(\w+)`", may))
    table = module.MAY_IMPORT
    for room in set(table) - {"library", "studies"}:  # these two are shown as "all but"
        assert shown.get(room) == table[room], room
    assert shown["library"] == module.ALL - table["library"] - {"library", "studies", "cli", "web"}
    assert shown["studies"] == module.ALL - table["studies"] - {"studies"}
