"""Search with a vector made of several sounds: ``python examples/arithmetic_on_vectors.py``."""

import tempfile

import numpy as np

import soundalike
from soundalike.library import demo_sounds


def main() -> None:
    """Look for what lies between the cymbals and the snares of the bundled sounds."""
    with tempfile.TemporaryDirectory() as folder:
        library = soundalike.Library.open(f"{folder}/library")
        library.add(demo_sounds())
        names, vectors = library.vectors()
        cymbals = vectors[["cymbal" in name for name in names]].mean(axis=0)
        snares = vectors[["snare" in name for name in names]].mean(axis=0)
        print(f"{len(names)} sounds, vectors of {vectors.shape[1]} dimensions")
        print(f"distance of cymbals and snares: {1 - cosine(cymbals, snares):.3f}")
        for hit in library.search_vector(cymbals + snares, limit=5):
            print(f"{hit.rank}. {hit.sound.name:40} distance {hit.distance:.3f}")


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two vectors of shape ``(D,)``."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


if __name__ == "__main__":
    main()
