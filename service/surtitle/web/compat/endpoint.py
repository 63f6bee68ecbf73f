"""What the routes of all protocols share: their channel, and what happens when a connection fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from surtitle.channels.settings import check_language
from surtitle.core.errors import BadRequest, EngineError, ShuttingDown, SurtitleError
from surtitle.models.engines import BUILT_IN
from surtitle.text.languages import recognizer_code, unknown_language
from surtitle.web.clients import describe_peer
from surtitle.web.guard import ErrorResponse
from surtitle.web.services import services

log = logging.getLogger("surtitle.compat")

CloseWith = Callable[[WebSocket, SurtitleError], Awaitable[None]]
"""Tells the client of a protocol about an error, and closes the connection."""

RETRY_DELAY = 5
"""Seconds after which a client may repeat a request for which there was no room."""

_CLOSE_TIMEOUT = 2.0  # seconds that a client may take to accept the reason


def find_channel(connection: HTTPConnection) -> str:
    """The channel in the path, or that of the route."""
    name: str = connection.path_params.get("channel") or connection.scope["route"].needs.channel
    return name


def source_name(connection: HTTPConnection, default: str) -> str:
    """The name of the client's source: ``source`` in its address, where a person may have put one, or ``default``."""
    return connection.query_params.get("source") or default


def check_spoken_language(connection: HTTPConnection, channel: str, language: str | None) -> None:
    """Refuse a language that the channel's model does not know, because the client would get another one instead.

    A model that is still being loaded cannot be asked. Raises `BadRequest`, `NoSuchChannel`, `TooMany`.
    """
    if not language:
        return
    check_language(language)
    engines, hub = services(connection).engines, services(connection).hub
    engine = engines.get_loaded(hub.channel(channel).settings.model)
    if engine is not None and engines.settled and recognizer_code(language, engine.languages) is None:
        name = (
            engine.name if engine.name == BUILT_IN else Path(engine.model).name
        )  # without a directory of this computer
        raise BadRequest(unknown_language(language, name, engine.languages, detected=False))


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


async def _refuse(websocket: WebSocket, error: SurtitleError) -> None:
    """Answer the handshake by an HTTP status, in the format of the protocol."""
    route = websocket.scope.get("route")
    response: ErrorResponse | None = getattr(route, "error_response", None)
    if response is None:
        raise error
    await websocket.send_denial_response(response(error))


async def _close(websocket: WebSocket, error: SurtitleError, close: CloseWith) -> None:
    if websocket.application_state is WebSocketState.CONNECTING:
        await _refuse(websocket, error)
        return
    if websocket.application_state is not WebSocketState.CONNECTED:
        return
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await close(websocket, error)
    except (RuntimeError, OSError, TimeoutError, WebSocketDisconnect):
        log.debug("the client disconnected before the error could be sent")
