"""The committed build belongs to the committed sources, and is what those sources build to."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel

from soundalike.web import models
from soundalike.web.page import STATIC_FOLDER

FRONTEND = Path(__file__).parents[2] / "frontend"
NOT_BUILT_FROM = {"node_modules", ".vite"}


@pytest.fixture
def frontend() -> Path:
    if not FRONTEND.is_dir():
        pytest.skip("the front end's sources come with a checkout, not with an installed package")
    return FRONTEND


def source_hashes(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    relative = {path.relative_to(folder): path for path in files}
    return {
        name.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in relative.items()
        if not NOT_BUILT_FROM & set(name.parts) and name.suffix != ".md"
    }


def test_the_build_was_made_from_these_sources(frontend: Path) -> None:
    recorded = json.loads((STATIC_FOLDER / "build.json").read_text())["sources"]
    assert recorded == source_hashes(frontend), "run: cd frontend && npm ci && npm run build"


def test_the_page_names_only_files_that_are_served(client: httpx.Client) -> None:
    page = client.get("/").text
    addresses = set(re.findall(r'(?:src|href)="(/[^"]+)"', page))
    assert {"/assets/app.js", "/assets/index.css", "/favicon.svg"} <= addresses
    for address in addresses:
        assert client.get(address).status_code == 200, address


def test_the_page_asks_nothing_of_other_sites() -> None:
    for path in STATIC_FOLDER.rglob("*"):
        if path.suffix in {".html", ".js", ".css"}:
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}", text), path


def test_the_page_asks_for_its_files_again_only_when_they_change(client: httpx.Client) -> None:
    first = client.get("/assets/app.js")
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["content-type"].startswith("text/javascript")
    again = client.get("/assets/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_licence_of_what_is_bundled_is_included() -> None:
    text = (STATIC_FOLDER / "assets" / "licenses.txt").read_text()
    assert "wavesurfer.js" in text
    assert "Redistributions in binary form must reproduce the above copyright" in text


def test_the_page_and_the_server_mean_the_same_shapes(frontend: Path) -> None:
    text = (frontend / "src" / "api" / "types.ts").read_text()
    page = {
        name: set(re.findall(r"^  (\w+):", body, re.MULTILINE))
        for name, body in re.findall(r"^export interface (\w+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    }
    server = {
        name: set(model.model_fields)
        for name, model in vars(models).items()
        if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel
    }
    del server["VectorQuery"]  # for scripts: the page never sends one
    assert page == server


@pytest.mark.node
@pytest.mark.slow
def test_building_again_gives_the_same_bytes(frontend: Path, tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        message = "npm is not here"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    copy = tmp_path / "frontend"
    shutil.copytree(frontend, copy, ignore=shutil.ignore_patterns(*NOT_BUILT_FROM))
    environment = {**os.environ, "SOUNDALIKE_STATIC": str(tmp_path / "static")}
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert tree(tmp_path / "static") == tree(STATIC_FOLDER)


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
