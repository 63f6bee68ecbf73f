"""Opens a media stream with FFmpeg, and decodes its audio in the thread that iterates over it."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

import av
import av.error
from av.stream import Discard

from surtitle.audio.container import clock_start, decode_stream, describe_error, file_url
from surtitle.audio.gaps import PlacedBlock, find_gaps
from surtitle.audio.pcm import PcmDecoder
from surtitle.core.errors import SurtitleError
from surtitle.core.wire.ingests import IngestState
from surtitle.ingest.address import MediaAddress, check_not_listening
from surtitle.ingest.arrival_clock import ArrivalClock
from surtitle.ingest.checked_http import HttpBody, HttpStatusError, open_public, resolve_public

OPEN_TIMEOUT = 15.0
"""Seconds until a stream must have been opened."""

READ_TIMEOUT = 20.0
"""Seconds that a stream may be silent, after which it counts as broken."""

_LISTEN_TIMEOUT = 5  # seconds to wait for an encoder at a time; until they have passed, the port cannot be released
_KILL_TIMEOUT = 10.0  # seconds until a process that was killed has ended
_MAX_GAP = 60.0  # seconds; a larger step of the timestamps is an encoder's new clock
_RAW_BLOCK = 0.1  # seconds
_LIVE_SEGMENTS = 3  # before the end of a playlist, where FFmpeg begins
_MIN_SEGMENT = 2.0  # seconds of a segment; usually more, and then more is fetched than is missing

# What a stream may lead to: a playlist may not name files, nor protocols that combine or generate other inputs.
_NETWORK = "rtmp,rtmps,rtmpt,rtsp,rtp,srtp,udp,tcp,tls,http,https,httpproxy,hls,crypto"

_ANALYZED = "2000000"  # microseconds in which a stream must show its audio: some announce a picture that never comes

CloseLater = Callable[[Callable[[], None]], None]
"""Registers a function that wakes the reading thread from another thread, so that it ends early."""


class IngestError(Exception):
    """A stream cannot be read. The message is a sentence for people.

    ``state`` is "failed" or "refused" if that will not change by itself, "waiting" or "reconnecting" if it may.
    """

    def __init__(self, state: IngestState, message: str) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, slots=True)
class MediaInput:
    """An open stream. ``live`` is false if it has an end that is known, as a file has.

    ``timestamp`` is that of the first block, in seconds on the stream's clock.
    """

    blocks: Iterator[PlacedBlock]
    live: bool
    timestamp: float | None = None


OpenInput = Callable[[CloseLater, float], AbstractContextManager[MediaInput]]
"""Opens a stream in the thread that reads it. Raises `IngestError`.

The number is for how many seconds before now audio is missing, which the stream may still have; 0 at first.
"""


@contextmanager
def open_stream(
    address: MediaAddress, allow_private: bool, close_later: CloseLater, missing: float = 0.0
) -> Iterator[MediaInput]:
    """Open a stream. Without ``allow_private``, only what is on the Internet. Raises `IngestError`.

    Then HTTP is checked at every connection, and the other protocols before they connect.
    """
    with _explain(address), ExitStack() as stack:
        if not allow_private:
            check_not_listening(address)
        if address.scheme == "srt":
            if not allow_private:
                resolve_public(address.host, address.port)
            container = stack.enter_context(_open_srt(address, close_later))
        elif allow_private or address.scheme not in ("http", "https"):
            if not allow_private:
                resolve_public(address.host, address.port)
            container = stack.enter_context(_open(address.url, options=_options(address, missing)))
        else:
            container = stack.enter_context(_open_http(address, close_later, missing))
        blocks = _decode(container)
        live = container.duration is None or address.scheme not in ("http", "https", "rtsp")
        yield MediaInput(blocks, live, clock_start(container))


@contextmanager
def open_file(path: str, close_later: CloseLater, missing: float = 0.0) -> Iterator[MediaInput]:
    """Open a file of this computer. Raises `IngestError`."""
    with _explain(None), _open(file_url(path), options={"protocol_whitelist": "file"}) as container:
        yield MediaInput(_decode(container), live=False)


@contextmanager
def open_pipe(
    stream: IO[bytes], rate: int | None, close_later: CloseLater, missing: float = 0.0
) -> Iterator[MediaInput]:
    """Open standard input: a container, or raw 16-bit mono samples of ``rate`` Hz. Raises `IngestError`."""
    with _explain(None), ExitStack() as stack:
        if rate is not None:
            yield MediaInput(_decode_raw(stream, rate), live=False)
            return
        options = {"protocol_whitelist": "none", "analyzeduration": "1000000"}
        yield MediaInput(_decode(stack.enter_context(_open(_Unseekable(stream), options=options))), live=False)


class _Unseekable:
    """A pipe of which FFmpeg reads what is there, without waiting for a full buffer."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        read: Callable[[int], bytes] = getattr(self._stream, "read1", self._stream.read)
        return read(size)


def _decode_raw(stream: IO[bytes], rate: int) -> Iterator[PlacedBlock]:
    decoder, pipe = PcmDecoder(1), _Unseekable(stream)
    while data := pipe.read(2 * round(_RAW_BLOCK * rate)):
        frames = decoder.decode_frames(data)
        if len(frames):
            yield 0.0, frames, rate


def _open(source: Any, **more: Any) -> Any:
    return av.open(source, mode="r", timeout=(OPEN_TIMEOUT, READ_TIMEOUT), **more)


