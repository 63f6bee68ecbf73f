"""Recording a channel over HTTP: start, stop, status."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.channels.channel import Channel
from surtitle.core.wire.recording import EndedRecording, StoppedRecording
from surtitle.recordings.recorder import Recorder
from surtitle.web.services import services


async def recording(request: Request) -> Response:
    """`GET /api/channels/{channel}/recording`."""
    recorder, channel = _get_recorder_and_channel(request)
    return JSONResponse(recorder.status(channel))


async def start_recording(request: Request) -> Response:
    """`POST /api/channels/{channel}/recording`: record all of its sources, including those that connect later."""
    recorder, channel = _get_recorder_and_channel(request)
    recorder.start(channel)
    return JSONResponse(recorder.status(channel))


async def stop_recording(request: Request) -> Response:
    """`DELETE /api/channels/{channel}/recording`: stop, and list the files with the session of each."""
    recorder, channel = _get_recorder_and_channel(request)
    ended = await recorder.stop(channel)
    files = [
        EndedRecording(
            session=one.path.parent.name, name=one.path.name, path=str(one.path), seconds=round(one.seconds, 3)
        )
        for one in ended
    ]
    answer: StoppedRecording = {**recorder.status(channel), "ended": files}
    return JSONResponse(answer)


def _get_recorder_and_channel(request: Request) -> tuple[Recorder, Channel]:
    return services(request).recorder, services(request).hub.channel(request.path_params["channel"])
