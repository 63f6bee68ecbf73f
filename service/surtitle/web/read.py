"""Sends captions: server-sent events, and the same events over a WebSocket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from surtitle.channels.feed import Event
from surtitle.channels.readable_track import ReadableTrack
from surtitle.core.errors import ShuttingDown, SurtitleError
from surtitle.web.messages import refuse
from surtitle.web.services import services

log = logging.getLogger("surtitle.read")

_HEARTBEAT = 15.0  # seconds between two signs of life when nothing is published


async def read_events(request: Request) -> Response:
    """`GET /api/channels/{channel}/captions`: server-sent events, resumed by `Last-Event-ID`."""
    hub = services(request).hub
    limits = services(request).settings.limits
    last_id = request.headers.get("last-event-id") or request.query_params.get("last")
    translations = services(request).translations
    channel = hub.channel_to_read(request.path_params["channel"])
    language = translations.language(channel, request.query_params.get("lang"))
    admission = services(request).admission
    admission.check_reader(request, channel)

    async def stream() -> AsyncIterator[ServerSentEvent]:
        channel = hub.channel_to_read(request.path_params["channel"])  # it may have been replaced meanwhile
        with admission.reader(request, channel):
            async with services(request).subscribe(channel, language) as track:
                async for event in _follow(track, last_id):
                    yield ServerSentEvent(data=event.data, event=event.name, id=event.id)
                    await asyncio.sleep(0)  # the server notices a client that has gone, and does not warn of each event

    return _EventStream(stream(), ping=int(_HEARTBEAT), send_timeout=limits.send_timeout, sep="\n")


class _EventStream(EventSourceResponse):
    """Events until the reader disconnects or the service stops, which ends the response as it should."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        complete = False

        async def watched(message: Message) -> None:
            nonlocal complete
            complete = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        await super().__call__(scope, receive, watched)
        if not complete:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def read_socket(websocket: WebSocket) -> None:
    """The same path as a WebSocket: `{"event","id","data"}`, resumed by `?last=<id>`."""
    await websocket.accept()
    hub = services(websocket).hub
    translations = services(websocket).translations
    limits = services(websocket).settings.limits
    admission = services(websocket).admission
    try:
        channel = hub.channel_to_read(websocket.path_params["channel"])
        language = translations.language(channel, websocket.query_params.get("lang"))
        admission.check_reader(websocket, channel)
    except SurtitleError as error:
        await refuse(websocket, error)
        return
    with admission.reader(websocket, channel):
        try:
            async with services(websocket).subscribe(channel, language) as track:
                await _serve(websocket, track, limits.send_timeout)
        except SurtitleError as error:
            await refuse(websocket, error)


async def _serve(websocket: WebSocket, track: ReadableTrack, timeout: float) -> None:
    """Send events until the reader disconnects or has to begin again. Raises `SurtitleError`."""
    feed = track.feed
    sending = asyncio.create_task(_send_all(websocket, track, timeout))
    leaving = asyncio.create_task(_wait_for_close(websocket))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.wait({sending, leaving})
    if not sending.cancelled() and isinstance(error := sending.exception(), SurtitleError):
        raise error
    if feed.closed and leaving.cancelled():
        await websocket.close(ShuttingDown.close)


async def _follow(track: ReadableTrack, last_id: str | None) -> AsyncIterator[Event]:
    """The events on screen, or those after ``last_id``, followed by every new event, as long as the feed is there."""
    feed = track.feed
    number = feed.parse_resume_id(last_id) if last_id else None
    if number is None:
        events, number = track.on_screen(), feed.last
    else:
        events = await track.since(number)
    while True:
        for event in events:
            yield event
            number = max(number, event.number)
        await feed.wait(number, _HEARTBEAT)
        if feed.closed:
            return
        events = await track.since(number)


async def _send_all(websocket: WebSocket, track: ReadableTrack, timeout: float) -> None:
    """Send until the reader disconnects or accepts nothing for ``timeout`` seconds."""
    try:
        async for event in _follow(track, websocket.query_params.get("last")):
            async with asyncio.timeout(timeout):
                await websocket.send_text(f'{{"event":"{event.name}","id":"{event.id}","data":{event.data}}}')
    except (WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
        log.info("a reader disconnected")


async def _wait_for_close(websocket: WebSocket) -> None:
    """Readers send nothing of meaning: discard their messages until they disconnect."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
