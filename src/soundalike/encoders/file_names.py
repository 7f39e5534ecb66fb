"""The names that encoders and their files may have: a manifest speaks of files in its own folder only."""

from __future__ import annotations

import re

from soundalike.core.errors import InvalidInputError

FOLDER_FILE = "encoder.json"
"""The JSON file that is looked for where a folder is given."""

_LONGEST_FILE_NAME, _LONGEST_NAME = 200, 64


def is_encoder_name(name: str) -> bool:
    """Tell whether an encoder can be called so.

    Example:
        >>> is_encoder_name("ear-2"), is_encoder_name("../ear")
        (True, False)
    """
    return re.fullmatch(rf"[a-z0-9][a-z0-9-]{{0,{_LONGEST_NAME - 1}}}", name) is not None


def check_name(name: str) -> None:
    """Raise InvalidInputError where an encoder cannot be called so."""
    if not is_encoder_name(name):
        raise InvalidInputError(
            f"An encoder's name takes up to {_LONGEST_NAME} lower-case letters, digits and hyphens, "
            f"not a hyphen first; got {name[:100]!r}."
        )


def check_file_name(field: str, name: str) -> None:
    """Hold a manifest to its own folder.

    Args:
        field: Where the name stands, for messages.
        name: What the manifest says.

    Raises:
        InvalidInputError: It is a path, absolute or not, or is taken by the manifest itself.

    Example:
        >>> check_file_name("file", "model.onnx")
    """
    strange = name in ("", ".", "..", FOLDER_FILE) or len(name) > _LONGEST_FILE_NAME
    if strange or re.search(r"[/\\:\x00-\x1f]", name):
        raise InvalidInputError(
            f"{field} is the name of a file in the manifest's own folder; got {name[:_LONGEST_FILE_NAME]!r}."
        )


def check_sha256(field: str, digest: str) -> None:
    """Raise InvalidInputError where a text is not a SHA-256 in lower-case hexadecimal digits."""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InvalidInputError(f"{field} has 64 hexadecimal digits in lower case; got {digest[:100]!r}.")
