"""Opening a file as audio: which containers are let in, and what the file says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer

from soundalike.audio.declared import declared_duration_s
from soundalike.core.errors import AudioError, SoundalikeError
from soundalike.core.interrupts import without_interrupts
from soundalike.core.units import human_count

AudioFile: TypeAlias = "str | Path | BinaryIO"

MIN_RATE_HZ = 100
MAX_RATE_HZ = 1_536_000  # eight times 192 kHz; the resampler's filter grows with the ratio of rates
MAX_CHANNELS = 256  # seventh-order ambisonics has 64
_PROBE_BYTES = "2000000"

# What a demuxer is called in FFmpeg. Playlists (hls, concat, dash), images and devices stay out: opening a
# sound must never make FFmpeg open anything else.
_CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,caf,dsf,dts,eac3,flac,flv,iff,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp3,mpc,mpc8,mpeg,mpegts,ogg,sox,tak,tta,voc,w64,wav,wsd,wv,xwma,avi,qoa,nistsphere,ircam,svx"
)
_OPTIONS = {
    "format_whitelist": _CONTAINERS,
    "protocol_whitelist": "none",  # bytes come from the open file only
    "max_size": "16384",  # bytes in a packet of PCM
    # FFmpeg looks for DTS hidden in PCM, packet after packet: most of the time that a WAV file takes.
    "max_probe_packets": "1",
    "max_streams": "64",
    "formatprobesize": _PROBE_BYTES,
}


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file says of its audio, before any of it is decoded.

    Attributes:
        rate_hz: The file's own sample rate.
        channels: How many channels it has.
        codec: Name of the codec: ``"pcm_s16le"``, ``"mp3"``, ``"flac"``.
        container: Name of the container: ``"wav"``, ``"ogg"``, ``"mov,mp4,m4a,3gp,3g2,mj2"``.
        declared_duration_s: The duration that the header declares, None where it declares none.
        tags: Raw metadata of container and audio stream, names in lower case.
    """

    rate_hz: int
    channels: int
    codec: str
    container: str
    declared_duration_s: float | None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class OpenedAudio:
    """An open container with the audio stream that is listened to."""

    container: InputContainer
    stream: AudioStream
    info: AudioInfo
    source: Bytes
    file: BinaryIO
    owns_file: bool
    label: str

    def close(self) -> None:
        """Close the container, and the file where it was opened here."""
        self.container.close()
        if self.owns_file:
            self.file.close()


class Bytes:
    """A file as FFmpeg reads it.

    Attributes:
        name: The name that FFmpeg sees: it looks at the extension where the content is unclear.
        error: What reading the file raised. FFmpeg then sees an end, since it would try again and again.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._read = file.read
        self.seek, self.tell = file.seek, file.tell
        self.name = name
        self.error: Exception | None = None

    def read(self, size: int) -> bytes:
        """Read at most ``size`` bytes; none at the end, and none after an error."""
        if self.error is not None:
            return b""
        try:
            return self._read(size)
        except Exception as error:
            self.error = error
            return b""

    def check(self, label: str) -> None:
        """Raise AudioError where reading has failed."""
        if isinstance(self.error, SoundalikeError):
            raise self.error
        if self.error is not None:
            reason = getattr(self.error, "strerror", None) or str(self.error) or type(self.error).__name__
            raise AudioError(f"{label} can no longer be read: {reason}.") from self.error


def label_of(file: AudioFile, name: str) -> str:
    """Give the name that messages use for a file."""
    if name:
        return name
    if isinstance(file, (str, Path)):
        return Path(file).name
    own = getattr(file, "name", None)
    return Path(own).name if isinstance(own, str) and own else "the stream"


def open_container(file: AudioFile, name: str = "") -> OpenedAudio:
    """Open a file and choose its audio stream.

    Args:
        file: A path, or an open binary file that can seek.
        name: Its name with extension, for messages and as a hint for the format.

    Returns:
        The open container; the caller closes it.

    Raises:
        AudioError: It cannot be read, is no audio that can be decoded, or declares something impossible.
    """
    label = label_of(file, name)
    owns = isinstance(file, (str, Path))
    try:
        handle = Path(file).open("rb") if isinstance(file, (str, Path)) else file  # noqa: SIM115
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(f"{label} cannot be opened: {reason}.") from error
    try:
        with without_interrupts:
            return _open_handle(handle, owns, label)
    except BaseException:
        if owns:
            handle.close()
        raise


def _open_handle(handle: BinaryIO, owns: bool, label: str) -> OpenedAudio:
    if not handle.seekable():
        raise AudioError(f"{label} cannot be decoded from a stream that cannot seek; pass an open file.")
    source = Bytes(handle, "" if label == "the stream" else label)
    size_bytes = -1
    try:
        size_bytes = handle.seek(0, 2)
        handle.seek(0)
        container = cast(
            InputContainer,
            av.open(
                cast(Any, source),
                mode="r",
                container_options=_OPTIONS,
                metadata_errors="replace",
                buffer_size=65536,
            ),
        )
    except SoundalikeError:
        raise
    except Exception as error:
        source.check(label)
        if size_bytes == 0:
            raise AudioError(f"{label} is empty: it has 0 bytes.") from None
        raise AudioError(
            f"{label} is not audio that can be decoded: expected a sound file, {_reason(error)}."
        ) from error
    try:
        source.check(label)
        return _choose_stream(container, source, handle, owns, label)
    except BaseException:
        container.close()
        raise


def _reason(error: Exception) -> str:
    """Say in a few words why FFmpeg refused a file."""
    if isinstance(error, av.error.InvalidDataError):
        return "got data in no known format, or a damaged header"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"and reading it failed ({text})"


def _choose_stream(
    container: InputContainer, source: Bytes, handle: BinaryIO, owns: bool, label: str
) -> OpenedAudio:
    streams = container.streams.audio
    if not streams:
        raise AudioError(
            f"{label} has no audio: it is {container.format.name} "
            f"with {human_count(len(container.streams), 'stream')}."
        )
    stream = next((s for s in streams if _has_decoder(s)), None)
    if stream is None:
        raise AudioError(f"{label} has audio in a codec that cannot be decoded.")
    context = stream.codec_context
    rate_hz, channels = context.sample_rate, context.layout.nb_channels
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"{label} declares a sample rate of {rate_hz} Hz; expected {MIN_RATE_HZ} to {MAX_RATE_HZ}."
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(f"{label} declares {channels} channels; expected 1 to {MAX_CHANNELS}.")
    context.thread_count = 1  # work is spread over processes, file by file
    info = AudioInfo(
        rate_hz=rate_hz,
        channels=channels,
        codec=context.codec.name,
        container=container.format.name,
        declared_duration_s=declared_duration_s(cast("BinaryIO", source), container, stream),
        tags={key.lower(): value for key, value in [*stream.metadata.items(), *container.metadata.items()]},
    )
    return OpenedAudio(container, stream, info, source, handle, owns, label)


def _has_decoder(stream: AudioStream) -> bool:
    return getattr(stream, "codec_context", None) is not None
