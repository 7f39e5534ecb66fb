"""What an encoder that ships by default must reach, held against what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.results import Table

ESC10_AT_LEAST, ESC10_AIM = 0.70, 0.85
COPIES_AT_LEAST = 0.95
COPIES = ("+12 dB", "-12 dB", "MP3 64 kbit/s", "Opus 64 kbit/s", "trimmed", "noise at 20 dB")
ABOVE_OTHERS = ("philharmonia-instrument", "fsdd-digit", "fsdd-speaker")


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one encoder.

    Attributes:
        label: Its name in the report.
        map: Mean average precision, by task.
        found_first: Share of copies found first, by kind.
        hours_per_hour: Hours of audio per hour of one thread.
    """

    label: str
    map: Mapping[str, float]
    found_first: Mapping[str, float]
    hours_per_hour: float


def against_targets(
    one: Measured, teacher: Measured | None, baseline: Measured, last_layer: Measured | None = None
) -> Table:
    """Hold an encoder against the targets.

    Args:
        one: Whose figures.
        teacher: The teacher's figures, None where it did not take part.
        baseline: Those of MFCC statistics.
        last_layer: Those of the teacher's last layer alone; its own where that took no part.
    """
    last_layer = last_layer or teacher
    table = Table(f"{one.label} against the targets", ["what", "wanted", "measured", "met"])

    def row(what: str, wanted: str, value: float | None, least: float | None, *, above: bool = False) -> None:
        if value is None:
            table.rows.append([what, wanted, "-", "-"])
            return
        met = "-" if least is None else "yes" if (value > least if above else value >= least) else "no"
        figure = f"{value:,.0f}" if value > 10 else f"{value:.3f}"
        table.rows.append([what, wanted, figure, met])

    aim = f"at least {ESC10_AT_LEAST}, aim {ESC10_AIM}"
    row("ESC-10, mean average precision", aim, one.map.get("esc10"), ESC10_AT_LEAST)
    for task in ABOVE_OTHERS:
        others = {"MFCC statistics": baseline.map.get(task)}
        others |= {"the teacher's last layer": last_layer.map.get(task)} if last_layer else {}
        known = {name: value for name, value in others.items() if value is not None}
        wanted = "above " + " and ".join(f"{name} ({value:.3f})" for name, value in known.items())
        least = max(known.values()) if known and last_layer else None
        row(f"{task}, mean average precision", wanted, one.map.get(task), least, above=True)
    for kind in COPIES:
        row(f"copies found first: {kind}", f"at least {COPIES_AT_LEAST}", one.found_first.get(kind),
            COPIES_AT_LEAST)  # fmt: skip
    if teacher is not None:
        wanted = f"at least the teacher's {teacher.hours_per_hour:,.0f}, aim twice"
        row("hours of audio per hour", wanted, one.hours_per_hour, teacher.hours_per_hour)
    return table
