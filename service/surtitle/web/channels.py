"""The REST side: channels, transcripts, and the dashboard's live state."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from surtitle.access.tokens import EVERY, Grant, Scope
from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import get_format
from surtitle.channels.hub import Hub
from surtitle.core.errors import SurtitleError
from surtitle.demo import Demo
from surtitle.text.language_names import find, languages
from surtitle.translation.translations import ORIGINAL
from surtitle.web.guard import grant_of
from surtitle.web.messages import error_message
from surtitle.web.tokens import links_of

_REFRESH = 0.2  # seconds between two looks at the state


async def channels(request: Request) -> Response:
    hub: Hub = request.app.state.hub
    grant = grant_of(request)
    return JSONResponse({"channels": [one for one in hub.snapshot() if grant.covers(one["name"])]})


async def channel(request: Request) -> Response:
    """`GET /api/channels/{channel}`: everything, or to those who can only view, what a page for readers needs."""
    hub: Hub = request.app.state.hub
    told = hub.describe(hub.channel(request.path_params["channel"]))
    if grant_of(request).scope is Scope.VIEW:
        told = {name: told[name] for name in ("name", "language", "translation")}
    return JSONResponse(told)


async def transcript(request: Request) -> Response:
    """`/api/channels/{channel}/transcript.{form}?lang=`: what was said, or what of it was translated.

    With ``?words=1`` and the time of each word if the format has it.
    """
    hub: Hub = request.app.state.hub
    asked = request.query_params.get("lang")
    form = request.path_params["form"]
    found = hub.channel(request.path_params["channel"])
    checked = get_format(form)
    track = found.original if not asked or asked == ORIGINAL else found.translation(find(asked).tag)
    if form == "json":
        return JSONResponse({"channel": found.name, **await track.history()})
    return Response(await track.transcript(form, look_of(request)), media_type=checked.media_type)


def look_of(request: Request) -> ExportOptions:
    """How a transcript is to be written, by the query."""
    return ExportOptions(words=request.query_params.get("words") == "1")


async def list_languages(request: Request) -> Response:
    """`GET /api/languages`: those into which can be translated."""
    found = await asyncio.to_thread(languages)
    return JSONResponse(
        {
            "languages": [
                {"tag": one.tag, "name": one.name, "own_name": one.own_name, "rtl": one.right_to_left}
                for one in found.values()
            ]
        }
    )


async def clear(request: Request) -> Response:
    """`POST /api/channels/{channel}/clear`: empty screens and transcript."""
    hub: Hub = request.app.state.hub
    hub.channel(request.path_params["channel"]).clear()
    return JSONResponse({"status": "cleared"})


async def play_demo(request: Request) -> Response:
    """`POST /api/demo`: play the bundled sample into the channel `main`."""
    demo: Demo = request.app.state.demo
    return JSONResponse({"started": demo.start("main")})


async def status_socket(websocket: WebSocket) -> None:
    """`/api/status`: the state of everything, again whenever it changed."""
    await websocket.accept()
    grant, authority = grant_of(websocket), websocket.app.state.authority
    links: dict[str, dict[str, str]] = {}  # by channel; only where they have a token that the client cannot make
    leaving = asyncio.create_task(websocket.receive())
    sent = ""
    try:
        while not leaving.done():
            told = _state(websocket.app.state, grant)
            if authority.guarded:
                names = {one["name"] for one in told["channels"]} | {grant.channel} - {EVERY}
                for name in names - links.keys():
                    links[name] = await links_of(websocket, name)
                told["links"] = links
            state = msgspec.json.encode(told).decode()
            if state != sent:
                async with asyncio.timeout(10.0):
                    await websocket.send_text(state)
                sent = state
            await asyncio.wait({leaving}, timeout=_REFRESH)
    except (WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
        pass  # the page was closed
    finally:
        leaving.cancel()


async def answer_error(request: Request, error: Exception) -> Response:
    """Our errors as JSON."""
    assert isinstance(error, SurtitleError)
    return JSONResponse(error_message(error), status_code=error.status)


def _state(state: Any, grant: Grant) -> dict[str, Any]:
    notice = {"notice": state.journal_writer.problem} if state.journal_writer and state.journal_writer.problem else {}
    return {
        **state.engines.description,
        **notice,
        "loading": state.engines.loading,
        "demo": state.demo.running,
        "channels": [one for one in state.hub.snapshot() if grant.covers(one["name"])],
    }
