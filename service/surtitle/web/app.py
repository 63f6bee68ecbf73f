"""The ASGI application: creates the parts of the service and connects them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from surtitle.access.token_store import IssuedTokens
from surtitle.access.tokens import Scope
from surtitle.core.errors import NoSuchChannel, SurtitleError
from surtitle.core.settings import Settings
from surtitle.store.journal import Store
from surtitle.web import (
    alerts,
    channel_settings,
    channels,
    health,
    hls,
    ingests,
    obs_feed,
    obs_recording,
    obs_script,
    outputs,
    pages,
    recordings,
    sessions,
    tokens,
    voices,
)
from surtitle.web.base_path import BasePathMiddleware
from surtitle.web.cart import get_cart_sequence, post_cart
from surtitle.web.compat.routes import compat_routes
from surtitle.web.compat.vosk_port import VoskPort
from surtitle.web.connections import ConnectionLimits
from surtitle.web.corrections import correct_caption
from surtitle.web.guard import (
    ADMIN,
    ADMIN_ALL,
    ADMIN_ANY,
    IN_START,
    PUBLIC,
    PUBLISH,
    PUBLISH_ANY,
    VIEW,
    VIEW_ALL,
    VIEW_ANY,
    Requirement,
)
from surtitle.web.messages import refuse
from surtitle.web.metrics import ServiceCollector
from surtitle.web.origin import OriginMiddleware
from surtitle.web.program import change_program, run_action
from surtitle.web.program_control import ProgramControl
from surtitle.web.publish import publish_post, publish_socket
from surtitle.web.read import read_events, read_socket
from surtitle.web.routing import (
    EVERY_PATH,
    AnyRoute,
    GuardedRoute,
    GuardedRouter,
    GuardedWebSocketRoute,
    check_method,
)
from surtitle.web.services import open_services


def create_app(
    settings: Settings = Settings(),
    store: Store | None = None,
    token_store: IssuedTokens | None = None,
    connection_limits: ConnectionLimits | None = None,
    program: ProgramControl | None = None,
) -> Starlette:
    """The service as an ASGI application.

    It does its work in its lifespan: an application in which it is mounted has to run that as well, by
    ``async with captions.router.lifespan_context(captions)`` in its own. ``store`` keeps channels' settings and
    captions, and ``token_store`` the issued tokens; both are closed when the application shuts down. Without a
    ``store`` nothing is written to disk. ``connection_limits`` are those of the server, which the metrics report.
    ``program`` is the one that runs the service on a person's computer, which the dashboard controls.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_services(settings, store, token_store, connection_limits, program) as app.state.services:
            app.state.services.metrics.register(ServiceCollector(app.state.services))
            yield

    middleware = [
        Middleware(BasePathMiddleware, public_url=settings.access.public_url),
        Middleware(health.RefusalMetrics),
        *([Middleware(VoskPort, settings=settings)] if settings.vosk_port is not None else []),
        Middleware(OriginMiddleware, settings=settings),
    ]
    app = Starlette(
        middleware=middleware,
        exception_handlers={SurtitleError: channels.answer_error},
    )
    app.router = GuardedRouter(_routes(settings), lifespan)
    return app


