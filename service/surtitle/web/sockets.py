"""Sockets that publish audio: what happens when their endpoint ends, whatever their protocol is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from surtitle.core.errors import EngineError, ShuttingDown, SurtitleError
from surtitle.web.clients import describe_peer
from surtitle.web.guard import ErrorResponse

log = logging.getLogger("surtitle.publish")

CloseWith = Callable[[WebSocket, SurtitleError], Awaitable[None]]
"""Tells the client of a protocol about an error, and closes the connection."""

_CLOSE_TIMEOUT = 2.0  # seconds that a client may take to accept the reason


async def run_socket(websocket: WebSocket, endpoint: Callable[[WebSocket], Awaitable[None]], close: CloseWith) -> None:
    """Run ``endpoint`` until the client disconnects, and close with the reason if the endpoint fails.

    An error before the connection is accepted is answered by an HTTP status.
    """
    peer = describe_peer(websocket)
    try:
        await endpoint(websocket)
    except WebSocketDisconnect:
        log.info("%s disconnected", peer)
    except TimeoutError:
        log.info("%s does not read the messages sent to it", peer)
    except SurtitleError as error:
        log.warning("%s refused: %s", peer, error)
        await _close(websocket, error, close)
    except asyncio.CancelledError:
        await _close(websocket, ShuttingDown(), close)
        raise
    except Exception:
        log.exception("%s: the connection failed", peer)
        await _close(websocket, EngineError("The service failed unexpectedly: see its log for details."), close)


async def accept(
    websocket: WebSocket, subprotocol: str | None = None, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Accept a connection. Raises `WebSocketDisconnect` if the client has gone meanwhile."""
    try:
        await websocket.accept(subprotocol, headers)
    except OSError as error:
        raise WebSocketDisconnect(1006) from error


async def _close(websocket: WebSocket, error: SurtitleError, close: CloseWith) -> None:
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            if websocket.application_state is WebSocketState.CONNECTING:
                await _refuse(websocket, error)
            elif websocket.application_state is WebSocketState.CONNECTED:
                await close(websocket, error)
    except (RuntimeError, OSError, TimeoutError, WebSocketDisconnect):
        log.debug("the client disconnected before the error could be sent")


async def _refuse(websocket: WebSocket, error: SurtitleError) -> None:
    """Answer the handshake by an HTTP status, in the format of the protocol."""
    route = websocket.scope.get("route")
    response: ErrorResponse | None = getattr(route, "error_response", None)
    if response is None:
        raise error
    await websocket.send_denial_response(response(error))
