"""Receives the messages of a WebSocket, within limits."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from surtitle.core.errors import TooLarge
from surtitle.web.clients import wait_for_client
from surtitle.web.services import services


async def receive(
    websocket: WebSocket,
    timeout: float,
    owner: asyncio.Future[None] | None = None,
    expected: str = "send audio",
    limit: int | None = None,
) -> bytes | str:
    """The client's next message: bytes or text. ``owner`` ends the wait early, with its error.

    A message may have ``limit`` bytes, by default as many as those of the service's own protocol.

    ``expected`` tells a client that sends nothing for ``timeout`` seconds what to do.
    Raises `WebSocketDisconnect`, `TimedOut`, `TooLarge`.
    """
    message = await wait_for_client(websocket.receive(), timeout, expected, owner)
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    data: bytes | None = message.get("bytes")
    text: str | None = message.get("text")
    limit = limit or services(websocket).settings.limits.frame_bytes
    if max(len(data or b""), len(text or "")) > limit:
        raise TooLarge(f"A message may have at most {limit} bytes: send the audio in smaller pieces.")
    return data if data is not None else text or ""
