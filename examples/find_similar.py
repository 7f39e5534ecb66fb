"""Find the bundled sounds that sound most like one of them: ``python examples/find_similar.py``."""

import tempfile

import soundalike
from soundalike.library import demo_sounds


def main() -> None:
    """Index the bundled sounds in a temporary library and search it by one of them."""
    with tempfile.TemporaryDirectory() as folder:
        library = soundalike.Library.open(f"{folder}/library")
        print(library.add(demo_sounds()))
        snare = next(sound for sound in library.sounds() if "snare" in sound.name)
        print(f"\nWhat sounds like {snare.name}?")
        for hit in library.search(snare, limit=5):
            print(f"{hit.rank}. {hit.sound.name:40} distance {hit.distance:.3f}, score {hit.score:.2f}")


if __name__ == "__main__":
    main()
