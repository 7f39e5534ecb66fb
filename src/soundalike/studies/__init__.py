"""The Python API of learning: fit encoders to one's own sounds."""

from soundalike.studies.deform_file import DeformedFile, deform_file
from soundalike.studies.standardise import fit_spectral_to

__all__ = ["DeformedFile", "deform_file", "fit_spectral_to"]
