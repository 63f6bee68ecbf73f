"""Receives audio: the WebSocket and the chunked POST of the wire contract."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from surtitle.audio import Samples
from surtitle.audio.intake import Intake, check_format, open_intake
from surtitle.channels.audio_tap import tap
from surtitle.channels.hub import OpenedSource
from surtitle.channels.publisher_feed import BOUNDARY
from surtitle.channels.source import Source
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import (
    BadOrder,
    BadRequest,
    SurtitleError,
    TokenExpired,
    TooFast,
)
from surtitle.core.logs import about
from surtitle.core.wire.sources import (
    PublishSummary,
    PublishSummaryWithNotice,
    ReadyMessage,
    SourceStart,
    StatusMessage,
)
from surtitle.web.admission import ByteRateLimit
from surtitle.web.clients import describe_peer, wait_for_client
from surtitle.web.guard import admit
from surtitle.web.messages import End, Start, error_message, parse, refuse
from surtitle.web.receive import receive
from surtitle.web.services import services
from surtitle.web.sockets import accept, run_socket

log = logging.getLogger("surtitle.publish")

PutSamples = Callable[[Source, Samples], Awaitable[None]]


async def publish_socket(websocket: WebSocket) -> None:
    """`/api/channels/{channel}/audio` and `/stt`: one source over a WebSocket."""
    await run_socket(websocket, _publish, refuse)


async def _publish(websocket: WebSocket) -> None:
    await accept(websocket)
    await _Publisher(websocket).run()


class _Publisher:
    """One publisher's connection, in the order of the protocol: start, audio, end."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._hub = services(websocket).hub
        self._limits = services(websocket).settings.limits

    async def run(self) -> None:
        start = await self._receive_start()
        channel = self._websocket.path_params.get("channel") or start.channel or "main"
        async with publish_source(self._websocket, channel, start, Source.put) as (opened, intake):
            source = opened.source
            ready: ReadyMessage = {"type": "ready", **describe_start(opened)}
            await self._send(ready)
            if (notice := self._engine_notice()) is not None:
                await self._send(StatusMessage(type="status", engine=source.engine, notice=notice))
            sending = asyncio.create_task(self._send_events(source))
            try:
                await self._receive_audio(opened, intake)
                await source.finish()
                if source.error is not None:
                    raise source.error
                await sending
            except SurtitleError:
                if source.departed:  # its client gets all captions before the reason
                    await source.finish()
                    await sending
                raise
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        await self._websocket.close(1000)

    async def _receive_start(self) -> Start:
        message = await self._receive(self._limits.start_timeout, "send start")
        if isinstance(message, bytes):
            raise BadOrder("Audio arrived before the start message: send start first.")
        if isinstance(message, End):
            raise BadOrder("The end message arrived before the start message: send start first.")
        return message

    async def _receive_audio(self, opened: OpenedSource, intake: Intake) -> None:
        """Pass on the audio until the end message."""
        rate_limit = ByteRateLimit(self._limits.source_rate)
        while True:
            message = await self._receive(self._limits.idle_timeout, "send audio", opened.owner)
            if isinstance(message, bytes):
                if rate_limit.take(len(message)):
                    raise TooFast(
                        f"A source may send at most {self._limits.source_rate} bytes per second: send more slowly."
                    )
                await intake.write(message)
            elif isinstance(message, End):
                await intake.finish()
                return
            else:
                raise BadOrder("This connection has already started: open another connection for another source.")

    async def _receive(
        self, timeout: float, expected: str, owner: asyncio.Future[None] | None = None
    ) -> Start | End | bytes:
        message = await receive(self._websocket, timeout, owner, expected)
        return message if isinstance(message, bytes) else parse(message)

    async def _send_events(self, source: Source) -> None:
        """Send the source's events until the end event, which a client that is to continue does not get."""
        while True:
            for event in source.feed.since(source.feed.delivered):
                if event.name == "end" and source.departed:
                    return
                if event.name != BOUNDARY:
                    async with asyncio.timeout(self._limits.send_timeout):
                        await self._websocket.send_text(event.data)
                source.feed.delivered = event.number
                if event.name == "end":
                    return
            await source.feed.wait(source.feed.delivered, timeout=60.0)

    async def _send(self, message: ReadyMessage | StatusMessage) -> None:
        async with asyncio.timeout(self._limits.send_timeout):
            await self._websocket.send_text(msgspec.json.encode(message).decode())

    def _engine_notice(self) -> str | None:
        """What the publisher should know about the engines; None if nothing is unusual."""
        notice = services(self._websocket).engines.notice
        return notice or None


