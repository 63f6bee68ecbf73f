"""The REST side: channels, transcripts, health, and the dashboard's live state."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from service import __version__
from service.captions.export import MEDIA_TYPES
from service.channels.hub import Hub
from service.demo import Demo
from service.errors import NoSuchChannel, SurtitleError
from service.speech.engines import Engines
from service.translation.languages import find, languages
from service.translation.translations import ORIGINAL
from service.web.messages import error_message

_REFRESH = 0.2  # seconds between two looks at the state


async def health(request: Request) -> Response:
    """`/healthz`: up, and on which engine."""
    engines: Engines = request.app.state.engines
    return JSONResponse({"status": "ok", "version": __version__, **engines.description})


async def channels(request: Request) -> Response:
    hub: Hub = request.app.state.hub
    return JSONResponse({"channels": hub.snapshot()})


async def channel(request: Request) -> Response:
    hub: Hub = request.app.state.hub
    return JSONResponse(hub.describe(hub.channel(request.path_params["channel"])))


async def transcript(request: Request) -> Response:
    """`/api/channels/{channel}/transcript.{srt,vtt,txt,json}?lang=`: what was said, or what of it was translated."""
    hub: Hub = request.app.state.hub
    asked = request.query_params.get("lang")
    form = request.path_params["form"]
    found = hub.channel(request.path_params["channel"])
    if form not in MEDIA_TYPES:
        raise NoSuchChannel(f"There is no transcript.{form[:10]}: ask for one of {', '.join(MEDIA_TYPES)}.")
    track = found.original if not asked or asked == ORIGINAL else found.translation(find(asked).tag)
    if form == "json":
        return JSONResponse({"channel": found.name, **track.history()})
    return Response(track.transcript(form), media_type=MEDIA_TYPES[form])


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
    leaving = asyncio.create_task(websocket.receive())
    sent = ""
    try:
        while not leaving.done():
            state = msgspec.json.encode(_state(websocket.app.state)).decode()
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


def _state(state: Any) -> dict[str, Any]:
    notice = {"notice": state.keeper.problem} if state.keeper and state.keeper.problem else {}
    return {
        **state.engines.description,
        **notice,
        "loading": state.engines.loading,
        "demo": state.demo.running,
        "channels": state.hub.snapshot(),
    }
