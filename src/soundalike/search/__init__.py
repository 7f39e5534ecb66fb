"""A query to ranked hits: by file, sound, region or vector, among the sounds that pass filters."""

from soundalike.search.calibration import Calibration, calibrate
from soundalike.search.catalogue import Catalogue
from soundalike.search.filters import Filters
from soundalike.search.listen import content_id, listen
from soundalike.search.results import Hit, Sound
from soundalike.search.searcher import Searcher

__all__ = [
    "Calibration",
    "Catalogue",
    "Filters",
    "Hit",
    "Searcher",
    "Sound",
    "calibrate",
    "content_id",
    "listen",
]
