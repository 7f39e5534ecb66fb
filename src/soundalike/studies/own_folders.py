"""A library's own folders as a task: are sounds of the same folder or pack found?"""

from __future__ import annotations

from collections.abc import Sequence

from soundalike.core.errors import SourceError
from soundalike.library import Library, Sound
from soundalike.sources import Item, item_of_uri
from soundalike.studies.tasks import LabelTask, LeftOut


def library_task(library: Library) -> LabelTask:
    """Take as a sound's label the folder that it lies in, directly below the place that was added.

    Args:
        library: An open library. Sounds that lie in such a place directly have its name as their label; those
            that are missing, or came from a download or an open file, take no part.

    Returns:
        The task, named ``library``.

    Raises:
        InvalidInputError: Fewer than two folders hold two sounds each.
    """
    roots = sorted(library.info().roots, key=len, reverse=True)  # the innermost of nested places first
    items: list[Item] = []
    labels: list[str] = []
    left_out: list[LeftOut] = []
    for sound in library.sounds():
        try:
            items.append(item_of_uri(sound.path))
        except SourceError as error:
            left_out.append(LeftOut(sound.path, str(error)))
        else:
            labels.append(_label(sound, roots))
    return LabelTask(
        "library",
        f"Are sounds of the same folder of the library {library.path.name} found?",
        tuple(items),
        tuple(labels),
        left_out=tuple(left_out),
    )


def _label(sound: Sound, roots: Sequence[str]) -> str:
    for root in roots:
        inside = sound.path.removeprefix(root)
        if inside != sound.path and inside.startswith(("/", "\\", "!/")):
            parts = inside.replace("\\", "/").lstrip("!/").split("/")
            name = root.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
            return parts[0] if len(parts) > 1 else name
    return sound.path.replace("\\", "/").rsplit("/", 2)[-2] if "/" in sound.path else sound.path
