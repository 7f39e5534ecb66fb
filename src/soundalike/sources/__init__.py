"""Where sounds come from: folders, files, zip archives, addresses, open files; and the way to their bytes."""

from soundalike.sources.addresses import path_of_uri, uri_of_path
from soundalike.sources.choose import SOURCES, source_for
from soundalike.sources.item import Found, Item, Source, Unreadable
from soundalike.sources.limits import Limits
from soundalike.sources.names import SOUND_EXTENSIONS
from soundalike.sources.opening import OPENERS, open_item
from soundalike.sources.recall import is_gone, is_on_disk, item_of_uri

__all__ = [
    "OPENERS",
    "SOUND_EXTENSIONS",
    "SOURCES",
    "Found",
    "Item",
    "Limits",
    "Source",
    "Unreadable",
    "is_gone",
    "is_on_disk",
    "item_of_uri",
    "open_item",
    "path_of_uri",
    "source_for",
    "uri_of_path",
]
