"""A channel's settings and styles, and the available models, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.style import Style, check_name
from surtitle.core.errors import BadRequest, ModelError
from surtitle.core.wire.models import (
    EngineKindDescription,
    ModelList,
    RecognitionModel,
    TranslationModel,
    TranslationModels,
)
from surtitle.models import catalogue
from surtitle.models.engines import BUILT_IN
from surtitle.models.selection import select
from surtitle.models.speed_store import SpeedStore
from surtitle.speech.kinds import engine_kinds, find_model
from surtitle.translation import models as translation_models
from surtitle.web.body import read_json
from surtitle.web.responses import StructResponse
from surtitle.web.services import services


async def settings(request: Request) -> Response:
    """`GET /api/channels/{channel}/settings`."""
    hub = services(request).hub
    return _describe(hub, hub.channel(request.path_params["channel"]))


async def change_settings(request: Request) -> Response:
    """`PATCH /api/channels/{channel}/settings`: settings that are not named stay as they are."""
    hub = services(request).hub
    changes = await read_json(request, dict[str, Any], "Channel settings", '{"model":"base.en"}')
    if "ingests" in changes:
        raise BadRequest("Streams are not changed with the settings: send a POST to /api/channels/{channel}/ingests.")
    diarization = changes.get("diarization")
    if isinstance(diarization, dict) and diarization.get("known_voices"):
        _check_voices(hub, hub.channel(request.path_params["channel"]))
    if isinstance(model := changes.get("model"), str) and model != BUILT_IN:
        await asyncio.to_thread(_check_model, "model", model, lambda model: find_model(model).check())
    if isinstance(model := changes.get("translation_model"), str):
        await asyncio.to_thread(_check_model, "translation_model", model, translation_models.check_name)
    if "translations" in changes:
        services(request).translations.check_limit(set(ChannelSettings().apply(changes).translations))
    return _describe(hub, hub.change(request.path_params["channel"], changes))


async def list_styles(request: Request) -> Response:
    """`GET /api/channels/{channel}/styles`: by name."""
    hub = services(request).hub
    return JSONResponse(_list_styles(hub.channel(request.path_params["channel"])))


async def put_style(request: Request) -> Response:
    """`PUT /api/channels/{channel}/styles/{name}`: every open overlay that uses it changes."""
    hub = services(request).hub
    name = check_name(request.path_params["name"])
    chosen = await read_json(request, Style, "A style", '{"theme":"cinema","size":120}')
    return JSONResponse(_list_styles(hub.set_style(request.path_params["channel"], name, chosen)))


async def delete_style(request: Request) -> Response:
    """`DELETE /api/channels/{channel}/styles/{name}`."""
    hub = services(request).hub
    return JSONResponse(_list_styles(hub.set_style(request.path_params["channel"], request.path_params["name"], None)))


async def list_models(request: Request) -> Response:
    """`GET /api/models`: the named models, which of them are on this computer, and the progress of those loading."""
    engines = services(request).engines
    service_settings = services(request).settings
    speeds = SpeedStore(service_settings.data_dir)
    known, kinds, selection = await asyncio.to_thread(
        lambda: (
            [*catalogue.catalogue(), *catalogue.other_models()],
            _list_engine_kinds(),
            select(None, service_settings.language, speeds, ask_hub=False),
        )
    )
    chosen = engines.automatic or selection.names[0]
    names = [
        RecognitionModel(
            name=model.name,
            engine=model.engine,
            bytes=model.size or model.expected_size,
            here=model.complete,
            source=model.source,
            auto=model.name == chosen,
        )
        for model in known
    ]
    return JSONResponse(
        ModelList(
            models=names,
            engines=kinds,
            loaded=engines.library.describe(),
            translation=_list_translation_models(),
        )
    )


def _list_engine_kinds() -> list[EngineKindDescription]:
    return [
        EngineKindDescription(
            name=kind.name, title=kind.title, local=kind.local, problem=kind.problem(), default=kind.default
        )
        for kind in engine_kinds().values()
    ]


def _check_voices(hub: Hub, channel: Channel) -> None:
    """Check that voices of the channel can be stored. Raises `BadRequest`."""
    if not hub.known_voices.available(channel):
        raise BadRequest("diarization.known_voices: nothing of this channel is stored, so leave it off.")


def _check_model(setting: str, model: str, check: Callable[[str], None]) -> None:
    """Check that a model of this name can exist; its files are checked when it is loaded. Raises `BadRequest`."""
    try:
        check(model)
    except ModelError as error:
        raise BadRequest(f"{setting}: {error.message}") from error


def _list_translation_models() -> TranslationModels:
    names = [TranslationModel(name=name, bytes=size) for name, (_, size) in translation_models.NAMES.items()]
    return TranslationModels(models=names, licence=translation_models.LICENCE)


def _list_styles(channel: Channel) -> dict[str, Any]:
    return {name: one.as_json() for name, one in channel.styles.items()}


def _describe(hub: Hub, channel: Channel) -> Response:
    return StructResponse(channel.settings.describe(hub.describe(channel)["switch"]))
