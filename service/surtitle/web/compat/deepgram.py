"""Deepgram's interface for live audio: `WS /v1/listen`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from surtitle.core.errors import BadAudio, BadRequest, NoSuchChannel, Replaced, SurtitleError, TimedOut
from surtitle.vocabulary.rules import MAX_HOTWORDS
from surtitle.web.compat.deepgram_query import ListenQuery, with_keyterms
from surtitle.web.compat.deepgram_results import RequestInfo, Results
from surtitle.web.compat.endpoint import RETRY_DELAY, find_channel, source_name
from surtitle.web.compat.live_source import LiveRequest, LiveSource, open_live_source
from surtitle.web.compat.sockets import close_code, run_both, send_json
from surtitle.web.responses import retry_headers
from surtitle.web.sockets import accept, run_socket

NAME = "Deepgram client"
"""The source's name."""

Json = dict[str, Any]

_IDLE_TIMEOUT = 10.0  # seconds in which a client has to send audio or KeepAlive
_LOOK = 0.1  # seconds between two looks at the time while a turn may end
_HEARTBEAT = 60.0
_CODES = {
    401: "INVALID_AUTH",
    403: "INSUFFICIENT_PERMISSIONS",
    404: "NOT_FOUND",
    408: "SLOW_UPLOAD",
    413: "PAYLOAD_TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
}
_ECHOED = ("token", "bearer")  # subprotocols that browsers send with their key


class _Silence(TimedOut):
    """The client sent nothing for too long."""


async def listen_socket(websocket: WebSocket) -> None:
    """One source over Deepgram's live interface."""
    await run_socket(websocket, _serve, _close)


async def refuse_second_version(websocket: WebSocket) -> None:
    """`/v2/listen`: the second version of the interface."""
    error = NoSuchChannel("The second version of Deepgram's interface does not exist here: use /v1/listen.")
    await websocket.send_denial_response(error_response(error))


def error_response(error: SurtitleError) -> Response:
    """The answer to a refused request."""
    request = str(uuid.uuid4())
    code = _CODES.get(error.status, "Bad Request" if error.status < 500 else "INTERNAL_SERVER_ERROR")
    body = {"err_code": code, "err_msg": error.message, "request_id": request}
    shown = error.message.encode("ascii", "replace").decode()  # headers have no other characters
    headers = {"dg-request-id": request, "dg-error": shown, **retry_headers(error, RETRY_DELAY)}
    return JSONResponse(body, error.status, headers)


async def _serve(websocket: WebSocket) -> None:
    query = ListenQuery.parse(websocket.query_params)
    request = LiveRequest(find_channel(websocket), source_name(websocket, NAME), query.audio, query.options)
    async with open_live_source(websocket, request) as live:
        connection = _Connection(websocket, live, query)
        offered = websocket.scope.get("subprotocols", ())
        echoed = next((name for name in offered if name.lower() in _ECHOED), None)
        await accept(websocket, echoed, [(b"dg-request-id", connection.info.id.encode())])
        await run_both(connection.receive_all(), connection.send_changes())


class _Connection:
    """One client, from its connection to its end."""

    def __init__(self, websocket: WebSocket, live: LiveSource, query: ListenQuery) -> None:
        self._websocket = websocket
        self._live = live
        self._query = query
        self.info = RequestInfo(live.model, live.engine)
        self._results = Results(query, self.info)
        self._options = query.options
        self._hash = hashlib.sha256()
        self._created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._sending = asyncio.Lock()  # one batch of messages at a time

    async def receive_all(self) -> None:
        """Handle messages until the client ends the stream."""
        while True:
            try:
                message = await self._live.receive(self._websocket, _IDLE_TIMEOUT)
            except Replaced:
                raise
            except TimedOut as error:
                raise _Silence(error.message) from error
            if isinstance(message, str):
                if await self._handle(message):
                    return
            elif message:
                self._hash.update(message)
                await self._live.write(message)
            else:  # older clients end the stream so
                await self._close_stream()
                return

    async def send_changes(self) -> None:
        """Send results as they come, until the source has ended."""
        live = self._live
        while not live.ended:
            await live.wait(_LOOK if self._results.waiting else _HEARTBEAT)
            async with self._sending:
                changes = live.take_changes()
                await self._send_all(self._results.update(changes, live.follower.tentative, live.recognized))

    async def _handle(self, message: str) -> bool:
        """Handle a text message. Returns whether it ends the stream."""
        command = _parse(message)
        kind = command.get("type")
        if kind == "CloseStream":
            await self._close_stream()
            return True
        if kind == "Finalize":
            await self._finalize()
        elif kind == "Configure":
            await self._configure(command)
        elif kind != "KeepAlive":
            description = "The message is not one of KeepAlive, Finalize, CloseStream and Configure."
            await self._send(
                {"type": "Error", "variant": "SchemaError", "description": description, "message": message[:1000]}
            )
        return False

    async def _finalize(self) -> None:
        async with self._sending:
            await self._live.flush()
            await self._send_all(self._results.flush(self._live.take_changes(), self._live.recognized, finalize=True))

    async def _close_stream(self) -> None:
        """Send all that is left, and close: clients wait for it."""
        live = self._live
        await live.finish()
        async with self._sending:
            await self._send_all(self._results.flush(live.take_changes(), live.recognized))
            await send_json(
                self._websocket, self._results.metadata(live.received, self._hash.hexdigest(), self._created)
            )
            await self._websocket.close(1000)

    async def _configure(self, command: Json) -> None:
        request, keyterms = self.info.id, command.get("keyterms")
        answer: Json = {"type": "ConfigureSuccess", "request_id": request}
        try:
            if keyterms is not None:
                if not isinstance(keyterms, list) or not all(isinstance(term, str) for term in keyterms):
                    raise BadRequest("keyterms: send a list of words and phrases.")
                options = with_keyterms(self._options, keyterms)
                self._live.change_options(options)
                self._options = options
                answer["keyterms"] = keyterms
        except BadRequest as error:
            too_many = isinstance(keyterms, list) and len(keyterms) > MAX_HOTWORDS
            code = "CONFIGURE_KEYTERM_LIMIT_EXCEEDED" if too_many else "CONFIGURE_INTERNAL_ERROR"
            answer = {
                "type": "ConfigureFailure",
                "request_id": request,
                "code": code,
                "description": error.message,
            }
        await self._send(answer)

    async def _send(self, message: Json) -> None:
        async with self._sending:
            await send_json(self._websocket, message)

    async def _send_all(self, messages: list[Json]) -> None:
        for message in messages:
            await send_json(self._websocket, message)


def _parse(message: str) -> Json:
    """A command; empty for what is none."""
    try:
        command = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return command if isinstance(command, dict) else {}


async def _close(websocket: WebSocket, error: SurtitleError) -> None:
    if isinstance(error, BadAudio):
        await websocket.close(1008, _reason("DATA-0000", error))
    elif isinstance(error, _Silence):
        await websocket.close(1011, _reason("NET-0001", error))
    else:
        await websocket.close(close_code(error), _reason(error.code, error))


def _reason(code: str, error: SurtitleError) -> str:
    """What a close frame has room for: 123 bytes."""
    return f"{code}: {error.message}".encode()[:120].decode(errors="ignore")
