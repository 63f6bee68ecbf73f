"""Recordings on disk: how long they are, and closing off those that nobody closed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.audio
import av.container
import av.error

from service.errors import BadAudio

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
    """What there is to know of a file that `AudioFile` wrote. One that was torn is closed off first.

    Raises `BadAudio` when there is nothing to hear in it.
    """
    try:
        if path.suffix == ".flac":
            _close_off(path)
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


def _close_off(path: Path) -> None:
    """Write the number of samples into a FLAC file that ended unawares, and cut off a frame that is not whole."""
    with path.open("r+b") as file:
        head = file.read(_FIELD.stop)
        field = int.from_bytes(head[_FIELD], "big")
        if not head.startswith(b"fLaC") or field % (1 << _TOTAL):
            return
        total, end = _count(path)
        if end is not None:
            file.truncate(end)
        file.seek(_FIELD.start)
        file.write((field | total).to_bytes(8, "big"))


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
