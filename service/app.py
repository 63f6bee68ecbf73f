"""The application: the parts of the service, put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from service.channels.channel import Channel
from service.channels.hub import Hub
from service.demo import Demo
from service.errors import NoSuchChannel, SurtitleError
from service.outputs.outputs import Outputs
from service.settings import Settings
from service.speech.engines import Engines
from service.store.keeper import Keeper
from service.store.store import Store
from service.translation.translations import Translations
from service.web import api, obs, pages, setup
from service.web.correct import correct_caption
from service.web.messages import refuse
from service.web.publish import publish_post, publish_socket
from service.web.read import read_events, read_socket
from service.web.security import Trust
from service.web.tickets import Tickets

_FLUSH = 4.0  # seconds that open captions have to become final when the service stops


def create_app(settings: Settings, store: Store | None = None) -> Starlette:
    """The service as an ASGI application; ``store`` keeps what channels remember, and is closed with it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        engines = Engines(settings)
        keeper = Keeper(store) if store else None
        hub = Hub(settings, engines, keeper)
        translations = Translations(settings, hub.in_english)
        outputs = Outputs(hub.position, translations)

        def apply(channel: Channel) -> None:
            outputs.apply(channel)
            translations.apply(channel)

        def more(channel: Channel) -> dict[str, Any]:
            return {**outputs.describe(channel), **translations.describe(channel)}

        if store:
            told = await asyncio.to_thread(store.settings)
            restored = [hub.restore(name, one.settings, one.styles) for name, one in told.items()]
            for kept in await asyncio.to_thread(store.kept, settings.limits.channels // 2, settings.limits.captions):
                hub.recall(kept)
            for channel_told in restored:
                apply(channel_told)
        hub.retold, hub.more = apply, more
        player = Demo(settings)
        app.state.settings, app.state.engines, app.state.hub, app.state.demo = settings, engines, hub, player
        app.state.translations = translations
        app.state.outputs, app.state.tickets, app.state.keeper = outputs, Tickets(), keeper
        engines.start()
        try:
            yield
        finally:
            await player.close()
            await outputs.close()
            await translations.close()
            await hub.close(_FLUSH)
            if keeper:
                await keeper.close()
            await engines.close()

    channel = "/api/channels/{channel}"
    return Starlette(
        lifespan=lifespan,
        middleware=[Middleware(Trust, settings=settings)],
        exception_handlers={SurtitleError: api.answer_error},
        routes=[
            WebSocketRoute("/stt", publish_socket),
            WebSocketRoute(channel + "/audio", publish_socket),
            Route(channel + "/audio", publish_post, methods=["POST"]),
            WebSocketRoute(channel + "/captions", read_socket),
            Route(channel + "/captions", read_events),
            Route(channel + "/captions/{id}", correct_caption, methods=["PATCH"]),
            Route(channel + "/transcript.{form}", api.transcript),
            Route(channel + "/obs", obs.obs_feed),
            Route(channel + "/clear", api.clear, methods=["POST"]),
            Route(channel + "/settings", setup.settings),
            Route(channel + "/settings", setup.change_settings, methods=["PATCH"]),
            Route(channel + "/styles", setup.list_styles),
            Route(channel + "/styles/{name}", setup.put_style, methods=["PUT"]),
            Route(channel + "/styles/{name}", setup.delete_style, methods=["DELETE"]),
            Route(channel, api.channel),
            Route("/api/channels", api.channels),
            WebSocketRoute("/api/status", api.status_socket),
            Route("/api/languages", api.list_languages),
            Route("/api/models", setup.list_models),
            Route("/api/demo", api.play_demo, methods=["POST"]),
            Route("/healthz", api.health),
            *pages.routes(),
            WebSocketRoute("/{path:path}", _nowhere_socket),
            Route("/{path:path}", _nowhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
    )


async def _nowhere_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await refuse(websocket, _no_such_place(websocket.url.path))


async def _nowhere(request: Request) -> Response:
    raise _no_such_place(request.url.path)


def _no_such_place(path: str) -> NoSuchChannel:
    return NoSuchChannel(f"There is nothing at {path[:120]!r}: a channel's name has no slash and at most 64 letters.")
