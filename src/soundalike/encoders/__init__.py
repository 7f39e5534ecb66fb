"""Segments of sound to vectors: the encoder interface, the encoders by name, and adding more of them."""

from soundalike.encoders.adding import add_encoder, remove_encoder
from soundalike.encoders.base import Encoder, EncoderSpec, Metric
from soundalike.encoders.listing import (
    ListedEncoder,
    declared_manifest,
    declared_spec,
    describe_encoder,
    list_encoders,
)
from soundalike.encoders.own_folder import (
    ENCODERS_VARIABLE,
    own_encoder,
    own_encoder_names,
    own_encoders_folder,
)
from soundalike.encoders.registry import (
    BUILT_IN,
    DEFAULT_ENCODER,
    ENCODERS,
    FORMER_DEFAULTS,
    encoder_names,
    load_encoder,
)
from soundalike.encoders.verify import verify_encoder

__all__ = [
    "BUILT_IN",
    "DEFAULT_ENCODER",
    "ENCODERS",
    "ENCODERS_VARIABLE",
    "FORMER_DEFAULTS",
    "Encoder",
    "EncoderSpec",
    "ListedEncoder",
    "Metric",
    "add_encoder",
    "declared_manifest",
    "declared_spec",
    "describe_encoder",
    "encoder_names",
    "list_encoders",
    "load_encoder",
    "own_encoder",
    "own_encoder_names",
    "own_encoders_folder",
    "remove_encoder",
    "verify_encoder",
]
