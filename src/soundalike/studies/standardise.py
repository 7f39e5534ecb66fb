"""Fit the constants of the spectral encoder to a collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import SoundalikeError
from soundalike.encoders.fit import fit_spectral
from soundalike.encoders.spectral_config import SpectralConfig, save_config
from soundalike.sources import Item, open_item, source_for


def fit_spectral_to(places: Sequence[str | Path], out: Path) -> int:
    """Fit the spectral encoder's standardisation to sounds, and write it as an encoder of its own.

    Args:
        places: Folders, files or zip archives. Files that cannot be used are passed over.
        out: The ``.json`` file to write; ``load_encoder`` takes its path.

    Returns:
        How many recordings it was fitted to.

    Raises:
        InvalidInputError: Fewer than two recordings with sound in them.
    """
    config = SpectralConfig()
    count = [0]

    def recordings() -> Iterator[FloatArray]:
        for place in places:
            with source_for(place) as source:
                for item in source.scan():
                    samples = _samples(item, config.log_mel.rate_hz) if isinstance(item, Item) else None
                    if samples is not None:
                        count[0] += 1
                        yield samples

    fitted = fit_spectral(recordings(), config)
    save_config(fitted, out)
    return count[0]


def _samples(item: Item, rate_hz: int) -> FloatArray | None:
    try:
        with open_item(item) as file:
            return decode(file, rate_hz=rate_hz, name=item.name).samples
    except (SoundalikeError, OSError):
        return None
