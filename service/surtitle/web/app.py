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

from surtitle import __version__
from surtitle.access.authority import TokenAuthority
from surtitle.access.token_store import TokenStore
from surtitle.channels.channel import Channel
from surtitle.channels.hub import Hub
from surtitle.closed_captions.outputs import Outputs
from surtitle.core.errors import NoSuchChannel, SurtitleError
from surtitle.core.metrics import Metrics
from surtitle.core.settings import RECORDINGS, Settings
from surtitle.demo import Demo
from surtitle.models.engines import Engines
from surtitle.recordings.files import RecordingFiles
from surtitle.recordings.mix_jobs import Mixer
from surtitle.recordings.recorder import Recorder
from surtitle.recordings.retranscription_jobs import Retranscriber
from surtitle.recordings.sessions import Sessions
from surtitle.store.journal import Store
from surtitle.store.journal_writer import JournalWriter
from surtitle.store.transcripts import Transcripts
from surtitle.translation.translations import Translations
from surtitle.web import channel_settings, channels, health, obs_feed, pages, recordings, sessions, tokens
from surtitle.web.admission import Room
from surtitle.web.corrections import correct_caption
from surtitle.web.guard import AccessMiddleware
from surtitle.web.messages import refuse
from surtitle.web.metrics import ServiceCollector
from surtitle.web.origin import OriginMiddleware
from surtitle.web.publish import publish_post, publish_socket
from surtitle.web.read import read_events, read_socket
from surtitle.web.tickets import Tickets

_FLUSH = 1.0  # seconds more that open captions have to become final when the service stops


def create_app(settings: Settings, store: Store | None = None, token_store: TokenStore | None = None) -> Starlette:
    """The service as an ASGI application.

    ``store`` keeps what channels remember and ``token_store`` which tokens count; both are closed with it.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        engines = Engines(settings)
        metrics = Metrics()
        journal_writer = JournalWriter(store) if store else None
        hub = Hub(settings, engines, journal_writer, metrics)
        translations = Translations(settings, hub)
        outputs = Outputs(hub.position, translations)
        transcripts = Transcripts(store.database) if store else None
        recording_files = (
            RecordingFiles(settings.data_dir / RECORDINGS, transcripts) if transcripts and settings.data_dir else None
        )
        recorder = hub.listener = Recorder(
            recording_files, settings.recording_format, journal_writer.flush if journal_writer else _nothing
        )
        await recorder.recover()
        parts = (outputs, translations, recorder)

        def retold(channel: Channel) -> None:
            outputs.apply(channel)
            translations.apply(channel)
            recorder.on_settings_changed(channel)

        def more(channel: Channel) -> dict[str, Any]:
            return {name: value for part in parts for name, value in part.describe(channel).items()}

        if store:
            told = await asyncio.to_thread(store.settings)
            restored = [hub.restore(name, one.settings, one.styles) for name, one in told.items()]
            for kept in await asyncio.to_thread(store.kept, settings.limits.channels // 2, settings.limits.captions):
                hub.recall(kept)
            for channel_told in restored:
                retold(channel_told)
        hub.retold, hub.more = retold, more
        authority, player = TokenAuthority(settings, token_store or TokenStore(None)), Demo(settings)
        app.state.settings, app.state.engines, app.state.hub, app.state.demo = settings, engines, hub, player
        app.state.translations = translations
        app.state.outputs, app.state.tickets, app.state.journal_writer = outputs, Tickets(), journal_writer
        app.state.authority, app.state.room = authority, Room(hub, settings.limits)
        app.state.metrics, app.state.version = metrics, __version__
        mixer, retranscriber = Mixer(), Retranscriber(settings)
        app.state.recorder, app.state.transcripts = recorder, transcripts
        app.state.sessions = (
            Sessions(hub, journal_writer, transcripts, recording_files, recorder, mixer, retranscriber)
            if journal_writer and transcripts and recording_files
            else None
        )
        metrics.register(ServiceCollector(app.state))
        authority.start()
        engines.start()
        try:
            yield
        finally:
            await player.close()
            await retranscriber.close()
            await mixer.close()
            await outputs.close()
            await translations.close()
            await hub.close(_FLUSH)
            await recorder.close()
            if journal_writer:
                await journal_writer.close()
            await engines.close()
            await authority.close()

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
            WebSocketRoute("/{path:path}", _nowhere_socket),
            Route("/{path:path}", _nowhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
    )


async def _nothing() -> None:
    """There is nothing to write down."""


async def _nowhere_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await refuse(websocket, _no_such_place(websocket.url.path))


async def _nowhere(request: Request) -> Response:
    raise _no_such_place(request.url.path)


def _no_such_place(path: str) -> NoSuchChannel:
    return NoSuchChannel(f"There is nothing at {path[:120]!r}: a channel's name has no slash and at most 64 letters.")
