"""A channel's outputs over HTTP."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.channels.channel import Channel
from surtitle.channels.output_settings import Output, add_output, change_output, find_output, remove_output
from surtitle.core.wire.outputs import OutputDescription, OutputList
from surtitle.outputs.manager import CLOSED_CAPTIONS
from surtitle.web.body import read_json
from surtitle.web.services import services

_NOUN, _EXAMPLE = "An output", '{"kind":"caption_url","url":"https://…"}'


async def list_outputs(request: Request) -> Response:
    """`GET /api/channels/{channel}/outputs`: the outputs with their states; addresses and passwords are left out."""
    return JSONResponse(OutputList(outputs=_describe_all(request, _get_channel(request))))


async def create_output(request: Request) -> Response:
    """`POST /api/channels/{channel}/outputs`: answers with the new output."""
    fields = await read_json(request, dict[str, Any], _NOUN, _EXAMPLE)
    channel = _get_channel(request)
    await _check_language(request, channel, fields)
    outputs, output = add_output(channel.settings.outputs, fields)
    services(request).hub.set_outputs(channel, outputs)
    return JSONResponse(_describe(request, channel, output.id), 201)


async def update_output(request: Request) -> Response:
    """`PATCH /api/channels/{channel}/outputs/{id}`: fields that are not named stay as they are."""
    fields = await read_json(request, dict[str, Any], _NOUN, '{"enabled":false}')
    channel, name = _get_channel(request), request.path_params["id"]
    await _check_language(request, channel, fields)
    if name == CLOSED_CAPTIONS:
        services(request).hub.change(channel.name, {"closed_captions": fields})
        return JSONResponse(OutputList(outputs=_describe_all(request, channel)))
    services(request).hub.set_outputs(channel, change_output(channel.settings.outputs, name, fields))
    return JSONResponse(_describe(request, channel, name))


async def delete_output(request: Request) -> Response:
    """`DELETE /api/channels/{channel}/outputs/{id}`: answers with those that are left."""
    channel, name = _get_channel(request), request.path_params["id"]
    if name == CLOSED_CAPTIONS:
        services(request).hub.change(channel.name, {"closed_captions": {"enabled": False}})
    else:
        services(request).hub.set_outputs(channel, remove_output(channel.settings.outputs, name))
    return JSONResponse(OutputList(outputs=_describe_all(request, channel)))


async def _check_language(request: Request, channel: Channel, fields: dict[str, Any]) -> None:
    """Check that captions can be translated into the language, if there is one. Raises `BadRequest`, `TooMany`."""
    if isinstance(language := fields.get("language"), str):
        await services(request).translations.find_language(channel, language)


def _get_channel(request: Request) -> Channel:
    return services(request).hub.channel(request.path_params["channel"])


def _describe(request: Request, channel: Channel, name: str) -> OutputDescription:
    return next(one for one in _describe_all(request, channel) if one["id"] == name)


def _describe_all(request: Request, channel: Channel) -> list[OutputDescription]:
    statuses = services(request).output_manager.statuses(channel)
    return [OutputDescription(**status, settings=_get_settings(channel, status["id"])) for status in statuses]


def _get_settings(channel: Channel, name: str) -> dict[str, str | int | bool | None]:
    """The settings of an output's kind, without secrets."""
    if name == CLOSED_CAPTIONS:
        settings = channel.settings.closed_captions
        return {"host": settings.host, "port": settings.port, "password_set": bool(settings.password)}
    output: Output = find_output(channel.settings.outputs, name)
    return output.public_settings()
