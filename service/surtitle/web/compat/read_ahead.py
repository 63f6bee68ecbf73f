"""Reads what a client sends before it is asked for, so that the connection stays alive while audio is held back.

A WebSocket's pings travel among its messages. A client that sends a file at once waits for the answer to its ping, and
closes the connection if that is behind minutes of audio that nobody has read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.routing import websocket_session
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

MAX_BYTES = 32 << 20
"""Bytes of one connection that are kept: a quarter of an hour of samples at 16 kHz. Then the client is held back."""


class ReadAhead:
    """The ASGI application of a WebSocket endpoint, which reads ahead.

    When the client disconnects, the endpoint sees that next: what the client has sent before is discarded. Only the
    beginning of the connection is never discarded, because accepting it would fail otherwise.
    """

    def __init__(self, endpoint: Callable[[WebSocket], Awaitable[None]]) -> None:
        self._app = websocket_session(endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        inbox = Inbox(receive)
        reading = asyncio.create_task(inbox.run(), name="read ahead")
        try:
            await self._app(scope, inbox.receive, send)
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


class Inbox:
    """The messages that have arrived, at most ``max_bytes`` and one message more."""

    def __init__(self, receive: Receive, max_bytes: int = MAX_BYTES) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._space = asyncio.Event()

    async def run(self) -> None:
        """Receive messages until the client disconnects."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._messages = deque(one for one in self._messages if one["type"] == "websocket.connect")
            self._messages.append(message)
            self._bytes += _size(message)
            self._arrived.set()
            if message["type"] == "websocket.disconnect":
                return
            while self._bytes > self._max_bytes:
                self._space.clear()
                await self._space.wait()

    async def receive(self) -> Message:
        """The oldest message, as soon as there is one."""
        while not self._messages:
            self._arrived.clear()
            await self._arrived.wait()
        message = self._messages.popleft()
        self._bytes -= _size(message)
        self._space.set()
        return message


def _size(message: Message) -> int:
    return len(message.get("bytes") or b"") + len(message.get("text") or "")
