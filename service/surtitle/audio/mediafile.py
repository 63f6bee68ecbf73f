"""The audio of a media file on the clock of its picture.

Subtitles are shown by the timestamps of the container, not by how much audio came before. If the audio begins late,
or has a gap where packets were lost or a recording was paused, the gap is filled with silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import PathLike, fspath

import av
import av.container
import av.error
import numpy as np

from surtitle.audio import RATE, RATES, Samples, to_mono
from surtitle.audio.container import SAFE_FORMATS, decode_stream, describe_error, file_url
from surtitle.audio.intake import join_blocks, resample_blocks
from surtitle.core.errors import BadAudio

_TOLERANCE = 0.1  # seconds: timestamps are rounded and jitter, and clocks drift; as in FFmpeg's `aresample=async=1`
_START_TOLERANCE = 0.001  # seconds, for the beginning of the audio: Matroska counts in milliseconds
_MAX_STEP_BACK = 5.0  # seconds; a larger one begins another recording, which continues where this one ends
_MAX_GAP = 86_400.0  # seconds; a larger step is an error in the file
_SILENCE_BLOCK = 10.0  # seconds of silence in one block

TimedBlock = tuple[float | None, Samples, int]
"""Timestamp on the container's clock in seconds or None, samples of shape (n,), and their rate in Hz."""


@dataclass(frozen=True, slots=True)
class Track:
    """One of the audio tracks of a file; ``number`` counts from 1, ``title`` is empty if the file has none."""

    number: int
    title: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.title or f"Track {self.number}"


def list_tracks(path: str | PathLike[str]) -> list[Track]:
    """The audio tracks of a file, as far as its beginning shows. Raises `BadAudio` if there is none."""
    with _open(path) as container:
        return [
            Track(number, " ".join((stream.metadata.get("title") or stream.metadata.get("name") or "").split()))
            for number, stream in enumerate(container.streams.audio, 1)
        ]


def read(path: str | PathLike[str], track: int = 1) -> Iterator[Samples]:
    """16 kHz mono samples of an audio track; sample n is heard n / 16000 s after the picture begins.

    ``track`` counts from 1. Raises `BadAudio` if there is nothing to decode.
    """
    with _open(path) as container:
        start = (container.start_time or 0) / av.time_base
        blocks = ((time, to_mono(frames), rate) for time, frames, rate in decode_stream(container, track - 1))
        yield from resample_blocks(fill_gaps(blocks, start))


@dataclass(frozen=True, slots=True)
class RawFormat:
    """Samples without a container: ``name`` is one of `RAW_FORMATS`, ``rate`` is in Hz."""

    name: str
    rate: int
    channels: int = 1


RAW_FORMATS = ("s16le", "s32le", "mulaw", "alaw")
"""FFmpeg's names of the formats of raw samples."""

_MAX_RAW_CHANNELS = 2


def read_upload(path: str | PathLike[str], raw: RawFormat | None = None) -> Iterator[Samples]:
    """Like `read`, for the first audio track of a file that a client has sent: no other file or address is opened.

    ``raw`` is the format of a file without a container. Raises `BadAudio` if there is nothing to decode.
    """
    options = {"format_whitelist": SAFE_FORMATS, "protocol_whitelist": "file"}
    if raw is not None:
        if raw.name not in RAW_FORMATS or raw.rate not in RATES or not 1 <= raw.channels <= _MAX_RAW_CHANNELS:
            raise BadAudio(f"Raw samples must have {RATES.start} to {RATES.stop - 1} Hz and one or two channels.")
        layout = ("mono", "stereo")[raw.channels - 1]
        options = {"sample_rate": str(raw.rate), "ch_layout": layout, "protocol_whitelist": "file"}
    try:
        with av.open(file_url(path), mode="r", format=raw.name if raw else None, options=options) as container:
            if not container.streams.audio:
                raise BadAudio("There is no audio in the file: send one that has sound.")
            start = (container.start_time or 0) / av.time_base
            blocks = ((time, to_mono(frames), rate) for time, frames, rate in decode_stream(container))
            yield from resample_blocks(fill_gaps(blocks, start))
    except (av.error.FFmpegError, ValueError) as error:
        raise BadAudio(
            f"The file cannot be read as audio or video ({describe_error(error)}): send WAV, MP3, FLAC, Ogg, WebM or "
            "MP4."
        ) from error


def read_excerpt(path: str | PathLike[str], track: int, start: float, length: float) -> Samples:
    """16 kHz mono samples of about ``length`` seconds of a track from about ``start`` seconds; fewer at its end.

    Raises `BadAudio` if there is nothing to decode.
    """
    with _open(path) as container:
        if start:
            with suppress(av.error.FFmpegError):  # a file that cannot seek is read from its beginning
                container.seek(round(start * av.time_base))
        decoded = ((to_mono(frames), rate) for _, frames, rate in decode_stream(container, track - 1))
        size = round(length * RATE)
        return next(join_blocks(resample_blocks(decoded), size), np.zeros(0, dtype=np.float32))[:size]


@contextmanager
def _open(path: str | PathLike[str]) -> Iterator[av.container.InputContainer]:
    name = fspath(path)
    try:
        with av.open(file_url(name), mode="r") as container:
            if not container.streams.audio:
                raise BadAudio(f"There is no audio in {name}: choose a file that has sound.")
            yield container
    except (av.error.FFmpegError, ValueError) as error:
        raise BadAudio(
            f"Cannot read {name} as audio or video ({describe_error(error)}): choose a file that FFmpeg can play."
        ) from error


def fill_gaps(blocks: Iterator[TimedBlock], start: float) -> Iterator[tuple[Samples, int]]:
    """Blocks without gaps or overlaps on a clock that begins at ``start`` seconds: samples and rate in Hz."""
    position = 0.0  # seconds since `start` at which the output ends
    tolerance = _START_TOLERANCE
    for time, samples, rate in blocks:
        ahead = 0.0 if time is None else time - start - position
        if ahead < -_MAX_STEP_BACK or ahead > _MAX_GAP:
            start += ahead
        elif ahead > tolerance:
            for silence in _make_silence(round(ahead * rate), round(_SILENCE_BLOCK * rate)):
                position += len(silence) / rate
                yield silence, rate
        elif ahead < -_TOLERANCE:
            samples = samples[round(-ahead * rate) :]
        tolerance = _TOLERANCE
        position += len(samples) / rate
        if samples.size:
            yield samples, rate


def _make_silence(length: int, block: int) -> Iterator[Samples]:
    """``length`` samples of silence, in blocks of at most ``block``."""
    for begin in range(0, length, block):
        yield np.zeros(min(block, length - begin), dtype=np.float32)
