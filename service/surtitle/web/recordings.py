"""Recording a channel: start, stop, how it stands."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.channels.channel import Channel
from surtitle.recordings.recorder import Recorder


async def recording(request: Request) -> Response:
    """`GET /api/channels/{channel}/recording`."""
    recorder, channel = _asked(request)
    return JSONResponse(recorder.describe(channel)["recording"])


async def start_recording(request: Request) -> Response:
    """`POST /api/channels/{channel}/recording`: all its sources, those that come later too."""
    recorder, channel = _asked(request)
    recorder.start(channel)
    return JSONResponse(recorder.describe(channel)["recording"])


async def stop_recording(request: Request) -> Response:
    """`DELETE /api/channels/{channel}/recording`: which files there are now, and in which session."""
    recorder, channel = _asked(request)
    ended = await recorder.stop(channel)
    files = [
        {
            "session": one.path.parent.name,
            "name": one.path.name,
            "path": str(one.path),
            "seconds": round(one.seconds, 3),
        }
        for one in ended
    ]
    return JSONResponse({**recorder.describe(channel)["recording"], "ended": files})


def _asked(request: Request) -> tuple[Recorder, Channel]:
    return request.app.state.recorder, request.app.state.hub.channel(request.path_params["channel"])
