"""The Python API of a library: add, search, vectors."""

from soundalike.encoders import (
    DEFAULT_ENCODER,
    ENCODERS_VARIABLE,
    ListedEncoder,
    add_encoder,
    describe_encoder,
    encoder_names,
    list_encoders,
    load_encoder,
    remove_encoder,
)
from soundalike.ingest import Failure, Progress, Report
from soundalike.library.demo import demo_sounds
from soundalike.library.embedding import Embedded, embed
from soundalike.library.export import ExportFormat
from soundalike.library.features import Computed, compute_feature, feature_names
from soundalike.library.info import EncoderInfo, LibraryInfo
from soundalike.library.library import Library
from soundalike.library.location import (
    ENVIRONMENT_VARIABLE,
    absolute_place,
    check_apart,
    default_library_path,
)
from soundalike.library.playback import AudioFile
from soundalike.library.switching import Derived, SwitchReport
from soundalike.search import Filters, Hit, Sound
from soundalike.sources import Limits

__all__ = [
    "DEFAULT_ENCODER",
    "ENCODERS_VARIABLE",
    "ENVIRONMENT_VARIABLE",
    "AudioFile",
    "Computed",
    "Derived",
    "Embedded",
    "EncoderInfo",
    "ExportFormat",
    "Failure",
    "Filters",
    "Hit",
    "Library",
    "LibraryInfo",
    "Limits",
    "ListedEncoder",
    "Progress",
    "Report",
    "Sound",
    "SwitchReport",
    "absolute_place",
    "add_encoder",
    "check_apart",
    "compute_feature",
    "default_library_path",
    "demo_sounds",
    "describe_encoder",
    "embed",
    "encoder_names",
    "feature_names",
    "list_encoders",
    "load_encoder",
    "remove_encoder",
]
