"""OpenAI's Realtime interface for transcription: `WS /v1/realtime`.

The source is opened with the first audio, because clients configure the session after they have connected. An error in
a message is answered, and the session continues; some clients give up on any error, so there are only real ones.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from typing import Any

import msgspec
from starlette.websockets import WebSocket

from surtitle.core.errors import BadRequest, SurtitleError, UnsupportedFormat
from surtitle.web.compat.endpoint import find_channel, run_socket, source_name
from surtitle.web.compat.live_source import LiveRequest, LiveSource, open_live_source
from surtitle.web.compat.openai_errors import describe_error
from surtitle.web.compat.realtime_items import Items
from surtitle.web.compat.realtime_session import Session
from surtitle.web.compat.sockets import run_both, send_json
from surtitle.web.receive import receive
from surtitle.web.services import services

NAME = "OpenAI client"
"""The source's name."""

Json = dict[str, Any]

_MODEL = "whisper-1"  # what a session is said to use before it is known
_LOOK = 0.1  # seconds between two looks at the time while a turn may end
_HEARTBEAT = 60.0


class InvalidValue(BadRequest):
    """A field of a message has a wrong value."""

    code = "invalid_value"


class EmptyBuffer(BadRequest):
    """There is no audio to commit."""

    code = "input_audio_buffer_commit_empty"


async def realtime_socket(websocket: WebSocket) -> None:
    """One source over OpenAI's Realtime interface."""
    await run_socket(websocket, _serve, close_with_error)


async def accept(websocket: WebSocket) -> None:
    """Accept a client for whose source there is room. Raises `NoSuchChannel`, `TooMany`."""
    services(websocket).hub.check_room(find_channel(websocket))
    offered = websocket.scope.get("subprotocols", ())
    await websocket.accept("realtime" if "realtime" in offered else None)


async def send_event(websocket: WebSocket, event: Json) -> None:
    """Send a message with an id. Raises `TimeoutError`, `WebSocketDisconnect`."""
    await send_json(websocket, {**event, "event_id": f"event_{secrets.token_hex(10)}"})


async def send_error(websocket: WebSocket, error: SurtitleError, event: Json | None = None) -> None:
    """Send an error; ``event`` is the message that caused it."""
    event_id = (event or {}).get("event_id")
    details = {**describe_error(error), "event_id": event_id if isinstance(event_id, str) else None}
    await send_event(websocket, {"type": "error", "error": details})


async def close_with_error(websocket: WebSocket, error: SurtitleError) -> None:
    """Send an error after which the session cannot continue, and close the connection."""
    await send_error(websocket, error)
    await websocket.close(1011 if error.status >= 500 else 1008, error.code)


def parse_event(message: bytes | str) -> Json:
    """A client's message. Raises `BadRequest`."""
    try:
        event = msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest("The message is not valid JSON: send an object with a type.") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise BadRequest("type: send a message with a type.")
    return event


