"""Deformations by name, as a recipe or a plug-in names them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from soundalike.audio.deform.base import Deformation
from soundalike.audio.deform.combine import DeformationMix
from soundalike.core.errors import InvalidInputError
from soundalike.core.registry import Registry

DEFORMATIONS: Registry[type[Deformation]] = Registry(
    "deformation",
    "soundalike.deformations",
    {
        "pitch_up": "soundalike.audio.deform.pitch:PitchUp",
        "pitch_down": "soundalike.audio.deform.pitch:PitchDown",
        "stretch": "soundalike.audio.deform.stretch:Stretch",
        "compress": "soundalike.audio.deform.stretch:Compress",
        "noise": "soundalike.audio.deform.noise:Noise",
        "mix": "soundalike.audio.deform.mixing:Mix",
        "gain": "soundalike.audio.deform.gain:Gain",
        "filter": "soundalike.audio.deform.spectrum:Filter",
        "crop": "soundalike.audio.deform.crop:Crop",
        "unchanged": "soundalike.audio.deform.combine:Unchanged",
    },
)
"""Every deformation by name; plug-ins add theirs by the entry-point group ``soundalike.deformations``."""


def deformation_from(name: str, parameters: Mapping[str, Any] | None = None) -> Deformation:
    """Make a deformation from its name and its settings, as a recipe file holds them.

    Args:
        name: One of :data:`DEFORMATIONS`.
        parameters: Settings by name; those that are left out keep their defaults.

    Returns:
        The deformation.

    Raises:
        NotFoundError: There is no such deformation.
        InvalidInputError: It has no such setting, or a value is not what was expected.

    Example:
        >>> deformation_from("gain", {"highest_db": 6.0})
        Gain(lowest_db=-12.0, highest_db=6.0)
    """
    kind = DEFORMATIONS.load(name)
    known = list(inspect.signature(kind).parameters)
    given = {
        key: tuple(value) if isinstance(value, list) else value for key, value in (parameters or {}).items()
    }
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InvalidInputError(
            f"The deformation {name!r} has no setting {unknown[0]!r}; it has: {', '.join(known) or 'none'}."
        )
    try:
        return kind(**given)
    except TypeError as error:
        raise InvalidInputError(
            f"A setting of the deformation {name!r} is of the wrong type: {error}."
        ) from error


def deformation_mix_from(entries: Sequence[Mapping[str, Any]]) -> DeformationMix:
    """Make a mix of deformations from a list of tables, as a recipe file holds it.

    Args:
        entries: For each deformation its ``kind``, perhaps its ``weight`` (1 where left out), and its
            settings.

    Returns:
        The mix.

    Raises:
        NotFoundError: There is no deformation of that kind.
        InvalidInputError: An entry has no kind, or a setting that is not what was expected.

    Example:
        >>> deformation_mix_from([{"kind": "gain", "weight": 2}, {"kind": "mix", "lowest_snr_db": 5.0}])
        DeformationMix(choices=((Gain(lowest_db=-12.0, highest_db=12.0), 2.0), (Mix(lowest_snr_db=5.0, \
highest_snr_db=15.0), 1.0)))
    """
    choices = []
    for entry in entries:
        settings = dict(entry)
        kind, weight = settings.pop("kind", None), settings.pop("weight", 1.0)
        if not isinstance(kind, str) or isinstance(weight, bool) or not isinstance(weight, int | float):
            raise InvalidInputError(
                f"A deformation has a kind, one of {', '.join(DEFORMATIONS)}, and perhaps a weight; "
                f"got {dict(entry)}."
            )
        choices.append((deformation_from(kind, settings), float(weight)))
    return DeformationMix(tuple(choices))


def default_deformations() -> DeformationMix:
    """Every deformation with its default settings, each equally likely.

    Source: Jansen et al. 2018, section 3.2, and Vinyard, *Cochlea*: the kinds; the ranges are this project's.
    """
    return deformation_mix_from([{"kind": name} for name in _DEFAULT_KINDS])


_DEFAULT_KINDS = ("pitch_up", "pitch_down", "stretch", "compress", "noise", "mix", "gain", "filter", "crop")
