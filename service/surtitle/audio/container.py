"""Decodes container streams and files (WebM, Ogg, MP3, FLAC, MP4 …) to samples, with FFmpeg's libraries."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import av
import av.audio
import av.container
import av.error
import numpy as np

from surtitle.audio import RATES, Frames, Samples, to_mono
from surtitle.audio.gaps import PlacedBlock, find_gaps
from surtitle.audio.ogg import CAPTURE_PATTERN, OggLinks, Readable
from surtitle.core.errors import BadAudio

_MAX_BAD_PACKETS = 50  # in a row, after which decoding fails
_MAX_STREAM_GAP = 3600.0  # seconds; a larger step of the timestamps is an error, or another stream with its own clock

# Streams of frames without a container have no timestamps: FFmpeg counts frames, as if all were like the first ones.
_WITHOUT_CLOCK = frozenset({"aac", "ac3", "eac3", "flac", "mp3"})

SAFE_FORMATS = "matroska,webm,ogg,wav,flac,mp3,mov,mp4,m4a,aac,ac3,eac3,aiff,au,caf,w64,avi,mpegts,flv,asf"
"""Containers that hold the audio themselves: FFmpeg also reads playlists, by which a client could make it open local
files and network addresses."""

# Start decoding after the first packets instead of after five seconds of analysis.
_LIVE_OPTIONS = {
    "analyzeduration": "0",
    "probesize": "32768",
    "format_whitelist": SAFE_FORMATS,
    "protocol_whitelist": "none",
}


class BytePipe:
    """A bounded pipe of bytes from the event loop to a decoding thread.

    ``on_read`` is called in the reader's thread after every read, which makes space for more.
    """

    def __init__(self, capacity: int, on_read: Callable[[], None]) -> None:
        self._capacity = capacity
        self._on_read = on_read
        self._data = bytearray()
        self._closed = False
        self._changed = threading.Condition()

    def write(self, data: bytes) -> bool:
        """Add ``data``, or return False if the pipe is full. A closed pipe accepts everything and discards it."""
        with self._changed:
            if not self._closed:
                if len(self._data) >= self._capacity:
                    return False
                self._data += data
                self._changed.notify()
            return True

    def read(self, size: int) -> bytes:
        """Read up to ``size`` bytes, waiting for some; b"" if the pipe is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._data))
            data = bytes(self._data[:size])
            del self._data[:size]
        self._on_read()
        return data

    def drain(self) -> None:
        """Discard what has not been read."""
        with self._changed:
            self._data.clear()

    def close(self) -> None:
        """Mark the end of the data; what is in the pipe can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify()


def decode(source: str | Readable, container_format: str | None = None) -> Iterator[tuple[Samples, int]]:
    """The same as `decode_frames`, mixed to one channel."""
    return ((to_mono(frames), rate) for frames, rate in decode_frames(source, container_format))


def decode_frames(source: str | Readable, container_format: str | None = None) -> Iterator[tuple[Frames, int]]:
    """Decode the first audio stream: pairs of frames, with one or two channels, and their rate in Hz.

    ``source`` is a path or an object with ``read``; ``container_format`` names the container, None
    lets FFmpeg detect it. Raises `BadAudio` if there is nothing to decode.
    """
    options = _LIVE_OPTIONS if not isinstance(source, str) else {}
    with _explain_errors(source, container_format), open_links(source, container_format, options) as links:
        for container in links:
            _check_audio(container, source)
            for _, frames, rate in decode_stream(container):
                yield frames, rate


def decode_placed(
    source: Readable, container_format: str | None = None, report_tracks: Callable[[int], None] = lambda count: None
) -> Iterator[PlacedBlock]:
    """The same as `decode_frames`, with the seconds that are missing before each block by the container's clock.

    ``report_tracks`` is called with the number of audio streams if there are several; only the first is decoded.
    """
    with _explain_errors(source, container_format), open_links(source, container_format, _LIVE_OPTIONS) as links:
        for container in links:
            _check_audio(container, source)
            if (count := len(container.streams.audio)) > 1:
                report_tracks(count)
            yield from find_gaps(decode_stream(container), clock_start(container), _MAX_STREAM_GAP)


def _check_audio(container: av.container.InputContainer, source: str | Readable) -> None:
    if not container.streams.audio:
        raise BadAudio(f"There is no audio in {_name(source)}: choose one that has sound.")


@contextmanager
def _explain_errors(source: str | Readable, container_format: str | None) -> Iterator[None]:
    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise BadAudio(
            f"FFmpeg cannot read {_name(source)} as {container_format or 'audio'} ({describe_error(error)}): "
            "send WebM, Ogg, FLAC, MP3, WAV or raw pcm16le."
        ) from error


def _name(source: str | Readable) -> str:
    return source if isinstance(source, str) else "this stream"


@contextmanager
def open_links(
    source: str | os.PathLike[str] | Readable,
    container_format: str | None = None,
    options: dict[str, str] | None = None,
) -> Iterator[Iterator[av.container.InputContainer]]:
    """Open a path or a stream: the links of a chained Ogg stream one after the other, or else one container.

    Raises OSError and the errors of PyAV.
    """
    with ExitStack() as stack:
        if isinstance(source, (str, os.PathLike)):
            file = stack.enter_context(open(source, "rb"))
            is_ogg = file.read(len(CAPTURE_PATTERN)) == CAPTURE_PATTERN
            file.seek(0)
            stream = OggLinks(file) if is_ogg else None
        else:
            stream = None if hasattr(source, "seek") else OggLinks(source)

        def containers() -> Generator[av.container.InputContainer, None, None]:
            opened = stream or (file_url(source) if isinstance(source, (str, os.PathLike)) else source)
            more = True
            while more:
                with av.open(opened, mode="r", format=container_format, options=options or {}) as container:
                    yield container
                more = stream is not None and stream.next_link()

        yield stack.enter_context(closing(containers()))


def clock_start(container: av.container.InputContainer) -> float | None:
    """The time at which the clock of a container begins, in seconds; None if that is when its audio begins.

    A stream may have run for hours before it was joined, so its first timestamp says nothing. But picture and sound
    have one clock, so sound that begins after the picture is late.
    """
    if container.start_time is None or (container.format.name == "mpegts" and len(container.streams.video) > 1):
        return None  # each program of a transport stream has its own clock, and PyAV does not know the programs
    return container.start_time / av.time_base


def file_url(path: str | os.PathLike[str]) -> str:
    """The path as a URL that FFmpeg always takes for a file: it takes "Part1:" in "Part1:intro.wav" for a protocol."""
    return f"file:{os.path.abspath(path)}"


def duration(path: str) -> float | None:
    """The length of a file in seconds, or None if its container does not give it."""
    with suppress(av.error.FFmpegError, ValueError), av.open(file_url(path), mode="r") as container:
        if container.duration is not None:
            return container.duration / av.time_base
    return None


def decode_stream(container: av.container.InputContainer, track: int = 0) -> Iterator[tuple[float | None, Frames, int]]:
    """Decode the audio stream that has index ``track`` among them.

    Yields timestamps in seconds (None if there is none), frames, and their rate in Hz.

    Raises `BadAudio` and the errors of PyAV.
    """
    stream = container.streams.audio[track]
    has_clock = container.format.name not in _WITHOUT_CLOCK
    converter: av.audio.resampler.AudioResampler | None = None
    converted: tuple[object, ...] = ()  # the parameters of the frames that the converter takes
    channels = 1
    bad = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            bad += 1  # a lost or truncated packet: the codec recovers at the next one
            if bad > _MAX_BAD_PACKETS:
                raise
            continue
        bad = 0
        for frame in frames:
            if not isinstance(frame, av.audio.frame.AudioFrame):
                continue
            if frame.sample_rate not in RATES:
                raise BadAudio(
                    f"The sample rate {frame.sample_rate} Hz is not supported: send {RATES.start} to "
                    f"{RATES.stop - 1} Hz."
                )
            parameters = (frame.format.name, frame.layout.name, frame.sample_rate)
            if converter is None or parameters != converted:  # a stream may change them on the way
                converted, channels = parameters, min(2, frame.layout.nb_channels)
                converter = av.audio.resampler.AudioResampler(format="flt", layout=("mono", "stereo")[channels - 1])
            time = frame.time if has_clock else None
            for part in converter.resample(frame):
                yield time, np.array(part.to_ndarray().reshape(-1, channels), dtype=np.float32), part.sample_rate
                time = None


def describe_error(error: Exception) -> str:
    """FFmpeg's description of an error, without the file's name."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
