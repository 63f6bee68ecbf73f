"""WebSockets of the protocols: sending within limits, and running both directions of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
from starlette.websockets import WebSocket

from surtitle.core.errors import ShuttingDown, SurtitleError
from surtitle.web.receive import receive
from surtitle.web.services import services


async def send_json(websocket: WebSocket, message: object) -> None:
    """Send a message as JSON; see `send_text`."""
    await send_text(websocket, msgspec.json.encode(message).decode())


async def send_text(websocket: WebSocket, text: str) -> None:
    """Send a message, which the client must accept within the limit. Raises `TimeoutError`, `WebSocketDisconnect`."""
    async with asyncio.timeout(services(websocket).settings.limits.send_timeout):
        await websocket.send_text(text)


async def receive_message(
    websocket: WebSocket, timeout: float | None = None, owner: asyncio.Future[None] | None = None
) -> bytes | str:
    """The client's next message, for which it has ``timeout`` seconds if its protocol says so. Raises as `receive`."""
    limits = services(websocket).settings.limits
    seconds = min(limits.compat_idle_timeout, timeout or limits.compat_idle_timeout)
    return await receive(websocket, seconds, owner, limit=limits.compat_frame_bytes)


def close_code(error: SurtitleError) -> int:
    """The code with which a connection closes because of an error, for programs that know the standard codes only.

    Clients connect again after 1012; none needs to hear of a restart in any other way.
    """
    if isinstance(error, ShuttingDown):
        return ShuttingDown.close
    return 1011 if error.status >= 500 else 1008


async def run_both(receiving: Coroutine[Any, Any, None], sending: Coroutine[Any, Any, None]) -> None:
    """Run both directions of a connection until both have ended. If one fails, the other is cancelled.

    Raises the error of the first that failed.
    """
    tasks = [asyncio.create_task(receiving), asyncio.create_task(sending)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
