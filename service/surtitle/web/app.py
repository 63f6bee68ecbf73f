"""The ASGI application: creates the parts of the service and connects them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from surtitle.access.token_store import TokenStore
from surtitle.core.errors import NoSuchChannel, SurtitleError
from surtitle.core.settings import Settings
from surtitle.store.journal import Store
from surtitle.web import channel_settings, channels, health, obs_feed, pages, recordings, sessions, tokens
from surtitle.web.connections import ConnectionLimits
from surtitle.web.corrections import correct_caption
from surtitle.web.guard import AccessMiddleware
from surtitle.web.messages import refuse
from surtitle.web.metrics import ServiceCollector
from surtitle.web.origin import OriginMiddleware
from surtitle.web.publish import publish_post, publish_socket
from surtitle.web.read import read_events, read_socket
from surtitle.web.services import open_services


def create_app(
    settings: Settings = Settings(),
    store: Store | None = None,
    token_store: TokenStore | None = None,
    connection_limits: ConnectionLimits | None = None,
) -> Starlette:
    """The service as an ASGI application.

    It does its work in its lifespan: an application in which it is mounted has to run that as well, by
    ``async with captions.router.lifespan_context(captions)`` in its own. ``store`` keeps channels' settings and
    captions, and ``token_store`` the issued tokens; both are closed when the application shuts down. Without a
    ``store`` nothing is written to disk. ``connection_limits`` are those of the server, which the metrics report.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_services(settings, store, token_store, connection_limits) as app.state.services:
            app.state.services.metrics.register(ServiceCollector(app.state.services))
            yield

    channel, session = "/api/channels/{channel}", "/api/sessions/{id}"
    return Starlette(
        lifespan=lifespan,
        middleware=[
            Middleware(health.RefusalMetrics),
            Middleware(OriginMiddleware, settings=settings),
            Middleware(AccessMiddleware),
        ],
        exception_handlers={SurtitleError: channels.answer_error},
        routes=[
            WebSocketRoute("/stt", publish_socket),
            WebSocketRoute(channel + "/audio", publish_socket),
            Route(channel + "/audio", publish_post, methods=["POST"]),
            WebSocketRoute(channel + "/captions", read_socket),
            Route(channel + "/captions", read_events),
            Route(channel + "/captions/{id}", correct_caption, methods=["PATCH"]),
            Route(channel + "/transcript.{form}", channels.transcript),
            Route(channel + "/obs", obs_feed.obs_feed),
            Route(channel + "/recording", recordings.recording),
            Route(channel + "/recording", recordings.start_recording, methods=["POST"]),
            Route(channel + "/recording", recordings.stop_recording, methods=["DELETE"]),
            Route(channel + "/links", tokens.channel_links),
            Route(channel + "/clear", channels.clear, methods=["POST"]),
            Route(channel + "/settings", channel_settings.settings),
            Route(channel + "/settings", channel_settings.change_settings, methods=["PATCH"]),
            Route(channel + "/styles", channel_settings.list_styles),
            Route(channel + "/styles/{name}", channel_settings.put_style, methods=["PUT"]),
            Route(channel + "/styles/{name}", channel_settings.delete_style, methods=["DELETE"]),
            Route(channel, channels.channel),
            Route("/api/channels", channels.channels),
            WebSocketRoute("/api/status", channels.status_socket),
            Route("/api/sessions", sessions.list_sessions),
            Route(session, sessions.session),
            Route(session, sessions.delete_session, methods=["DELETE"]),
            Route(session + "/transcript.{form}", sessions.session_transcript),
            Route(session + "/audio", sessions.session_audio),
            Route(session + "/recordings/{file}", sessions.session_recording),
            Route(session + "/difference", sessions.session_difference),
            Route(session + "/polish", sessions.polish_session, methods=["POST"]),
            Route(session + "/polish", sessions.stop_polishing, methods=["DELETE"]),
            Route("/api/tokens", tokens.list_tokens),
            Route("/api/tokens", tokens.make_token, methods=["POST"]),
            Route("/api/tokens/{id}", tokens.revoke_token, methods=["DELETE"]),
            Route("/api/languages", channels.list_languages),
            Route("/api/models", channel_settings.list_models),
            Route("/api/demo", channels.play_demo, methods=["POST"]),
            Route("/healthz", health.health),
            Route("/readyz", health.ready),
            Route("/metrics", health.metrics),
            *pages.routes(),
            WebSocketRoute("/{path:path}", _not_found_socket),
            Route("/{path:path}", _not_found, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
    )


async def _not_found_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await refuse(websocket, _no_such_path(websocket.url.path))


async def _not_found(request: Request) -> Response:
    raise _no_such_path(request.url.path)


def _no_such_path(path: str) -> NoSuchChannel:
    return NoSuchChannel(
        f"No page or channel exists at {path[:120]!r}: a channel's name has no slash and at most 64 characters."
    )
