"""Recordings on disk: how long they are, and closing off those that nobody closed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.audio
import av.container
import av.error

from surtitle.core.errors import BadAudio

_FIELD = slice(18, 26)  # bytes of STREAMINFO (RFC 9639, 8.2): rate, channels, depth, and at last the number of samples
_TOTAL = 36  # bits of it


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """``seconds`` is how long it plays."""

    seconds: float
    rate: int
    channels: int
    tags: dict[str, str]


def inspect(path: Path) -> AudioInfo:
    """What there is to know of a file that `AudioFile` has closed, or that was closed off.

    Raises `BadAudio` when there is nothing to hear in it.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            tags = {key.upper(): value for key, value in {**container.metadata, **stream.metadata}.items()}
            length = (container.duration or 0) / av.time_base - _skipped(stream)
            if length <= 0:
                raise BadAudio(f"There is no sound in the recording {path.name}.")
            return AudioInfo(length, stream.rate, stream.channels, tags)
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise BadAudio(f"The recording {path.name} cannot be read ({error}): it may be damaged.") from error


def _skipped(stream: Any) -> float:
    """Seconds at the beginning that Opus decodes and nobody hears (RFC 7845, 5.1)."""
    head = stream.codec_context.extradata or b""
    return int.from_bytes(head[10:12], "little") / 48_000 if head.startswith(b"OpusHead") else 0.0


def is_open(path: Path) -> bool:
    """Whether nobody has closed the file: it is being written, or was torn. Ogg needs no closing."""
    try:
        with path.open("rb") as file:
            return path.suffix == ".flac" and _field(file.read(_FIELD.stop)) is not None
    except OSError:
        return False


def close_off(path: Path) -> None:
    """Write the number of samples into a file that nobody writes any more, and cut off a frame that is not whole.

    Raises `BadAudio` when that cannot be done.
    """
    try:
        with path.open("r+b") as file:
            field = _field(file.read(_FIELD.stop)) if path.suffix == ".flac" else None
            if field is None:
                return
            total, end = _count(path)
            if end is not None:
                file.truncate(end)
            file.seek(_FIELD.start)
            file.write((field | total).to_bytes(8, "big"))
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise BadAudio(f"The recording {path.name} cannot be closed off ({error}): it may be damaged.") from error


def _field(head: bytes) -> int | None:
    """The part of a FLAC file's head that has no number of samples yet."""
    field = int.from_bytes(head[_FIELD], "big")
    return field if head.startswith(b"fLaC") and len(head) == _FIELD.stop and not field % (1 << _TOTAL) else None


def _count(path: Path) -> tuple[int, int | None]:
    """How many samples are in whole frames, and where a frame begins that is not whole."""
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
