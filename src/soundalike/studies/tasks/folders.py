"""Any folder of folders as a task: a sound's label is the folder that it lies in."""

from __future__ import annotations

from pathlib import Path

from soundalike.studies.tasks.labels import LabelTask
from soundalike.studies.tasks.scan import LeftOut, content_keys, folder_of, scan_folder


def create(folder: Path) -> LabelTask:
    """Take the folders directly below a folder as labels, with everything that lies in them.

    Files of the query's own bytes are neither hits nor misses: to find those is no art.

    Args:
        folder: The folder of folders. Sounds that lie in it directly have no label and take no part.

    Raises:
        InvalidInputError: Fewer than two of its folders hold two sounds.
    """
    scanned = scan_folder(folder)
    labelled = [(item, label) for item in scanned.items if (label := folder_of(item)) is not None]
    bare = [
        LeftOut(item.uri, "It lies in no folder of its own, so it has no label.")
        for item in scanned.items
        if folder_of(item) is None
    ]
    return LabelTask(
        "folders",
        f"Are sounds of the same folder of {folder.name} found?",
        tuple(item for item, _ in labelled),
        tuple(label for _, label in labelled),
        exclude=tuple(content_keys([item for item, _ in labelled])),
        left_out=(*scanned.left_out, *bare),
    )