def _options(address: MediaAddress, missing: float) -> dict[str, str]:
    options = {"protocol_whitelist": _NETWORK}
    if address.scheme == "rtsp":
        options["rtsp_flags"] = "prefer_tcp"
    elif address.scheme.startswith("rtmp") and address.listens:
        options |= {"listen": "1", "timeout": str(_LISTEN_TIMEOUT)}
    if address.scheme in ("http", "https"):
        options |= _start_earlier(missing)
    else:
        options["analyzeduration"] = _ANALYZED
    return options


def _start_earlier(missing: float) -> dict[str, str]:
    """Options for HLS: begin so early in the playlist that it has the ``missing`` seconds, if it still has them."""
    return {"live_start_index": str(-_LIVE_SEGMENTS - math.ceil(missing / _MIN_SEGMENT))} if missing else {}


@contextmanager
def _open_http(address: MediaAddress, close_later: CloseLater, missing: float) -> Iterator[Any]:
    """Open a stream over HTTP, with connections to public addresses only."""
    bodies: list[HttpBody] = []

    def open_body(url: str, options: dict[str, str]) -> HttpBody:
        body = open_public(url, options, READ_TIMEOUT)
        bodies[:] = [*bodies[-8:], body]  # a playlist's segments follow each other
        return body

    def close() -> None:
        for body in bodies:
            body.close()

    close_later(close)
    first: list[HttpBody] = [open_body(address.url, {})]
    url, is_playlist = first[0].name, first[0].is_playlist

    def io_open(wanted: str, flags: int, options: dict[str, str]) -> HttpBody:
        return first.pop() if first and wanted == url else open_body(wanted, options)

    options = {"protocol_whitelist": "http,https", "http_persistent": "0"} | _start_earlier(missing)
    try:
        with _open(
            url if is_playlist else first[0],
            options=options if is_playlist else {},
            format="hls" if is_playlist else None,
            io_open=io_open if is_playlist else None,
        ) as container:
            yield container
    finally:
        close()


@contextmanager
def _open_srt(address: MediaAddress, close_later: CloseLater) -> Iterator[Any]:
    """Open a stream that only the program ffmpeg can read."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise IngestError("failed", "SRT needs the program ffmpeg, which is not installed here: install it.")
    command = [program, "-nostdin", "-loglevel", "quiet", "-protocol_whitelist", "srt,udp", "-i", address.url]
    command += ["-map", "0:a:0", "-c", "copy", "-muxdelay", "0", "-flush_packets", "1", "-f", "mpegts", "pipe:1"]
    # In a new session, because Ctrl-C is for this process to handle.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    close_later(process.kill)
    assert process.stdout is not None
    try:
        try:
            with _open(
                _Unseekable(process.stdout), format="mpegts", options={"analyzeduration": _ANALYZED}
            ) as container:
                yield container
        except (av.error.InvalidDataError, av.error.EOFError) as error:
            if address.listens:
                raise IngestError("waiting", f"No encoder is connected to {address.label}.") from error
            raise IngestError("reconnecting", f"{address.label} does not answer, or refuses the connection.") from error
    finally:
        process.kill()
        process.stdout.close()
        process.wait(_KILL_TIMEOUT)


def _decode(container: Any) -> Iterator[PlacedBlock]:
    if not container.streams.audio:
        raise IngestError("failed", "The stream has no audio: choose one that has sound.")
    for stream in container.streams:
        if stream.index != container.streams.audio[0].index:
            stream.discard = Discard.all
    arrivals = ArrivalClock()
    return arrivals.follow(find_gaps(decode_stream(container), clock_start(container), _MAX_GAP, arrivals.find_gap))


@contextmanager
def _explain(address: MediaAddress | None) -> Iterator[None]:
    """Turn what FFmpeg and the network report into `IngestError`, without the URL, which may contain secrets."""
    try:
        yield
    except IngestError:
        raise
    except SurtitleError as error:
        raise IngestError("refused", error.message) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _describe(error, address) from None


def _describe(error: Exception, address: MediaAddress | None) -> IngestError:
    label = "The input" if address is None else address.label
    status = getattr(error, "status", None) if isinstance(error, HttpStatusError) else None
    if isinstance(error, (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)) or status in (401, 403):
        return IngestError("refused", f"{label} refuses access: check the user name, the password or the key.")
    if isinstance(error, av.error.HTTPNotFoundError) or status in (404, 410):
        return IngestError("refused", f"There is nothing at {label}: check the address.")
    if isinstance(error, FileNotFoundError) and address is None:
        return IngestError("failed", "This file does not exist: check its name.")
    if isinstance(error, av.error.ProtocolNotFoundError):
        return IngestError("failed", f"FFmpeg cannot read {address.scheme if address else 'this'}:// here.")
    if address is not None and address.listens:
        if "in use" in describe_error(error):
            return IngestError("failed", f"Port {address.port} is used by another program: choose another port.")
        return IngestError("waiting", f"Nothing is sent to {address.label}.")
    if isinstance(error, (av.error.ExitError, TimeoutError)):
        return IngestError("reconnecting", f"{label} does not answer.")
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return IngestError("failed", f"FFmpeg finds no audio that it can read in {label}.")
    return IngestError("reconnecting", f"{label} cannot be read ({describe_error(error)}).")
