"""Inspects recordings on disk, and finalizes those whose writer died."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.audio
import av.container
import av.error

from surtitle.core.errors import BadAudio

_FIELD = slice(18, 26)  # bytes of STREAMINFO (RFC 9639, 8.2): rate, channels, depth, and finally the number of samples
_TOTAL_BITS = 36  # bits of the number of samples


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """The properties of an audio file: length in seconds, rate in Hz, channels and tags."""

    seconds: float
    rate: int
    channels: int
    tags: dict[str, str]


def inspect(path: Path) -> AudioInfo:
    """Read the properties of a file that `AudioFile` has closed or that was finalized.

    Raises `BadAudio` if it contains no audio.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            tags = {key.upper(): value for key, value in {**container.metadata, **stream.metadata}.items()}
            length = (container.duration or 0) / av.time_base - _preskip_seconds(stream)
            if length <= 0:
                raise BadAudio(f"The recording {path.name} contains no audio: delete it.")
            return AudioInfo(length, stream.rate, stream.channels, tags)
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise BadAudio(f"Cannot read the recording {path.name} ({error}): it may be damaged.") from error


def _preskip_seconds(stream: Any) -> float:
    """Seconds at the beginning of an Opus stream that are decoded but not played (RFC 7845, 5.1)."""
    head = stream.codec_context.extradata or b""
    return int.from_bytes(head[10:12], "little") / 48_000 if head.startswith(b"OpusHead") else 0.0


def is_open(path: Path) -> bool:
    """Whether the file is not finalized: it is being written, or its writer died. Ogg files need no finalizing."""
    try:
        with path.open("rb") as file:
            return path.suffix == ".flac" and _unfinished_field(file.read(_FIELD.stop)) is not None
    except OSError:
        return False


def finalize(path: Path) -> None:
    """Write the number of samples into a file whose writer died, and remove an incomplete last frame.

    Raises `BadAudio` if that fails.
    """
    try:
        with path.open("r+b") as file:
            field = _unfinished_field(file.read(_FIELD.stop)) if path.suffix == ".flac" else None
            if field is None:
                return
            total, end = _count_samples(path)
            if end is not None:
                file.truncate(end)
            file.seek(_FIELD.start)
            file.write((field | min(total, (1 << _TOTAL_BITS) - 1)).to_bytes(8, "big"))  # 16 days at 48 kHz
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise BadAudio(f"Cannot repair the recording {path.name} ({error}): it may be damaged.") from error


def _unfinished_field(head: bytes) -> int | None:
    """The field of a FLAC file's header for the number of samples, if that is still missing."""
    field = int.from_bytes(head[_FIELD], "big")
    return field if head.startswith(b"fLaC") and len(head) == _FIELD.stop and not field % (1 << _TOTAL_BITS) else None


def _count_samples(path: Path) -> tuple[int, int | None]:
    """The number of samples in complete frames, and the byte offset of an incomplete frame or None."""
    total = 0
    last = None
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            if packet.size:
                total += last.duration or 0 if last is not None else 0
                last = packet
        if last is None:
            return 0, None
        try:
            return total + sum(frame.samples for frame in last.decode() if isinstance(frame, av.AudioFrame)), None
        except av.error.FFmpegError:
            return total, last.pos
