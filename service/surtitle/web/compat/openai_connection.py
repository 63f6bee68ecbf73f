"""What OpenAI's two Realtime interfaces share: their messages, and a connection up to its end.

The source is opened with the first audio, because clients configure the session after they have connected. An error in
a message is answered, and the session continues; some clients give up on any error, so there are only real ones.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import msgspec
from starlette.websockets import WebSocket

from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import BadRequest, ShuttingDown, SurtitleError
from surtitle.web.compat.endpoint import find_channel, source_name
from surtitle.web.compat.live_source import AudioFormat, LiveRequest, LiveSource, open_live_source
from surtitle.web.compat.openai_errors import describe_error
from surtitle.web.compat.sockets import close_code, receive_message, run_both, send_json
from surtitle.web.services import services
from surtitle.web.sockets import accept

NAME = "OpenAI client"
"""The source's name."""

Json = dict[str, Any]


class InvalidValue(BadRequest):
    """A field of a message has a wrong value."""

    code = "invalid_value"


class Connection(ABC):
    """One client, from its connection to its end."""

    append: ClassVar[str]
    """The type of the messages with audio."""
    end: ClassVar[str] = ""
    """The type of the message that ends the session, if there is one."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._limits = services(websocket).settings.limits
        self._live: LiveSource | None = None
        self._sending = asyncio.Lock()  # one batch of messages at a time

    @abstractmethod
    def describe_created(self) -> Json:
        """The first message."""

    @abstractmethod
    def source(self) -> tuple[AudioFormat, SourceOptions]:
        """The audio and the options of the source, as configured when the first audio arrives."""

    @abstractmethod
    async def handle(self, event: Json) -> None:
        """Handle a message that is neither audio nor the end. Raises `SurtitleError`, which is answered."""

    @abstractmethod
    async def send_changes(self, live: LiveSource) -> None:
        """Send what is recognized, until the source has ended."""

    async def write(self, live: LiveSource, data: bytes) -> None:
        """Pass on audio."""
        await live.write(data)

    async def finish(self, live: LiveSource | None) -> None:
        """End the session, as the client wants; ``live`` is None if there was no audio."""
        if live is not None:
            await live.finish()
        await self._websocket.close(1000)

    async def run(self) -> None:
        await self.send(self.describe_created())
        data = await self._receive_until_audio()
        if data is None:
            await self.finish(None)
            return
        audio, options = self.source()
        channel, name = find_channel(self._websocket), source_name(self._websocket, NAME)
        async with open_live_source(self._websocket, LiveRequest(channel, name, audio, options)) as live:
            self._live = live
            await run_both(self._receive_all(live, data), self.send_changes(live))

    async def send(self, *events: Json) -> None:
        """Send messages, with an id each. Raises `TimeoutError`, `WebSocketDisconnect`."""
        async with self._sending:
            await self.send_locked(*events)

    async def send_locked(self, *events: Json) -> None:
        """Like `send`, for a caller that holds the lock."""
        for event in events:
            await send_event(self._websocket, event)

    async def send_error(self, error: SurtitleError, event: Json | None = None) -> None:
        """Send an error; ``event`` is the message that caused it."""
        await self.send(describe_failure(error, event))

    async def _receive_until_audio(self) -> bytes | None:
        """Answer messages until the first audio, which is returned; None if the client ends the session."""
        while True:
            data = await self._answer(await receive_message(self._websocket))
            if data is None or data:
                return data

    async def _receive_all(self, live: LiveSource, data: bytes | None) -> None:
        """Pass on audio, beginning with ``data``, and answer messages, until the client ends the session."""
        while data is not None:
            if data:
                await self.write(live, data)
            data = await self._answer(await live.receive(self._websocket))
        await self.finish(live)

    async def _answer(self, message: bytes | str) -> bytes | None:
        """Answer a message. Returns the audio in it, perhaps none; None if the client ends the session."""
        event: Json = {}
        try:
            event = parse_event(message)
            if event["type"] == self.append:
                return decode_audio(event)
            if event["type"] == self.end:
                return None
            await self.handle(event)
        except SurtitleError as error:
            if error.status >= 500:
                raise
            await self.send_error(error, event)
        return b""


async def accept_client(websocket: WebSocket) -> None:
    """Accept a client for whose source there is room. Raises `NoSuchChannel`, `TooMany`, `WebSocketDisconnect`."""
    services(websocket).hub.check_room(find_channel(websocket))
    offered = websocket.scope.get("subprotocols", ())
    await accept(websocket, "realtime" if "realtime" in offered else None)


async def send_event(websocket: WebSocket, event: Json) -> None:
    """Send a message with an id. Raises `TimeoutError`, `WebSocketDisconnect`."""
    await send_json(websocket, {**event, "event_id": f"event_{secrets.token_hex(10)}"})


async def close_with_error(websocket: WebSocket, error: SurtitleError) -> None:
    """Send an error after which the session cannot continue, and close the connection.

    A restart of the service is not sent, because some clients connect again after a close but not after an error.
    """
    if not isinstance(error, ShuttingDown):
        await send_event(websocket, describe_failure(error))
    await websocket.close(close_code(error), error.code)


def describe_failure(error: SurtitleError, event: Json | None = None) -> Json:
    """The message for an error; ``event`` is the client's message that caused it."""
    event_id = (event or {}).get("event_id")
    details = {**describe_error(error), "event_id": event_id if isinstance(event_id, str) else None}
    return {"type": "error", "error": details}


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
