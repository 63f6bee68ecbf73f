"""Channels, transcripts, languages and the demo over HTTP, and the dashboard's live state."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from surtitle.access.tokens import EVERY, Grant, Scope
from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import get_format
from surtitle.core.errors import SurtitleError
from surtitle.core.wire import ChannelForReaders, ChannelTranscript, Language, LanguageList, PageLinks, ServiceStatus
from surtitle.text.language_names import find, languages
from surtitle.translation.translations import ORIGINAL
from surtitle.web.guard import get_grant
from surtitle.web.messages import error_message
from surtitle.web.services import Services, services
from surtitle.web.tokens import build_links

_POLL_INTERVAL = 0.2  # seconds between two checks of the state


async def channels(request: Request) -> Response:
    hub = services(request).hub
    grant = get_grant(request)
    return JSONResponse({"channels": [one for one in hub.snapshot() if grant.covers(one["name"])]})


async def channel(request: Request) -> Response:
    """`GET /api/channels/{channel}`: its state; with a token that can only view, the part that readers' pages need."""
    hub = services(request).hub
    description = hub.describe(hub.channel(request.path_params["channel"]))
    if get_grant(request).scope is Scope.VIEW:
        visible = ChannelForReaders(
            name=description["name"], language=description["language"], translation=description["translation"]
        )
        return JSONResponse(visible)
    return JSONResponse(description)


async def transcript(request: Request) -> Response:
    """`/api/channels/{channel}/transcript.{form}?lang=`: the transcript in the original or in a translation.

    With ``?words=1`` it has the time of each word, if the format can hold that.
    """
    hub = services(request).hub
    asked = request.query_params.get("lang")
    form = request.path_params["form"]
    channel = hub.channel(request.path_params["channel"])
    export_format = get_format(form)
    track = channel.original if not asked or asked == ORIGINAL else channel.translation(find(asked).tag)
    if form == "json":
        transcript: ChannelTranscript = {"channel": channel.name, **await track.history()}
        return JSONResponse(transcript)
    return Response(await track.transcript(form, parse_export_options(request)), media_type=export_format.media_type)


def parse_export_options(request: Request) -> ExportOptions:
    """The export options in a request's query."""
    return ExportOptions(words=request.query_params.get("words") == "1")


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
    hub.channel(request.path_params["channel"]).clear()
    return JSONResponse({"status": "cleared"})


async def play_demo(request: Request) -> Response:
    """`POST /api/demo`: play the bundled sample into the channel `main`."""
    demo = services(request).demo
    return JSONResponse({"started": demo.start("main")})


async def status_socket(websocket: WebSocket) -> None:
    """`/api/status`: the state of the service and its channels, sent again whenever it changes."""
    await websocket.accept()
    grant, authority = get_grant(websocket), services(websocket).authority
    links: dict[str, PageLinks] = {}  # by channel; only where links carry tokens, which the client cannot make
    leaving = asyncio.create_task(websocket.receive())
    sent = ""
    try:
        while not leaving.done():
            description = _build_state(services(websocket), grant)
            if authority.guarded:
                names = {one["name"] for one in description["channels"]} | {grant.channel} - {EVERY}
                for name in names - links.keys():
                    links[name] = await build_links(websocket, name)
                description["links"] = links
            state = msgspec.json.encode(description).decode()
            if state != sent:
                async with asyncio.timeout(10.0):
                    await websocket.send_text(state)
                sent = state
            await asyncio.wait({leaving}, timeout=_POLL_INTERVAL)
    except (WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
        pass  # the page was closed
    finally:
        leaving.cancel()


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer a `SurtitleError` as JSON."""
    assert isinstance(error, SurtitleError)
    return JSONResponse(error_message(error), status_code=error.status)


def _build_state(state: Services, grant: Grant) -> ServiceStatus:
    engine = state.engines.description
    return ServiceStatus(
        engine=engine["engine"],
        model=engine["model"],
        notice=state.store_problem or engine["notice"],
        choice=engine["choice"],
        loading=state.engines.loading,
        demo=state.demo.running,
        channels=[one for one in state.hub.snapshot() if grant.covers(one["name"])],
    )
