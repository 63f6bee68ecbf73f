"""The known voices of a channel over HTTP."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.core.wire.speakers import VoiceList
from surtitle.web.services import services


async def list_voices(request: Request) -> Response:
    """`GET /api/channels/{channel}/voices`: the people whose voices are known, without the voice prints."""
    return await _list(request)


async def delete_voice(request: Request) -> Response:
    """`DELETE /api/channels/{channel}/voices/{id}`: delete everything that is stored of a person's voice."""
    hub = services(request).hub
    await hub.known_voices.delete(hub.channel(request.path_params["channel"]), request.path_params["id"])
    return await _list(request)


async def delete_voices(request: Request) -> Response:
    """`DELETE /api/channels/{channel}/voices`: delete all of them."""
    hub = services(request).hub
    await hub.known_voices.delete(hub.channel(request.path_params["channel"]))
    return await _list(request)


async def _list(request: Request) -> Response:
    hub = services(request).hub
    voices = await hub.known_voices.entries(hub.channel(request.path_params["channel"]))
    return JSONResponse(VoiceList(voices=voices))
