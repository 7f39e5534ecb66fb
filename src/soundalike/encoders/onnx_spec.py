"""What an ONNX encoder declares, as far as its manifest tells: without opening the model."""

from __future__ import annotations

from soundalike.core.fingerprint import fingerprint
from soundalike.encoders.base import EncoderSpec, listening_fingerprint
from soundalike.encoders.onnx_manifest import OnnxManifest

CODE_VERSION = 1
"""Raised when the same model would give another vector for the same samples."""


def spec_of(manifest: OnnxManifest) -> EncoderSpec:
    """Turn a manifest into what its encoder declares.

    Args:
        manifest: What the model is.

    Returns:
        Its spec, with the fingerprint of everything that a vector depends on.
    """
    digest = fingerprint(
        manifest.name, CODE_VERSION, manifest.what_makes_vectors(), [listening_fingerprint()]
    )
    return EncoderSpec(
        name=manifest.name,
        fingerprint=digest,
        space=manifest.space or digest,
        dims=manifest.dims,
        metric=manifest.metric,
        unit_length=manifest.unit_length,
        rate_hz=manifest.rate_hz,
        window_samples=manifest.window_samples,
        hop_samples=manifest.hop_samples,
        silence_db=manifest.silence_db,
    )
