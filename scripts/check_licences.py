"""Check that everything that the base install of soundalike brings along has a licence that it may have.

Walks the installed distributions from soundalike on, extras left out, and reads their licences: the SPDX
expression (PEP 639) where there is one, else the trove classifiers, else the old free-text field. Permissive
licences and the LGPL pass; what else is let through is named below with the reason. Run it in the environment
that is to be checked::

    python scripts/check_licences.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

ROOT = "soundalike"

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC",
    "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MIT-CMU",
    "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
}  # fmt: skip
"""SPDX identifiers that pass."""

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
"""What the classifiers behind ``License :: OSI Approved ::`` mean."""

FREE_TEXTS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "isc license": "ISC",
    "mit license": "MIT",
}
"""What is written in the old licence field, in lower case, where it is not an SPDX expression."""

EXCEPTIONS = {
    "certifi": ("MPL-2.0", "A list of certificates that httpx needs; used unchanged, as a file."),
    "tqdm": ("MPL-2.0 AND MIT", "Brought in by lancedb; used unchanged, as a library."),
}
"""Distributions that are let through all the same, as long as they carry this licence, and why."""

NOTES = {
    "av": (
        "Its own code is BSD-3-Clause. Its wheels hold FFmpeg, which reports LGPL version 3 or later but is "
        "linked with libx264 and libx265, which are GPL-2.0-or-later. soundalike does not ship them; whoever "
        "passes on an installed environment passes them on too, under the GPL's terms."
    ),
}
"""What the metadata of a distribution does not say."""


@dataclass(frozen=True)
class Finding:
    """One distribution and what was found of its licence.

    Attributes:
        name: Normalised name of the distribution.
        version: Its version.
        licence: SPDX expression, or what stands in its place.
        fault: Why it does not pass, None where it does.
    """

    name: str
    version: str
    licence: str
    fault: str | None


def normalised(name: str) -> str:
    """Write a distribution's name the way that indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def runtime_distributions(root: str = ROOT) -> list[Distribution]:
    """List the installed distributions that a base install of ``root`` brings, itself left out, by name.

    Raises:
        PackageNotFoundError: ``root`` or something that it requires here is not installed.
    """
    found: dict[str, Distribution] = {}
    waiting: list[tuple[str, frozenset[str]]] = [(root, frozenset())]
    walked: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (normalised(name), extras) in walked:
            continue
        walked.add((normalised(name), extras))
        found[normalised(name)] = dist = distribution(name)
        for text in dist.requires or []:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""})):
                waiting.append((requirement.name, frozenset(requirement.extras)))
    del found[normalised(root)]
    return [found[name] for name in sorted(found)]


def licence_of(dist: Distribution) -> str:
    """Say what licence a distribution's metadata gives, as an SPDX expression where that can be told."""
    metadata = dist.metadata
    expressions = metadata.get_all("License-Expression") or []
    if expressions:
        return str(expressions[0])
    text = (metadata.get_all("License") or [""])[0].strip()
    if _identifiers(text) <= ALLOWED | {"MPL-2.0"}:
        return str(text)
    names = [
        c.rpartition(" :: ")[2]
        for c in metadata.get_all("Classifier") or []
        if c.startswith("License :: OSI Approved :: ")
    ]
    if names:
        return " AND ".join(sorted({CLASSIFIERS.get(name, name) for name in names}))
    return FREE_TEXTS.get(text.lower(), text.splitlines()[0] if text else "none given")


def check(distributions: Iterable[Distribution]) -> list[Finding]:
    """Judge every distribution."""
    findings = []
    for dist in distributions:
        name = normalised(dist.metadata["Name"])
        licence = licence_of(dist)
        excepted = EXCEPTIONS.get(name)
        fault = None
        if not passes(licence) and not (excepted and excepted[0] == licence):
            fault = f"{name} {dist.version} has the licence {licence!r}, which is not among those allowed"
        findings.append(Finding(name, dist.version, licence, fault))
    return findings


def passes(licence: str) -> bool:
    """Whether an expression may be met by allowed licences alone: any side of an OR, every side of an AND.

    Example:
        >>> passes("GPL-3.0-only OR MIT"), passes("GPL-3.0-only AND MIT")
        (True, False)
    """
    alternatives = re.split(r"\s+OR\s+", licence.replace("(", " ").replace(")", " "))
    if "(" in licence and len(alternatives) > 1:
        return _identifiers(licence) <= ALLOWED  # brackets decide what OR means; be strict
    return any(_identifiers(alternative) <= ALLOWED for alternative in alternatives)


def _identifiers(expression: str) -> set[str]:
    return {part.strip(" ()") for part in re.split(r"\s+(?:AND|OR)\s+", expression)}


def main() -> int:
    """Print what was found; give the exit status."""
    try:
        findings = check(runtime_distributions())
    except PackageNotFoundError as error:
        print(f"not installed: {error}", file=sys.stderr)
        return 2
    for finding in findings:
        remark = EXCEPTIONS.get(finding.name, ("", ""))[1] or NOTES.get(finding.name, "")
        print(f"{finding.name:32} {finding.version:14} {finding.licence}{'  # ' + remark if remark else ''}")
    faults = [finding.fault for finding in findings if finding.fault]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
