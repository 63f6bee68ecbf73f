"""The Wyoming protocol, by which Home Assistant has voice commands recognized: one transcript for each utterance.

It runs over TCP, and has neither encryption nor authentication. The contract is that of the library `wyoming` 1.10.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from surtitle import __version__
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import BadRequest, EngineError, ShuttingDown, SurtitleError, TooLarge, UnsupportedFormat
from surtitle.core.settings import COMPAT_CHANNEL
from surtitle.core.words import Word, join
from surtitle.models.catalogue import plain_name
from surtitle.vocabulary.rules import MAX_HOTWORDS, Vocabulary
from surtitle.web.clients import describe_peer, wait_for_client
from surtitle.web.compat.endpoint import check_spoken_language
from surtitle.web.compat.live_source import AudioFormat, LiveRequest, LiveSource, open_live_source
from surtitle.web.compat.sockets import run_both
from surtitle.web.compat.transcript import CaptionChange
from surtitle.web.services import services

T = TypeVar("T")

log = logging.getLogger("surtitle.compat")

NAME = "Wyoming client"
"""The source's name."""

_URL = "https://github.com/surtitle/surtitle"
_MAX_LINE = 64 << 10  # bytes of a header, and of the data that may follow it
_MAX_PAYLOAD = 1 << 20  # bytes of audio in one event
_MAX_CONNECTIONS = 64
_CLOSE_TIMEOUT = 1.0  # seconds for clients to be told that the service stops


