"""The sound of a media file on the clock of its picture.

Subtitles are shown by the time stamps of the container, not by how much sound there was before. Sound that begins
late, or has a hole where packets were lost or a recording was paused, has silence there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath

import av
import av.container
import av.error
import numpy as np

from surtitle.audio import Samples, mono
from surtitle.audio.container import decode_stream, file_url, reason
from surtitle.audio.intake import resampled
from surtitle.core.errors import BadAudio

_TOLERANCE = 0.1  # seconds: time stamps are rounded and jitter, and clocks drift; FFmpeg's own `aresample=async=1` too
_EXACT = 0.001  # seconds, for where the sound begins: Matroska counts in milliseconds
_RESTART = 5.0  # seconds; a time stamp further back belongs to another recording, which goes on where this one ends
_MAX_HOLE = 86_400.0  # seconds; a larger step is a fault in the file
_FILL = 10.0  # seconds of silence in one block

Stamped = tuple[float | None, Samples, int]
"""Seconds on the container's clock or None, samples of shape (n,), and their rate in Hz."""


def read(path: str | PathLike[str]) -> Iterator[Samples]:
    """16 kHz mono samples of the first audio track, of which sample n is heard n / 16000 s after the picture begins.

    Raises `BadAudio` where there is nothing to decode.
    """
    with _opened(path) as container:
        start = (container.start_time or 0) / av.time_base
        stamped = ((time, mono(frames), rate) for time, frames, rate in decode_stream(container))
        yield from resampled(continuous(stamped, start))


def check(path: str | PathLike[str]) -> None:
    """Raises `BadAudio` where a file has no audio track, as far as its beginning tells."""
    with _opened(path):
        pass


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[av.container.InputContainer]:
    name = fspath(path)
    try:
        with av.open(file_url(name), mode="r") as container:
            if not container.streams.audio:
                raise BadAudio(f"There is no audio in {name}: choose a file that has sound.")
            yield container
    except (av.error.FFmpegError, ValueError) as error:
        raise BadAudio(
            f"{name} cannot be read as audio or video ({reason(error)}): choose a file that FFmpeg knows."
        ) from error


def continuous(blocks: Iterator[Stamped], start: float) -> Iterator[tuple[Samples, int]]:
    """Blocks without holes or overlaps on a clock that begins at ``start`` seconds: samples and rate in Hz."""
    position = 0.0  # seconds since `start` of all that was handed on
    tolerance = _EXACT
    for time, samples, rate in blocks:
        ahead = 0.0 if time is None else time - start - position
        if ahead < -_RESTART or ahead > _MAX_HOLE:
            start += ahead
        elif ahead > tolerance:
            for filled in _silence(round(ahead * rate), round(_FILL * rate)):
                position += len(filled) / rate
                yield filled, rate
        elif ahead < -_TOLERANCE:
            samples = samples[round(-ahead * rate) :]
        tolerance = _TOLERANCE
        position += len(samples) / rate
        if samples.size:
            yield samples, rate


def _silence(length: int, block: int) -> Iterator[Samples]:
    for begin in range(0, length, block):
        yield np.zeros(min(block, length - begin), dtype=np.float32)
