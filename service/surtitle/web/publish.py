"""Audio comes in: the WebSocket and the chunked POST of the wire contract."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from surtitle.access.authority import TokenAuthority
from surtitle.audio import Samples
from surtitle.audio.intake import Intake, check_format, open_intake
from surtitle.channels.audio_tap import tap
from surtitle.channels.hub import Hub, OpenedSource
from surtitle.channels.source import Source
from surtitle.core.errors import (
    BadOrder,
    BadRequest,
    EngineError,
    ShuttingDown,
    SurtitleError,
    TimedOut,
    TooFast,
    TooLarge,
)
from surtitle.core.logs import about
from surtitle.core.settings import Limits
from surtitle.web.admission import ByteRateLimit, Room
from surtitle.web.guard import admit
from surtitle.web.messages import End, Start, error_message, parse, refuse
from surtitle.web.tickets import Tickets

log = logging.getLogger("surtitle.publish")

T = TypeVar("T")
Replacement = Callable[[Source, Samples], Awaitable[None]]


async def publish_socket(websocket: WebSocket) -> None:
    """`/api/channels/{channel}/audio` and `/stt`: one source over a WebSocket."""
    await websocket.accept()
    peer = _peer(websocket)
    try:
        await _Publisher(websocket).run()
    except WebSocketDisconnect:
        log.info("%s went away", peer)
    except TimeoutError:
        log.info("%s does not read what it is told", peer)
    except SurtitleError as error:
        log.warning("%s refused: %s", peer, error)
        await refuse(websocket, error)
    except asyncio.CancelledError:
        await refuse(websocket, ShuttingDown("The service is stopping: connect again in a moment."))
        raise
    except Exception:
        log.exception("%s: publishing failed", peer)
        await refuse(websocket, EngineError("Something went wrong in the service: the log says what."))


class _Publisher:
    """One connection, read as the protocol reads: start, audio, end."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._hub: Hub = websocket.app.state.hub
        self._limits: Limits = websocket.app.state.settings.limits

    async def run(self) -> None:
        start = await self._start()
        channel = self._websocket.path_params.get("channel") or start.channel or "main"
        async with publishing(self._websocket, channel, start, Source.put) as (opened, intake):
            source = opened.source
            await self._send(ready(opened))
            if (notice := self._notice()) is not None:
                await self._send({"type": "status", "engine": source.engine, "notice": notice})
            telling = asyncio.create_task(self._tell(source))
            try:
                await self._audio(opened, intake)
                await source.finish()
                if source.error is not None:
                    raise source.error
                await telling
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
        await self._websocket.close(1000)

    async def _start(self) -> Start:
        message = await self._receive(self._limits.start_timeout, "say start")
        if isinstance(message, bytes):
            raise BadOrder("Audio came before the start message: send start first.")
        if isinstance(message, End):
            raise BadOrder("There is nothing to end yet: send start first.")
        return message

    async def _audio(self, opened: OpenedSource, intake: Intake) -> None:
        """Everything between start and end."""
        flow = ByteRateLimit(self._limits.source_rate)
        while True:
            message = await self._receive(self._limits.idle_timeout, "send audio", opened.owner)
            if isinstance(message, bytes):
                if flow.take(len(message)):
                    raise TooFast(f"A source may send {self._limits.source_rate} bytes a second: send less at once.")
                await intake.write(message)
            elif isinstance(message, End):
                await intake.finish()
                return
            else:
                raise BadOrder("This connection has started already: open another one for another source.")

    async def _receive(
        self, timeout: float, expected: str, owner: asyncio.Future[None] | None = None
    ) -> Start | End | bytes:
        message = await _in_time(self._websocket.receive(), timeout, expected, owner)
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        data: bytes | None = message.get("bytes")
        text: str | None = message.get("text")
        if max(len(data or b""), len(text or "")) > self._limits.frame_bytes:
            raise TooLarge(f"One message may have {self._limits.frame_bytes} bytes: send the audio in smaller pieces.")
        return data if data is not None else parse(text or "")

    async def _tell(self, source: Source) -> None:
        """Send what the recognizer says, until its end."""
        while True:
            for event in source.feed.since(source.delivered):
                async with asyncio.timeout(self._limits.send_timeout):
                    await self._websocket.send_text(event.data)
                source.delivered = event.number
                if event.name == "end":
                    return
            await source.feed.wait(source.delivered, timeout=60.0)

    async def _send(self, message: dict[str, Any]) -> None:
        async with asyncio.timeout(self._limits.send_timeout):
            await self._websocket.send_text(msgspec.json.encode(message).decode())

    def _notice(self) -> str | None:
        """What the publisher should know about the engines, if anything."""
        notice: str = self._websocket.app.state.engines.notice
        return notice or None


