"""Sound from nothing or from other sounds: procedural textures, effects, mixtures, grains, surrogates."""

from soundalike.synthesis.catalogue import TEXTURES, Texture, texture, texture_names
from soundalike.synthesis.effects import envelope, modulate, random_filter, reverberate, saturate, vary
from soundalike.synthesis.granular import cross_synthesise, granulate, randomise_phases, surrogate
from soundalike.synthesis.mixture import mixture

__all__ = [
    "TEXTURES",
    "Texture",
    "cross_synthesise",
    "envelope",
    "granulate",
    "mixture",
    "modulate",
    "random_filter",
    "randomise_phases",
    "reverberate",
    "saturate",
    "surrogate",
    "texture",
    "texture_names",
    "vary",
]
