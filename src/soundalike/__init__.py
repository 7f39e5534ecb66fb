"""soundalike: a sound search engine that you own.

::

    import soundalike
    library = soundalike.Library.open("my-library")
    library.add("~/samples")
    for hit in library.search("kick.wav"):
        print(hit.rank, hit.sound.path, hit.score)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundalike.library import Embedded, Filters, Hit, Library, Limits, Report, Sound, embed

__version__ = "0.1.0.dev0"

__all__ = ["Embedded", "Filters", "Hit", "Library", "Limits", "Report", "Sound", "__version__", "embed"]


def __getattr__(name: str) -> Any:
    """Import the library when one of its names is first used: a worker process needs only a part of it."""
    if name in __all__:
        from soundalike import library  # noqa: PLC0415 (lazy, see above)

        return getattr(library, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