async def publish_post(request: Request) -> Response:
    """`POST /api/channels/{channel}/audio`: one source over a chunked body."""
    limits: Limits = request.app.state.settings.limits
    channel, flow = request.path_params["channel"], ByteRateLimit(limits.source_rate)
    try:
        start = start_of(request)
        async with publishing(request, channel, start, Source.put_patiently) as (opened, intake):
            source = opened.source
            if opened.resumed:  # such a client cannot see from where it should go on
                source.miss(source.channel.clock(start.age))
            async for data in _body(request, limits.idle_timeout, opened.owner):
                await asyncio.sleep(flow.take(len(data)))
                for at in range(0, len(data), limits.frame_bytes):
                    await intake.write(data[at : at + limits.frame_bytes])
            await intake.finish()
            await source.finish()
            if source.error is not None:
                raise source.error
            summary = {
                **ready(opened),
                "type": "end",
                "seconds": round(source.received, 3),
                "skipped": round(source.skipped, 3),
                "captions": source.snapshot()["captions"],
                **({"notice": source.notice} if source.notice else {}),
            }
            return JSONResponse(summary)
    except ClientDisconnect:
        log.info("%s went away", _peer(request))
        return Response(status_code=499)
    except SurtitleError as error:
        log.warning("%s refused: %s", _peer(request), error)
        return JSONResponse(error_message(error), status_code=error.status, headers={"Connection": "close"})


@asynccontextmanager
async def publishing(
    connection: Request | WebSocket, channel: str, start: Start, put: Replacement
) -> AsyncIterator[tuple[OpenedSource, Intake]]:
    """A source and the way into it, for as long as the client publishes, and may.

    A body over HTTP may be held back; a WebSocket that is not read loses its keep-alive, so there
    a client that is far too fast is told instead.
    A client that vanishes leaves the source waiting for it; one that breaks the protocol ends it,
    and keeps what was recognized until then.
    """
    state = connection.app.state
    hub: Hub = state.hub
    room: Room = state.room
    authority: TokenAuthority = state.authority
    grant = admit(connection, start.token, channel)
    check_format(start.format, start.rate, start.channels)  # before anything is started
    room.check_start(connection)
    opened = await hub.open(channel, start.source, start.lang, start.resume, start.age)
    source = opened.source
    intake = open_intake(start.format, start.rate, start.channels, partial(put, source), tap(source))
    try:
        with about(source.channel.name, source.key), authority.holding(grant, partial(source.expel, opened.owner)):
            yield opened, intake
    except (WebSocketDisconnect, ClientDisconnect):
        await intake.abort()
        source.detach(opened.owner)
        raise
    except BaseException:
        await intake.abort()
        if not opened.owner.done():  # else another connection has the source now
            source.end()
        raise


def ready(opened: OpenedSource) -> dict[str, Any]:
    """The answer to start. ``received`` is how many seconds are known already; a replay begins there.

    ``clock`` is where the source's first sample is on the channel's clock, on which captions have their times.
    """
    source = opened.source
    return {
        "type": "ready",
        "channel": source.channel.name,
        "source": source.name,
        "engine": source.engine,
        "language": source.language,
        "resume": source.resume,
        "resumed": opened.resumed,
        "received": round(source.received, 3),
        "clock": round(source.clock, 3),
    }


def start_of(request: Request) -> Start:
    """The start message that the query says, or that its ticket stands for. Raises `BadRequest`."""
    if ticket := request.query_params.get("ticket"):
        tickets: Tickets = request.app.state.tickets
        return tickets.redeem(request.path_params["channel"], ticket)
    query = {key: value for key, value in request.query_params.items() if key in Start.__struct_fields__}
    if resume := request.headers.get("x-surtitle-resume"):
        query.setdefault("resume", resume)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        query.setdefault("token", token)
    try:
        return msgspec.convert({"op": "start", **query}, Start, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The query is not right: {error}.") from error


async def _body(request: Request, timeout: float, owner: asyncio.Future[None]) -> AsyncIterator[bytes]:
    stream = request.stream()
    with suppress(StopAsyncIteration):
        while True:
            yield await _in_time(anext(stream), timeout, "send audio", owner)


async def _in_time(receiving: Awaitable[T], timeout: float, expected: str, owner: asyncio.Future[None] | None) -> T:
    """What comes next. Raises `TimedOut`, and what ``owner`` fails with when the client has to go."""
    waiting: set[asyncio.Future[Any]] = {task := asyncio.ensure_future(receiving)}
    if owner is not None:
        waiting.add(owner)
    try:
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if owner is not None and owner.done():
            owner.result()
        if not task.done():
            raise TimedOut(f"Nothing came for {timeout:g} s: {expected} within that time.")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def _peer(connection: Request | WebSocket) -> str:
    client = connection.client
    return f"{client.host}:{client.port}" if client else "a client"