def decode_audio(event: Json) -> bytes:
    """The audio of an append message. Raises `BadRequest`."""
    try:
        return base64.b64decode(event["audio"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise InvalidValue("audio: send the audio in base64.") from error


async def _serve(websocket: WebSocket) -> None:
    await accept(websocket)
    await _Connection(websocket).run()


class _Connection:
    """One client, from its connection to its leaving."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._limits = services(websocket).settings.limits
        beta = "realtime=v1" in websocket.headers.get("openai-beta", "") or any(
            name.startswith("openai-beta.") for name in websocket.scope.get("subprotocols", ())
        )
        self._items = Items(Session(beta=beta))
        self._live: LiveSource | None = None
        self._uncommitted = False  # whether there is audio since the last commit
        self._sending = asyncio.Lock()  # one batch of messages at a time

    @property
    def _session(self) -> Session:
        return self._items.session

    async def run(self) -> None:
        await self._send({"type": f"{self._prefix}.created", "session": self._describe()})
        first = await self._receive_until_audio()
        request = LiveRequest(
            find_channel(self._websocket),
            source_name(self._websocket, NAME),
            self._session.format.audio,
            self._session.transcription.options,
        )
        async with open_live_source(self._websocket, request) as live:
            self._live = live
            await run_both(self._receive_all(live, first), self._send_changes(live))

    async def _receive_until_audio(self) -> Json:
        """Answer messages until the first audio, which is returned."""
        while True:
            message = await receive(self._websocket, self._limits.compat_idle_timeout)
            event = await self._answer(message)
            if event is not None:
                return event

    async def _receive_all(self, live: LiveSource, event: Json | None) -> None:
        """Pass on audio, beginning with ``event``, and answer messages, until the client disconnects."""
        while True:
            if event is not None:
                await self._write(live, event)
            event = await self._answer(await live.receive(self._websocket))

    async def _write(self, live: LiveSource, event: Json) -> None:
        data = decode_audio(event)
        self._uncommitted = self._uncommitted or bool(data)
        await live.write(data)

    async def _answer(self, message: bytes | str) -> Json | None:
        """Answer a message; audio is returned instead."""
        event: Json = {}
        try:
            event = parse_event(message)
            if event["type"] == "input_audio_buffer.append":
                decode_audio(event)
                return event
            await self._handle(event)
        except BadRequest as error:
            await self._send_error(error, event)
        return None

    async def _handle(self, event: Json) -> None:
        """Handle a message that is not audio. Raises `BadRequest`."""
        kind = event["type"]
        if kind in ("session.update", "transcription_session.update"):
            await self._update(event)
        elif kind == "input_audio_buffer.commit":
            await self._commit()
        elif kind == "input_audio_buffer.clear":
            await self._clear()
        else:
            raise InvalidValue(
                f"type: {kind[:60]!r} is not supported: this service transcribes, so send session.update or "
                "input_audio_buffer.append, commit or clear."
            )

    async def _update(self, event: Json) -> None:
        session = self._session.update(event)
        if event["type"].startswith("transcription_session"):
            session = msgspec.structs.replace(session, beta=True)
        options = session.transcription.options
        if self._live is not None:
            if session.format.audio != self._session.format.audio:
                raise UnsupportedFormat("The format cannot change after audio was sent: open another connection.")
            self._live.change_options(options)
        self._items.session = session
        kind = event["type"].removesuffix(".update")
        await self._send({"type": f"{kind}.updated", "session": self._describe()})

    async def _commit(self) -> None:
        if self._live is None or not self._uncommitted:
            raise EmptyBuffer("There is no audio since the last commit: append some before you commit.")
        self._uncommitted = False
        async with self._sending:
            await self._live.flush()
            await self._send_all(self._items.commit(self._live.take_changes(), self._live.received))

    async def _clear(self) -> None:
        async with self._sending:
            if self._live is not None:
                await self._live.flush()
                self._items.clear(self._live.take_changes(), self._live.received)
            self._uncommitted = False
            await self._send_all([{"type": "input_audio_buffer.cleared"}])

    async def _send_changes(self, live: LiveSource) -> None:
        while not live.ended:
            await live.wait(_LOOK if self._items.waiting else _HEARTBEAT)
            async with self._sending:
                await self._send_all(self._items.update(live.take_changes(), live.recognized))

    async def _send(self, event: Json) -> None:
        async with self._sending:
            await send_event(self._websocket, event)

    async def _send_all(self, events: list[Json]) -> None:
        for event in events:
            await send_event(self._websocket, event)

    async def _send_error(self, error: SurtitleError, event: Json) -> None:
        async with self._sending:
            await send_error(self._websocket, error, event)

    @property
    def _prefix(self) -> str:
        return "transcription_session" if self._session.beta else "session"

    def _describe(self) -> Json:
        return self._session.describe(self._live.model if self._live else _MODEL)