async def publish_post(request: Request) -> Response:
    """`POST /api/channels/{channel}/audio`: one source over a chunked body."""
    limits = services(request).settings.limits
    channel, rate_limit = request.path_params["channel"], ByteRateLimit(limits.source_rate)
    try:
        start = parse_start(request)
        async with publish_source(request, channel, start, Source.put_when_free) as (opened, intake):
            source = opened.source
            if opened.resumed:  # a client over HTTP cannot learn where to resume, so the gap is lost
                source.skip_to(source.channel.session.clock(start.age))
            async for data in _read_body(request, limits.idle_timeout, opened.owner):
                await asyncio.sleep(rate_limit.take(len(data)))
                for at in range(0, len(data), limits.frame_bytes):
                    await intake.write(data[at : at + limits.frame_bytes])
            await intake.finish()
            await source.finish()
            if source.error is not None:
                raise source.error
            summary: PublishSummary = {
                "type": "end",
                **describe_start(opened),
                "seconds": round(source.input.received, 3),
                "skipped": round(source.stats.skipped, 3),
                "captions": source.stats.captions,
            }
            if not source.notice:
                return JSONResponse(summary)
            with_notice: PublishSummaryWithNotice = {**summary, "notice": source.notice}
            return JSONResponse(with_notice)
    except SurtitleError as error:
        log.warning("%s refused: %s", describe_peer(request), error)
        return JSONResponse(error_message(error), status_code=error.status, headers={"Connection": "close"})


@asynccontextmanager
async def publish_source(
    connection: Request | WebSocket, channel: str, start: Start, put: PutSamples
) -> AsyncIterator[tuple[OpenedSource, Intake]]:
    """Open a source and its intake for as long as the client publishes and its token is valid.

    ``put`` decides what happens to audio that arrives too fast. An HTTP body may be held back; a WebSocket that is not
    read loses its keep-alive, so a client that sends far too fast over a WebSocket gets an error instead.
    When a client disconnects, its source waits for it to resume; when a client breaks the protocol, its source ends,
    and the captions recognized so far are kept.
    Raises `SurtitleError` if the client is refused, and whatever the block raises.
    """
    hub, admission, authority = services(connection).hub, services(connection).admission, services(connection).authority
    grant = admit(connection, start.token, channel)
    check_format(start.format, start.rate, start.channels)  # before a source is created
    admission.check_start(connection)
    opened = await hub.open(channel, start.source, SourceOptions(start.lang), start.resume, start.age)
    source = opened.source
    intake = open_intake(
        start.format, start.rate, start.channels, partial(put, source), tap(source), source.skip, source.report_tracks
    )
    try:
        with about(source.channel.name, source.key), authority.watch_grant(grant, partial(_end_grant, opened)):
            yield opened, intake
    except (WebSocketDisconnect, ClientDisconnect):
        await intake.abort()
        source.lease.detach(opened.owner)
        raise
    except BaseException as error:
        await intake.abort()
        if source.departed:
            await source.finish()
        elif not opened.owner.done():  # otherwise another connection owns the source now
            source.lost = isinstance(error, SurtitleError)
            source.end()
        raise


def _end_grant(opened: OpenedSource, reason: SurtitleError) -> None:
    """End a source whose token is revoked, or at the next pause if it has only expired."""
    if isinstance(reason, TokenExpired):
        opened.source.expel_at_pause(opened.owner, reason)
    else:
        opened.source.expel(opened.owner, reason)


def describe_start(opened: OpenedSource) -> SourceStart:
    """The source that was started or resumed.

    ``received`` is how many seconds of audio the service already has: a client that resumes sends what follows.
    ``clock`` is the time of the source's first sample, in seconds on the channel's clock, which captions also use.
    """
    source = opened.source
    return SourceStart(
        channel=source.channel.name,
        source=source.name,
        engine=source.engine,
        recipient=source.recipient,
        language=source.language,
        resume=source.resume,
        resumed=opened.resumed,
        received=round(source.input.received, 3),
        clock=round(source.clock, 3),
    )


def parse_start(request: Request) -> Start:
    """The start message in a request's query, or the one that its ticket was issued for. Raises `BadRequest`."""
    if ticket := request.query_params.get("ticket"):
        tickets = services(request).tickets
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
        raise BadRequest(f"The query is invalid: {error}.") from error


async def _read_body(request: Request, timeout: float, owner: asyncio.Future[None]) -> AsyncIterator[bytes]:
    stream = request.stream()
    with suppress(StopAsyncIteration):
        while True:
            yield await wait_for_client(anext(stream), timeout, "send audio", owner)
