"""The script for OBS, and the overlay that the service can add to OBS by itself."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import obs_overlay
from surtitle.closed_captions import overlay_source
from surtitle.web.services import services
from surtitle.web.tokens import build_link, get_base_url

_DEFAULT_SERVER = '"Server", "http://127.0.0.1:8000"'  # in the script
_NUMERIC_URL = re.compile(r"http://(localhost|[\d.]+|\[[\da-f:.]+\])(:\d+)?(/[\w.~/-]*)?", re.ASCII)


async def obs_script(request: Request) -> Response:
    """`GET /obs/surtitle.lua`: the script; its default server is this service, if it can use the address."""
    text = obs_overlay.LUA_SCRIPT.read_text(encoding="utf-8")
    url = get_base_url(request)
    if _NUMERIC_URL.fullmatch(url):
        text = text.replace(_DEFAULT_SERVER, f'"Server", "{url}"', 1)
    name = obs_overlay.LUA_SCRIPT.name
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(text, media_type="text/x-lua", headers=headers)


async def add_overlay(request: Request) -> Response:
    """`POST /api/channels/{channel}/obs/overlay`: add the overlay to the scene on program in the channel's OBS."""
    channel = services(request).hub.channel(request.path_params["channel"])
    page = await build_link(request, channel.name, "overlay")
    scene = await overlay_source.add_overlay(channel.settings.closed_captions, page)
    return JSONResponse({"scene": scene})