def _routes(settings: Settings) -> list[AnyRoute]:
    channel, session = "/api/channels/{channel}", "/api/sessions/{id}"
    return [
        GuardedWebSocketRoute("/stt", publish_socket, needs=IN_START),
        GuardedWebSocketRoute(channel + "/audio", publish_socket, needs=IN_START),
        GuardedRoute(channel + "/audio", publish_post, ["POST"], needs=IN_START),
        GuardedWebSocketRoute(channel + "/captions", read_socket, needs=VIEW),
        GuardedRoute(channel + "/captions", read_events, needs=VIEW),
        GuardedRoute(channel + "/cart", post_cart, ["POST"], needs=PUBLISH),
        GuardedRoute(channel + "/cart/seq", get_cart_sequence, needs=PUBLISH),
        GuardedRoute(channel + "/captions/{id}", correct_caption, ["PATCH"], needs=ADMIN),
        GuardedRoute(channel + "/transcript.{form}", channels.transcript, needs=VIEW),
        GuardedRoute(channel + "/hls/{lang}/playlist.m3u8", hls.playlist, needs=VIEW),
        GuardedRoute(channel + "/hls/{lang}/seg{number}.vtt", hls.segment, needs=VIEW),
        GuardedRoute(channel + "/obs", obs_feed.obs_feed, needs=PUBLISH),
        GuardedRoute(channel + "/obs/overlay", obs_script.add_overlay, ["POST"], needs=ADMIN),
        GuardedRoute(channel + "/obs/recording", obs_recording.note_recording, ["POST"], needs=PUBLISH),
        GuardedRoute(channel + "/recording", recordings.recording, needs=ADMIN),
        GuardedRoute(channel + "/recording", recordings.start_recording, ["POST"], needs=ADMIN),
        GuardedRoute(channel + "/recording", recordings.stop_recording, ["DELETE"], needs=ADMIN),
        GuardedRoute(channel + "/ingests", ingests.list_ingests, needs=ADMIN),
        GuardedRoute(channel + "/ingests", ingests.add_ingest, ["POST"], needs=ADMIN),
        GuardedRoute(channel + "/ingests/{id}", ingests.remove_ingest, ["DELETE"], needs=ADMIN),
        GuardedRoute(channel + "/links", tokens.channel_links, needs=PUBLISH),
        GuardedRoute(channel + "/clear", channels.clear, ["POST"], needs=ADMIN),
        GuardedRoute(channel + "/settings", channel_settings.settings, needs=ADMIN),
        GuardedRoute(channel + "/settings", channel_settings.change_settings, ["PATCH"], needs=ADMIN),
        GuardedRoute(channel + "/outputs", outputs.list_outputs, needs=ADMIN),
        GuardedRoute(channel + "/outputs", outputs.create_output, ["POST"], needs=ADMIN),
        GuardedRoute(channel + "/outputs/{id}", outputs.update_output, ["PATCH"], needs=ADMIN),
        GuardedRoute(channel + "/outputs/{id}", outputs.delete_output, ["DELETE"], needs=ADMIN),
        GuardedRoute(channel + "/voices", voices.list_voices, needs=ADMIN),
        GuardedRoute(channel + "/voices", voices.delete_voices, ["DELETE"], needs=ADMIN),
        GuardedRoute(channel + "/voices/{id}", voices.delete_voice, ["DELETE"], needs=ADMIN),
        GuardedRoute(channel + "/alerts/test", alerts.send_test, ["POST"], needs=ADMIN),
        GuardedRoute(channel + "/styles", channel_settings.list_styles, needs=VIEW),
        GuardedRoute(channel + "/styles/{name}", channel_settings.put_style, ["PUT"], needs=ADMIN),
        GuardedRoute(channel + "/styles/{name}", channel_settings.delete_style, ["DELETE"], needs=ADMIN),
        GuardedRoute(channel, channels.channel, needs=VIEW),
        GuardedRoute("/api/channels", channels.channels, needs=PUBLISH_ANY),
        GuardedWebSocketRoute("/api/status", channels.status_socket, needs=PUBLISH_ANY),
        GuardedRoute("/api/sessions", sessions.list_sessions, needs=ADMIN_ALL),
        GuardedRoute(session, sessions.session, needs=ADMIN_ALL),
        GuardedRoute(session, sessions.rename_speakers, ["PATCH"], needs=ADMIN_ALL),
        GuardedRoute(session, sessions.delete_session, ["DELETE"], needs=ADMIN_ALL),
        GuardedRoute(session + "/transcript.{form}", sessions.session_transcript, needs=ADMIN_ALL),
        GuardedRoute(session + "/audio", sessions.session_audio, needs=ADMIN_ALL),
        GuardedRoute(session + "/recordings/{file}", sessions.session_recording, needs=ADMIN_ALL),
        GuardedRoute(session + "/difference", sessions.session_difference, needs=ADMIN_ALL),
        GuardedRoute(session + "/polish", sessions.polish_session, ["POST"], needs=ADMIN_ALL),
        GuardedRoute(session + "/polish", sessions.stop_polishing, ["DELETE"], needs=ADMIN_ALL),
        GuardedRoute("/api/tokens", tokens.list_tokens, needs=ADMIN_ANY),
        GuardedRoute("/api/tokens", tokens.make_token, ["POST"], needs=ADMIN_ANY),
        GuardedRoute("/api/tokens/{id}", tokens.revoke_token, ["DELETE"], needs=ADMIN_ANY),
        GuardedRoute("/api/languages", channels.list_languages, needs=VIEW_ANY),
        GuardedRoute("/api/models", channel_settings.list_models, needs=ADMIN_ANY),
        GuardedRoute("/api/demo", channels.play_demo, ["POST"], needs=Requirement(Scope.ADMIN, "main")),
        GuardedRoute("/api/program", change_program, ["PATCH"], needs=ADMIN_ALL),
        GuardedRoute("/api/program/{action}", run_action, ["POST"], needs=ADMIN_ALL),
        GuardedRoute("/healthz", health.health, needs=PUBLIC),
        GuardedRoute("/readyz", health.ready, needs=PUBLIC),
        GuardedRoute("/metrics", health.metrics, needs=VIEW_ALL),
        GuardedRoute("/obs/surtitle.lua", obs_script.obs_script, needs=PUBLISH_ANY),
        *compat_routes(settings),
        *pages.routes(),
        GuardedWebSocketRoute(EVERY_PATH, _not_found_socket, needs=VIEW_ANY),
        GuardedRoute(EVERY_PATH, _not_found, ["GET", "POST", "PUT", "PATCH", "DELETE"], needs=VIEW_ANY),
    ]


async def _not_found_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await refuse(websocket, _no_such_path(websocket.url.path))


async def _not_found(request: Request) -> Response:
    check_method(request.scope)
    raise _no_such_path(request.url.path)


def _no_such_path(path: str) -> NoSuchChannel:
    for_channel = any(f"{page}/" in path for page in ("/overlay", "/speak", "/view"))
    advice = "a channel's name has no slash" if for_channel else "check the address"
    return NoSuchChannel(f"There is nothing at {path[:120]!r}: {advice}.")
