"""From files to rows, in one process: what one file's failure may cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError
from soundalike.encoders.spectral import SpectralEncoder
from soundalike.encoders.spectral_config import default_config
from soundalike.ingest import analyse
from soundalike.ingest.analyse import Analyst
from soundalike.sources import Item, source_for

WriteTone = Callable[..., Path]


class PickyEncoder(SpectralEncoder):
    """Fails at every batch that holds something loud, as a model does that overflows."""

    def encode_at(self, samples: FloatArray, starts: IntArray, lengths: IntArray) -> FloatArray:
        if np.abs(samples).max() > 0.9:
            raise EncoderError("picky gave a vector with values that are NaN or infinite.")
        return super().encode_at(samples, starts, lengths)


def items(folder: Path) -> list[Item]:
    return [found for found in source_for(folder).scan() if isinstance(found, Item)]


@pytest.mark.parametrize("batch_segments", [1, 512])
def test_a_sound_that_the_encoder_fails_at_costs_itself_only(
    write_tone: WriteTone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_segments: int
) -> None:
    monkeypatch.setattr(analyse, "_BATCH_SEGMENTS", batch_segments)
    folder = tmp_path / "sounds"
    for name in ("1", "2", "4"):
        write_tone(folder / f"{name}.wav", 200.0 * int(name), 1.5)
    alone = Analyst(SpectralEncoder(default_config())).analyse(items(folder))
    loud = write_tone(folder / "3.wav", 300.0, 1.5, gain=1.0)
    (folder / "5.wav").write_bytes(loud.read_bytes())
    analyst = Analyst(PickyEncoder(default_config()))
    rows = analyst.analyse(items(folder))
    found = {row["name"]: (row["sound_id"], row["error"]) for row in rows.files.to_pylist()}
    for name in ("3.wav", "5.wav"):
        assert found[name] == (None, "picky gave a vector with values that are NaN or infinite.")
    assert [error for name, (_, error) in found.items() if name not in ("3.wav", "5.wav")] == [None] * 3
    assert rows.vectors.equals(alone.vectors)
    assert rows.sounds.column("sound_id").to_pylist() == alone.sounds.column("sound_id").to_pylist()
    # It is not taken for known afterwards: asked again, it fails again.
    again = analyst.analyse([item for item in items(folder) if item.name == "3.wav"])
    assert again.files.column("error").null_count == 0
