"""Bytes to samples: decode, resample, segment, measure levels, read what a file says of itself."""

from soundalike.audio.container import AudioFile, AudioInfo
from soundalike.audio.decode import AudioReader, Decoded, decode, open_audio
from soundalike.audio.description import Description, describe
from soundalike.audio.encode import cut_preview, encode_wav
from soundalike.audio.levels import Levels, unpack_peaks
from soundalike.audio.region import decode_region
from soundalike.audio.segment import Segmenter, Segments, segment
from soundalike.audio.ucs import ucs_fields

__all__ = [
    "AudioFile",
    "AudioInfo",
    "AudioReader",
    "Decoded",
    "Description",
    "Levels",
    "Segmenter",
    "Segments",
    "cut_preview",
    "decode",
    "decode_region",
    "describe",
    "encode_wav",
    "open_audio",
    "segment",
    "ucs_fields",
    "unpack_peaks",
]
