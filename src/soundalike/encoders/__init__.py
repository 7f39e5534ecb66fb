"""Segments of sound to vectors: the encoder interface, and the encoders by name."""

from soundalike.encoders.base import Encoder, EncoderSpec, Metric
from soundalike.encoders.registry import DEFAULT_ENCODER, ENCODERS, encoder_names, load_encoder

__all__ = ["DEFAULT_ENCODER", "ENCODERS", "Encoder", "EncoderSpec", "Metric", "encoder_names", "load_encoder"]
