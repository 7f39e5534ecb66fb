"""Who takes part in an evaluation: the encoders that were asked for, and beside them what they must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soundalike.core.errors import EncoderError
from soundalike.encoders import Encoder, encoder_names, load_encoder
from soundalike.encoders.onnx import OnnxEncoder
from soundalike.studies.baselines import LogMelMean, MfccStatistics
from soundalike.studies.untrained import untrained_copy

TEACHERS = ("efficientat-mn04", "efficientat-mn10")
"""Published encoders that are shown beside the others where they are installed."""


@dataclass(frozen=True, slots=True)
class Contender:
    """An encoder under the name that it has in a report.

    Attributes:
        label: Its name in the report, unique there.
        encoder: What listens.
        role: What it is there for: ``"asked for"``, ``"baseline"``, ``"untrained copy"``, ``"beside"``.
        standardise: Whether each dimension is brought to mean 0 and deviation 1 over all sounds of a task
            before vectors are compared: customary for statistics in unlike units, and done without labels.
        note: What a report should say of it, if anything: why it has no untrained copy beside it.
    """

    label: str
    encoder: Encoder
    role: str = "asked for"
    standardise: bool = False
    note: str = ""


def contenders(
    asked: Sequence[str | Path | Encoder], *, beside: Sequence[str | Path | Encoder] = (), seed: int = 0
) -> list[Contender]:
    """Put the field together: what was asked for, an untrained copy of each network, and the baselines.

    Args:
        asked: Encoders, or their names or paths.
        beside: More encoders to compare with, such as a teacher. Those of ``TEACHERS`` that are installed
            take part in any case.
        seed: Of the untrained copies.

    Returns:
        Contenders in the order of the report, each encoder once.

    Raises:
        NotFoundError: No encoder of that name or path.
        EncoderError: It cannot be loaded.

    Example:
        >>> [contender.label for contender in contenders(["spectral"])]
        ['spectral', 'mfcc-statistics', 'log-mel-mean']
    """
    field = _Field()
    for given in asked:
        field.add(*_loaded(given), role="asked for")
    for at, member in enumerate(list(field.members)):
        if not isinstance(member.encoder, OnnxEncoder):
            continue
        try:
            copy = untrained_copy(member.encoder, seed)
        except EncoderError as error:  # a quantised network, say: it is evaluated without
            field.members[at] = replace(member, note=f"No untrained copy stands beside it: {error}")
        else:
            field.add(copy, role="untrained copy")
    installed = set(encoder_names())
    for given in [*beside, *(name for name in TEACHERS if name in installed)]:
        field.add(*_loaded(given), role="beside")
    field.add(load_encoder("spectral"), role="baseline")
    field.add(MfccStatistics(), role="baseline", standardise=True)
    field.add(LogMelMean(), role="baseline", standardise=True)
    return field.members


class _Field:
    """Contenders so far, each under a label of its own."""

    def __init__(self) -> None:
        self.members: list[Contender] = []

    def add(self, encoder: Encoder, origin: str = "", *, role: str, standardise: bool = False) -> None:
        """Take one in, unless it is there already.

        Args:
            encoder: What listens.
            origin: What tells it from another of the same name.
            role: See :class:`Contender`.
            standardise: See :class:`Contender`.
        """
        known = {member.encoder.spec.fingerprint for member in self.members}
        if encoder.spec.fingerprint in known:
            return
        labels = {member.label for member in self.members}
        label = encoder.spec.name
        if label in labels and origin:
            label = f"{label} ({origin})"
        number = 2
        while label in labels:
            label, number = f"{encoder.spec.name} ({number})", number + 1
        self.members.append(Contender(label, encoder, role, standardise))


def _loaded(given: str | Path | Encoder) -> tuple[Encoder, str]:
    """An encoder, and what its file is called, or its folder where all files are called alike."""
    if isinstance(given, Encoder):
        return given, ""
    path = Path(given)
    return load_encoder(given), path.parent.name if path.stem == "encoder" else path.stem
