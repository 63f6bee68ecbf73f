"""The audio of a media file on the clock of its picture, with silence in its gaps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from os import PathLike, fspath, stat
from os.path import getsize
from stat import S_ISFIFO

import av
import av.container
import av.error
import numpy as np

from surtitle.audio import RATE, RATES, Samples, to_mono
from surtitle.audio.container import SAFE_FORMATS, clock_start, decode_stream, describe_error, file_url, open_links
from surtitle.audio.gaps import PlacedBlock, fill_gaps, find_gaps
from surtitle.audio.intake import join_blocks, resample_blocks
from surtitle.core.errors import BadAudio

_MAX_GAP = 86_400.0  # seconds; a larger step of the timestamps is an error in the file


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
    _check_rereadable(path)
    with _explain_errors(path), open_links(path) as links:
        yield from resample_blocks(fill_gaps(chain.from_iterable(_place(link, path, track) for link in links)))


def _place(container: av.container.InputContainer, path: str | PathLike[str], track: int) -> Iterator[PlacedBlock]:
    _check_audio(container, path)
    return find_gaps(decode_stream(container, track - 1), clock_start(container), _MAX_GAP)


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
        with open_links(path, raw.name if raw else None, options) as links:
            yield from resample_blocks(fill_gaps(chain.from_iterable(map(_place_upload, links))))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise BadAudio(
            f"The file cannot be read as audio or video ({describe_error(error)}): send WAV, MP3, FLAC, Ogg, WebM or "
            "MP4."
        ) from error


def _place_upload(container: av.container.InputContainer) -> Iterator[PlacedBlock]:
    if not container.streams.audio:
        raise BadAudio("There is no audio in the file: send one that has sound.")
    return find_gaps(decode_stream(container), clock_start(container), _MAX_GAP)


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
    _check_rereadable(path)
    with _explain_errors(path), av.open(file_url(path), mode="r") as container:
        _check_audio(container, path)
        yield container


@contextmanager
def _explain_errors(path: str | PathLike[str]) -> Iterator[None]:
    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = "it is empty" if _is_empty(path) else describe_error(error)
        raise BadAudio(
            f"Cannot read {fspath(path)} as audio or video ({reason}): choose a file that FFmpeg can play."
        ) from error


def _check_rereadable(path: str | PathLike[str]) -> None:
    """Raise `BadAudio` for a pipe: files are opened several times, and opening it again would wait without an end."""
    with suppress(OSError):
        if S_ISFIFO(stat(path).st_mode):
            raise BadAudio(f"{fspath(path)} is a pipe, which can be read only once: save its content as a file first.")


def _is_empty(path: str | PathLike[str]) -> bool:
    with suppress(OSError):
        return getsize(path) == 0
    return False


def _check_audio(container: av.container.InputContainer, path: str | PathLike[str]) -> None:
    if not container.streams.audio:
        raise BadAudio(f"There is no audio in {fspath(path)}: choose a file that has sound.")
