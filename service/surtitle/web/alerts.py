"""Trying out where a channel's alerts are sent, over HTTP; the address is one of the channel's settings."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.web.services import services


async def send_test(request: Request) -> Response:
    """`POST /api/channels/{channel}/alerts/test`: send an alert that says nothing is wrong."""
    channel = services(request).hub.channel(request.path_params["channel"])
    await services(request).alerts.send_test(channel)
    return JSONResponse({"status": "sent"})
