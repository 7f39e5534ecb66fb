"""The Python API of learning: fit encoders to one's own sounds."""

from soundalike.studies.standardise import fit_spectral_to

__all__ = ["fit_spectral_to"]
