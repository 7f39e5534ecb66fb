"""The import table of docs/architecture.md, held against every import in the source, nested ones too."""

import ast
import re
from pathlib import Path

import pytest

import soundalike

PACKAGE = Path(soundalike.__file__).parent

ALL = {
    "core", "sources", "audio", "features", "graph", "encoders", "synthesis", "training", "index", "storage",
    "ingest", "search", "projection", "evaluation", "library", "studies", "cli", "web",
}  # fmt: skip
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "sources": {"core"},
    "audio": {"core"},
    "features": {"core"},
    "storage": {"core"},
    "graph": {"core", "storage"},
    "encoders": {"core", "audio", "features"},
    "index": {"core"},
    "projection": {"core"},
    "evaluation": {"core"},
    "synthesis": {"core", "audio", "features"},
    "training": {"core", "audio", "features", "encoders", "synthesis", "evaluation"},
    "ingest": {"core", "sources", "audio", "features", "graph", "encoders", "storage"},
    "search": {"core", "audio", "features", "graph", "encoders", "index", "storage", "synthesis"},
    "library": ALL - {"library", "training", "evaluation", "studies", "cli", "web"},
    "studies": ALL - {"studies", "cli", "web"},
    "cli": {"core", "library", "studies", "web"},
    "web": {"core", "library", "studies"},
}
REGISTRY_ADDRESS = re.compile(r"^(soundalike(?:\.\w+)*):[\w.]+$")
# The face of the package, and what starts it: neither belongs to a room.
FRONT_DOOR = {"__init__", "__main__"}


def rooms_imported(path: Path) -> set[tuple[str, int]]:
    """Every soundalike package that a file names: by import statement or by registry address."""
    found: set[tuple[str, int]] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                package = ["soundalike", *path.relative_to(PACKAGE).parts[:-1]]
                base = ".".join(package[: len(package) - node.level + 1])
                module = f"{base}.{node.module}" if node.module else base
            else:
                module = node.module or ""
            modules = [module, *(f"{module}.{alias.name}" for alias in node.names if module == "soundalike")]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = REGISTRY_ADDRESS.match(node.value)
            modules = [match.group(1)] if match else []
        for module in modules:
            parts = module.split(".")
            if parts[0] == "soundalike" and len(parts) > 1:
                found.add((parts[1], getattr(node, "lineno", 0)))
    return found


def source_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", source_files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_follow_the_table(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in FRONT_DOOR:
        return
    assert room in MAY_IMPORT, f"{room} is not a room of the house: add it to the table and the picture"
    for imported, line in sorted(rooms_imported(path)):
        if imported in ALL and imported != room:
            assert imported in MAY_IMPORT[room], f"{path}:{line}: {room} may not import {imported}"


def test_only_training_imports_torch() -> None:
    for path in source_files():
        room = path.relative_to(PACKAGE).parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "torch" for name in names):
                assert room == "training", f"{path}: torch is imported in training only"


def test_the_table_has_no_cycle() -> None:
    done: set[str] = set()
    while len(done) < len(ALL):
        ready = {room for room in ALL - done if MAY_IMPORT[room] <= done}
        assert ready, f"a cycle among {sorted(ALL - done)}"
        done |= ready


def test_a_forbidden_import_would_be_seen(tmp_path: Path) -> None:
    code = tmp_path / "module.py"
    code.write_text("def f():\n    from soundalike import library\n    return 'soundalike.cli:main'\n")
    assert {room for room, _ in rooms_imported(code)} == {"library", "cli"}
