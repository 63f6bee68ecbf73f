"""What a channel is told, and the models that there are."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from msgspec import UnsetType
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.channels import style
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.channels.settings import Changes
from surtitle.core.errors import BadRequest, ModelError, TooLarge
from surtitle.core.settings import Settings
from surtitle.models import catalogue
from surtitle.models.engines import BUILT_IN, Engines
from surtitle.models.selection import select
from surtitle.models.speed_store import SpeedStore
from surtitle.text.language_names import find
from surtitle.translation import models as translation_models
from surtitle.translation.translations import Translations

_LARGEST = 1 << 20  # bytes of a request: more than the largest vocabulary, however it is written
_TIMEOUT = 10.0  # seconds for it to arrive


async def settings(request: Request) -> Response:
    """`GET /api/channels/{channel}/settings`."""
    hub: Hub = request.app.state.hub
    return JSONResponse(_describe(hub, hub.channel(request.path_params["channel"])))


async def change_settings(request: Request) -> Response:
    """`PATCH /api/channels/{channel}/settings`: what is not said stays."""
    hub: Hub = request.app.state.hub
    try:
        changes = msgspec.json.decode(await body_of(request), type=Changes)
    except msgspec.ValidationError as error:
        raise BadRequest(f"These are not settings that a channel has: {error}.") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest('Settings are JSON, for example {"model":"base.en"}.') from error
    if isinstance(changes.model, str) and changes.model != BUILT_IN:
        await asyncio.to_thread(_check_model, changes.model)
    if isinstance(changes.translation_model, str):
        await asyncio.to_thread(_check_translation_model, changes.translation_model)
    if not isinstance(changes.translations, UnsetType):
        translations: Translations = request.app.state.translations
        translations.check_room({find(name).tag for name in changes.translations})
    return JSONResponse(_describe(hub, hub.change(request.path_params["channel"], changes)))


async def list_styles(request: Request) -> Response:
    """`GET /api/channels/{channel}/styles`: by name."""
    hub: Hub = request.app.state.hub
    return JSONResponse(_styles(hub.channel(request.path_params["channel"])))


async def put_style(request: Request) -> Response:
    """`PUT /api/channels/{channel}/styles/{name}`: every open overlay that uses it changes."""
    hub: Hub = request.app.state.hub
    name = style.check_name(request.path_params["name"])
    chosen = style.parse(await body_of(request))
    return JSONResponse(_styles(hub.restyle(request.path_params["channel"], name, chosen)))


async def delete_style(request: Request) -> Response:
    """`DELETE /api/channels/{channel}/styles/{name}`."""
    hub: Hub = request.app.state.hub
    return JSONResponse(_styles(hub.restyle(request.path_params["channel"], request.path_params["name"], None)))


async def list_models(request: Request) -> Response:
    """`GET /api/models`: those that have a name, which are on this computer, and how far others are."""
    engines: Engines = request.app.state.engines
    told: Settings = request.app.state.settings
    speeds = SpeedStore(told.data_dir)
    known, selection = await asyncio.to_thread(
        lambda: (catalogue.catalogue(), select(None, told.language, speeds, ask_hub=False))
    )
    chosen = engines.automatic or selection.names[0]
    names = [
        {
            "name": model.name,
            "bytes": model.size or model.expected_size,
            "here": model.complete,
            "source": model.source,
            "auto": model.name == chosen,
        }
        for model in known
    ]
    return JSONResponse({"models": names, "loaded": engines.library.describe(), "translation": _translation_models()})


async def body_of(request: Request) -> bytes:
    """A request's body, of a bounded size and within a bounded time. Raises `TooLarge`, `BadRequest`."""
    body = bytearray()
    try:
        async with asyncio.timeout(_TIMEOUT):
            async for data in request.stream():
                body += data
                if len(body) > _LARGEST:
                    raise TooLarge(f"Settings may have {_LARGEST} bytes: shorten the lists.")
    except TimeoutError as error:
        raise BadRequest(f"The settings did not arrive within {_TIMEOUT:.0f} s: send them again.") from error
    return bytes(body)


def _check_model(model: str) -> None:
    """Whether there can be such a model; its files are looked at when it is loaded."""
    try:
        if catalogue.local_directory(model) is None:
            catalogue.repository(model)
    except ModelError as error:
        raise BadRequest(f"model: {error.message}") from error


def _check_translation_model(model: str) -> None:
    try:
        if translation_models.local_directory(model) is None:
            translation_models.repository(model)
    except ModelError as error:
        raise BadRequest(f"translation_model: {error.message}") from error


def _translation_models() -> dict[str, Any]:
    names = [{"name": name, "bytes": size} for name, (_, size) in translation_models.NAMES.items()]
    return {"models": names, "licence": translation_models.LICENCE}


def _styles(channel: Channel) -> dict[str, Any]:
    return {name: one.as_json() for name, one in channel.styles.items()}


def _describe(hub: Hub, channel: Channel) -> dict[str, Any]:
    return {**channel.settings.as_json(), "switch": hub.describe(channel)["switch"]}
