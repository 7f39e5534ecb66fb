from __future__ import annotations

from importlib.metadata import Distribution, distribution
from pathlib import Path
from types import ModuleType

import pytest


def made_up(folder: Path, name: str, *headers: str) -> Distribution:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *headers])
    )
    return Distribution.at(info)


def test_every_runtime_dependency_has_a_licence_that_passes(check_licences: ModuleType) -> None:
    found = check_licences.check(check_licences.runtime_distributions())
    assert [finding.fault for finding in found if finding.fault] == []
    names = {finding.name for finding in found}
    assert {"av", "httpx", "numpy", "h11", "certifi"} <= names  # h11 and certifi are two steps away
    assert "soundalike" not in names


def test_extras_are_not_walked(check_licences: ModuleType) -> None:
    names = {dist.metadata["Name"] for dist in check_licences.runtime_distributions()}
    assert any("extra == 'dev'" in text for text in distribution("soundalike").requires or [])
    assert not {"pytest", "hypothesis", "ruff", "torch"} & names


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        (["License-Expression: MIT"], "MIT"),
        (["License: Apache 2.0"], "Apache-2.0"),
        (["License: any text", "Classifier: License :: OSI Approved :: ISC License (ISCL)"], "ISC"),
        (["License-Expression: GPL-3.0-only", "License: MIT"], "GPL-3.0-only"),
        ([], "none given"),
    ],
)
def test_licences_are_read_from_all_three_places(
    check_licences: ModuleType, tmp_path: Path, headers: list[str], licence: str
) -> None:
    assert check_licences.licence_of(made_up(tmp_path, "thing", *headers)) == licence


@pytest.mark.parametrize(
    "header",
    [
        "License-Expression: GPL-3.0-or-later",
        "License-Expression: MIT AND AGPL-3.0-only",
        "License: Proprietary",
        "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
        "Summary: no licence at all",
    ],
)
def test_another_licence_fails_and_names_the_package(
    check_licences: ModuleType, tmp_path: Path, header: str
) -> None:
    (finding,) = check_licences.check([made_up(tmp_path, "thing", header)])
    assert finding.fault is not None
    assert "thing 1.0" in finding.fault


def test_an_exception_holds_for_its_own_licence_only(check_licences: ModuleType, tmp_path: Path) -> None:
    (finding,) = check_licences.check([made_up(tmp_path, "certifi", "License-Expression: GPL-2.0-only")])
    assert finding.fault is not None


@pytest.mark.parametrize(
    ("expression", "passes"),
    [
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND BSD-3-Clause", True),
        ("LGPL-3.0-or-later", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR GPL-3.0-only) AND GPL-2.0-only", False),
    ],
)
def test_expressions(check_licences: ModuleType, expression: str, passes: bool) -> None:
    assert check_licences.passes(expression) is passes
