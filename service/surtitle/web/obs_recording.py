"""The status of OBS's own recording, as the script in OBS reports it over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.closed_captions.record_clock import RecordStatus
from surtitle.web.body import read_json
from surtitle.web.services import services


class _RecordStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    active: bool
    paused: bool = False
    position: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    file: Annotated[str, msgspec.Meta(max_length=1000)] = ""


async def note_recording(request: Request) -> Response:
    """`POST /api/channels/{channel}/obs/recording`: the status now, to fit transcripts to the recording."""
    channel = services(request).hub.channel(request.path_params["channel"])
    example = '{"active":true,"paused":false,"position":12.5}'
    status = await read_json(request, _RecordStatus, "The status of a recording", example)
    if (obs_recordings := services(request).obs_recordings) is not None:
        obs_recordings.note(channel, RecordStatus(status.active, status.paused, status.position, status.file))
    return JSONResponse({"status": "noted"})
