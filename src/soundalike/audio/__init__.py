"""Bytes to samples: decode, resample, segment, measure levels, read what a file says of itself."""

from soundalike.audio.decode import AudioInfo, AudioReader, Decoded, decode, open_audio
from soundalike.audio.segment import Segmenter, Segments, segment

__all__ = [
    "AudioInfo",
    "AudioReader",
    "Decoded",
    "Segmenter",
    "Segments",
    "decode",
    "open_audio",
    "segment",
]