@dataclass(frozen=True, slots=True)
class Event:
    """One message: its type, JSON data, and binary data."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""


class _Header(msgspec.Struct, frozen=True):
    type: str
    data: dict[str, Any] | None = None
    data_length: Annotated[int, Meta(ge=0, le=_MAX_LINE)] | None = None
    payload_length: Annotated[int, Meta(ge=0, le=_MAX_PAYLOAD)] | None = None


class _Transcribe(msgspec.Struct, frozen=True):
    """What a client asks for before its audio. ``name`` is a model, and is ignored: that of the channel is used."""

    language: str | None = None
    transcript_names: tuple[str, ...] | None = None
    transcript_terms: tuple[str, ...] | None = None

    @property
    def options(self) -> SourceOptions:
        """Raises `BadRequest`."""
        named = (*(self.transcript_names or ()), *(self.transcript_terms or ()))
        phrases = [phrase for phrase in named if phrase.strip()]
        return SourceOptions(self.language or None, Vocabulary.parse("", phrases[:MAX_HOTWORDS], {}, ()))


class _Audio(msgspec.Struct, frozen=True):
    rate: int
    width: int
    channels: int

    @property
    def format(self) -> AudioFormat:
        """Raises `UnsupportedFormat`."""
        if self.width != 2:
            raise UnsupportedFormat(f"Samples of {self.width} bytes are not supported: send 2 bytes, signed.")
        return AudioFormat("pcm16le", self.rate, self.channels)


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """The next message, or None at the end of the stream. Raises `BadRequest`, `TooLarge`."""
    try:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            return None
        header = msgspec.json.decode(line, type=_Header)
        data = header.data or {}
        if header.data_length:
            data |= msgspec.json.decode(await reader.readexactly(header.data_length), type=dict[str, Any])
        payload = await reader.readexactly(header.payload_length) if header.payload_length else b""
    except asyncio.IncompleteReadError:
        return None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"This is not an event of the Wyoming protocol ({error}).") from error
    except ValueError as error:  # the line is longer than the reader's limit
        raise TooLarge(f"The line of an event may have at most {_MAX_LINE} bytes.") from error
    return Event(header.type, data, payload)


def encode_event(event: Event) -> bytes:
    """The bytes of a message without binary data."""
    data = msgspec.json.encode(event.data) if event.data else b""
    header: dict[str, Any] = {"type": event.type, "version": "1.10.2"}
    if data:
        header["data_length"] = len(data)
    return msgspec.json.encode(header) + b"\n" + data


class WyomingServer:
    """Serves clients at a socket that listens. Owns the tasks of its connections, but not the socket."""

    def __init__(self, listen_socket: socket.socket) -> None:
        self._socket = listen_socket
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, app: ASGIApp) -> None:
        """Begin to serve with the services of ``app``."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            if len(self._connections) < _MAX_CONNECTIONS:
                self._connections.add(task)
                task.add_done_callback(self._connections.discard)
                await _Client(app, reader, writer).run()
            writer.close()

        self._server = await asyncio.start_server(serve, sock=self._socket, limit=_MAX_LINE)

    async def close(self) -> None:
        """Stop serving; clients that are served are told why."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=_CLOSE_TIMEOUT)


class _Client:
    """One connection."""

    def __init__(self, app: ASGIApp, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername") or ("unknown", 0)
        # a request as ASGI describes it, which is how the services are found and limits are applied
        scope = {"type": "http", "app": app, "client": tuple(peer[:2]), "headers": [], "query_string": b"", "path": "/"}
        self._connection = HTTPConnection(scope)
        self._settings = services(self._connection).settings
        self._channel = self._settings.compat_channel or COMPAT_CHANNEL
        self._reader = reader
        self._writer = writer

    async def run(self) -> None:
        """Answer until the client disconnects or something fails."""
        peer = describe_peer(self._connection)
        try:
            await self._answer()
        except (OSError, TimeoutError):
            log.info("%s disconnected", peer)
        except SurtitleError as error:
            log.warning("%s refused: %s", peer, error)
            await self._send_error(error)
        except asyncio.CancelledError:
            await self._send_error(ShuttingDown())
        except Exception:
            log.exception("%s: the connection failed", peer)
            await self._send_error(EngineError("The service failed unexpectedly: see its log for details."))

    async def _answer(self) -> None:
        request = _Transcribe()
        while (event := await self._receive()) is not None:
            if event.type == "describe":
                await self._send("info", self._describe())
            elif event.type == "transcribe":
                request = _convert(event.data, _Transcribe)
                await check_spoken_language(self._connection, self._channel, request.language)
            elif event.type in ("audio-start", "audio-chunk"):
                await self._transcribe(request, event)
                request = _Transcribe()

    async def _transcribe(self, request: _Transcribe, first: Event) -> None:
        """Recognize one utterance, whose first event is its start or already audio."""
        audio = _convert(first.data, _Audio).format
        words: list[Word] = []
        async with open_live_source(self._connection, LiveRequest(self._channel, NAME, audio, request.options)) as live:
            await run_both(self._receive_audio(live, first.payload), self._send_words(live, words))
            language = {} if live.language == "auto" else {"language": live.language}
        await self._send("transcript", {"text": join(words), **language})
        if words:
            await self._send("transcript-stop")

    async def _receive_audio(self, live: LiveSource, data: bytes) -> None:
        await live.write(data)
        while (event := await self._receive(live)) is not None:
            if event.type == "audio-chunk":
                await live.write(event.payload)
            elif event.type == "audio-stop":
                await live.finish()
                return
        raise ConnectionResetError

    async def _send_words(self, live: LiveSource, words: list[Word]) -> None:
        """Send the text as far as it is final, and collect its words."""
        async for changes in live.changes():
            before = join(words)
            new = [word for change in changes if isinstance(change, CaptionChange) for word in change.words]
            if new and not words:
                await self._send("transcript-start", {} if live.language == "auto" else {"language": live.language})
            words += new
            if new:
                await self._send("transcript-chunk", {"text": join(words)[len(before) :]})

    async def _receive(self, live: LiveSource | None = None) -> Event | None:
        """The client's next event other than a ping. Raises `TimedOut`, and `SurtitleError` if it loses its source."""
        while True:
            timeout = self._settings.limits.compat_idle_timeout
            owner = live.owner if live else None
            event = await wait_for_client(read_event(self._reader), timeout, "send audio", owner)
            if event is None or event.type != "ping":
                return event
            await self._send("pong", {"text": event.data.get("text")})

    async def _send(self, kind: str, data: dict[str, Any] | None = None) -> None:
        """Raises `TimeoutError`, `OSError`."""
        self._writer.write(encode_event(Event(kind, data or {})))
        async with asyncio.timeout(self._settings.limits.send_timeout):
            await self._writer.drain()

    async def _send_error(self, error: SurtitleError) -> None:
        with suppress(OSError, TimeoutError):
            await self._send("error", {"text": error.message, "code": error.code})

    def _describe(self) -> dict[str, Any]:
        engines = services(self._connection).engines
        engine = engines.get_loaded(None)
        artifact = {
            "description": "Surtitle's speech recognition",
            "attribution": {"name": "Surtitle", "url": _URL},
            "installed": True,
            "version": __version__,
        }
        name = plain_name(engine.model) or engine.name if engine else ""
        model = {"name": name, **artifact, "languages": sorted(engine.languages) if engine else []}
        program = {"name": "surtitle", **artifact, "models": [model]}
        return {"asr": [{**program, "supports_transcript_streaming": True, "requires_external_vad": True}]}


def _convert(data: dict[str, Any], kind: type[T]) -> T:
    """Raises `BadRequest`."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The event's data are not valid: {error}.") from error
