"""Changes of sounds in the time domain that leave them alike: what a sound should be found by all the same.

Every deformation is a frozen dataclass of the ranges that it draws from, with one method ``apply``, over a
pure function whose parameters are given row by row.
"""

from soundalike.audio.deform.base import Deformation
from soundalike.audio.deform.combine import Chain, DeformationMix, Unchanged
from soundalike.audio.deform.crop import Crop, crop
from soundalike.audio.deform.gain import Gain, change_gain
from soundalike.audio.deform.mixing import Mix, mix
from soundalike.audio.deform.noise import Noise, add_noise, coloured_noise
from soundalike.audio.deform.pitch import PitchDown, PitchUp, shift_pitch
from soundalike.audio.deform.registry import (
    DEFORMATIONS,
    default_deformations,
    deformation_from,
    deformation_mix_from,
)
from soundalike.audio.deform.spectrum import Filter, limit_band, shape_spectrum
from soundalike.audio.deform.speed import change_speed
from soundalike.audio.deform.stretch import Compress, Stretch, stretch_time

__all__ = [
    "DEFORMATIONS",
    "Chain",
    "Compress",
    "Crop",
    "Deformation",
    "DeformationMix",
    "Filter",
    "Gain",
    "Mix",
    "Noise",
    "PitchDown",
    "PitchUp",
    "Stretch",
    "Unchanged",
    "add_noise",
    "change_gain",
    "change_speed",
    "coloured_noise",
    "crop",
    "default_deformations",
    "deformation_from",
    "deformation_mix_from",
    "limit_band",
    "mix",
    "shape_spectrum",
    "shift_pitch",
    "stretch_time",
]
