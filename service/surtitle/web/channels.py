"""Channels, transcripts, languages and the demo over HTTP, and the dashboard's live state."""

from __future__ import annotations

import asyncio
import math

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from surtitle.access.tokens import Scope
from surtitle.captions.exports import MAX_OFFSET, ExportOptions
from surtitle.captions.transcript import get_format
from surtitle.core.errors import BadMethod, BadRequest, SurtitleError
from surtitle.core.wire.access import PageLinks
from surtitle.core.wire.captions import ChannelTranscript
from surtitle.core.wire.status import ChannelForReaders
from surtitle.core.wire.translation import Language, LanguageList
from surtitle.text.language_names import find, languages
from surtitle.translation.translations import ORIGINAL
from surtitle.web.guard import build_refusal, get_grant
from surtitle.web.services import services
from surtitle.web.tokens import build_links

_SEND_TIMEOUT = 10.0  # seconds for a page to accept a state
_IDLE_TIMEOUT = 60.0  # seconds to wait for a change before looking again, in any case


async def channels(request: Request) -> Response:
    board, grant = services(request).status_board, get_grant(request)
    if (bus := services(request).bus) is not None:
        await bus.refresh()
    return JSONResponse({"channels": [one for one in board.list_channels() if grant.covers(one["name"])]})


async def channel(request: Request) -> Response:
    """`GET /api/channels/{channel}`: its state; with a token that can only view, the part that readers' pages need."""
    hub = services(request).hub
    description = hub.describe(hub.channel_to_read(request.path_params["channel"]))
    if get_grant(request).scope is Scope.VIEW:
        visible = ChannelForReaders(
            name=description["name"], language=description["language"], translation=description["translation"]
        )
        return JSONResponse(visible)
    return JSONResponse(description)


async def transcript(request: Request) -> Response:
    """`/api/channels/{channel}/transcript.{form}?lang=`: the transcript in the original or in a translation.

    With ``?words=1`` it has the time of each word, if the format can hold that; ``?offset=`` shifts it by seconds.
    """
    hub = services(request).hub
    asked = request.query_params.get("lang")
    form = request.path_params["form"]
    channel = hub.channel_to_read(request.path_params["channel"])
    export_format = get_format(form)
    language = None if not asked or asked == ORIGINAL else find(asked).tag
    options = parse_export_options(request)
    if asked_of_session := [name for name in ("version", "clock", "recording") if request.query_params.get(name)]:
        raise BadRequest(
            f"A channel's transcript has no {asked_of_session[0]}: ask for one of its sessions instead, with "
            f"/api/sessions/{{id}}/transcript.{form}."
        )
    async with services(request).find_track(channel, language) as track:
        if form == "json":
            transcript: ChannelTranscript = {"channel": channel.name, **await track.history(options.offset)}
            return JSONResponse(transcript)
        return Response(await track.transcript(form, options), media_type=export_format.media_type)


def parse_export_options(request: Request) -> ExportOptions:
    """The export options in a request's query. Raises `BadRequest`."""
    query = request.query_params
    try:
        offset = float(query.get("offset") or 0)
    except ValueError:
        offset = math.nan
    if not abs(offset) <= MAX_OFFSET:
        raise BadRequest("offset must be a number of seconds, such as -12.5.")
    words = query.get("words", "")
    if words not in ("", "0", "1"):
        raise BadRequest("words must be 1 for the time of each word, or 0.")
    return ExportOptions(words=words == "1", offset=offset)


async def list_languages(request: Request) -> Response:
    """`GET /api/languages`: the languages that captions can be translated into."""
    known = await asyncio.to_thread(languages)
    return JSONResponse(
        LanguageList(
            languages=[
                Language(tag=one.tag, name=one.name, own_name=one.own_name, rtl=one.right_to_left)
                for one in known.values()
            ]
        )
    )


async def clear(request: Request) -> Response:
    """`POST /api/channels/{channel}/clear`: clear the screens and the transcript."""
    hub = services(request).hub
    hub.clear(hub.channel(request.path_params["channel"]))
    return JSONResponse({"status": "cleared"})


async def play_demo(request: Request) -> Response:
    """`POST /api/demo`: play the bundled sample into the channel `main`."""
    demo = services(request).demo
    return JSONResponse({"started": demo.start("main")})


async def status_socket(websocket: WebSocket) -> None:
    """`/api/status`: the state of the service and its channels, sent again whenever it changes."""
    await websocket.accept()
    sending = asyncio.create_task(_send_states(websocket))
    leaving = asyncio.create_task(websocket.receive())
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.wait({sending, leaving})


async def _send_states(websocket: WebSocket) -> None:
    """Send the state until the page disconnects or does not read."""
    board, grant = services(websocket).status_board, get_grant(websocket)
    links: dict[str, PageLinks] | None = None  # by channel; only where they carry tokens, which pages cannot make
    if services(websocket).authority.guarded:
        links = {}
    sent = ""
    with board.watch():
        while True:
            seen = board.updates.count
            if links is not None:
                own = {grant.channel} if grant.single else set()
                for name in {*board.channels(grant), *own} - links.keys():
                    links[name] = await build_links(websocket, name)
            state = board.message(grant, links)
            if state != sent:
                try:
                    async with asyncio.timeout(_SEND_TIMEOUT):
                        await websocket.send_text(state)
                except (WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
                    return  # the page was closed
                sent = state
            await board.updates.wait(seen, _IDLE_TIMEOUT)


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer a `SurtitleError`: as JSON for programs, as a page for browsers that open an address."""
    assert isinstance(error, SurtitleError)
    response = build_refusal(error, request.scope)
    if allowed := isinstance(error, BadMethod) and request.scope.get("allowed_methods"):
        response.headers["allow"] = ", ".join(allowed)
    return response
