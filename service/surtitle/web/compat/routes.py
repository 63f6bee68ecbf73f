"""The routes of the protocols: each at the path that its clients know, and below the address of any channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from starlette.websockets import WebSocket

from surtitle.access.tokens import Scope
from surtitle.core.settings import COMPAT_CHANNEL, Settings
from surtitle.web.compat import (
    deepgram,
    deepgram_files,
    openai_files,
    openai_realtime,
    openai_translation,
    vosk,
    whisperlivekit,
)
from surtitle.web.compat.endpoint import no_such_endpoint, preflight
from surtitle.web.compat.openai_errors import error_response as openai_errors
from surtitle.web.compat.read_ahead import ReadAhead
from surtitle.web.guard import PUBLIC, PUBLISH, ErrorResponse, Requirement
from surtitle.web.routing import AnyRoute, GuardedRoute, GuardedWebSocketRoute

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

CAPTION_CHANNEL = "main"
"""The channel of clients that caption something and name no channel."""


def compat_routes(settings: Settings) -> list[AnyRoute]:
    """The routes of all protocols.

    At the bare paths, clients of caption programs publish in the main channel, and all others in a channel of their
    own: what somebody dictates must not appear on a stream.
    """
    dictation = _dictation_channel(settings)
    return [
        *_socket("/asr", whisperlivekit.asr_socket, CAPTION_CHANNEL, whisperlivekit.error_response),
        GuardedRoute("/health", whisperlivekit.health, needs=PUBLIC),
        *_http("/v1/audio/transcriptions", openai_files.create_transcription, "POST", dictation, openai_errors),
        *_http("/v1/audio/translations", openai_files.create_translation, "POST", dictation, openai_errors),
        *_http("/v1/models", openai_files.get_models, "GET", dictation, openai_errors),
        *_http("/v1/models/{id:path}", openai_files.get_model, "GET", dictation, openai_errors),
        *_http("/v1/listen", deepgram_files.transcribe, "POST", dictation, deepgram.error_response),
        *_socket("/vosk", vosk.vosk_socket, CAPTION_CHANNEL, vosk.error_response),
        *_socket("/v1/realtime", openai_realtime.realtime_socket, dictation, openai_errors),
        *_socket(
            "/v1/realtime/translations",
            openai_translation.translation_socket,
            dictation,
            openai_errors,
        ),
        *_socket("/v1/listen", deepgram.listen_socket, dictation, deepgram.error_response),
        *_socket("/v2/listen", deepgram.refuse_second_version, dictation, deepgram.error_response),
        *(
            GuardedRoute(
                prefix + "/v1/{path:path}", no_such_endpoint, _METHODS, needs=needs, error_response=openai_errors
            )
            for prefix, needs in _places(dictation)
        ),
    ]


def _dictation_channel(settings: Settings) -> str:
    return settings.compat_channel or COMPAT_CHANNEL


def _socket(
    path: str, endpoint: Callable[[WebSocket], Awaitable[None]], channel: str, error_response: ErrorResponse
) -> Iterator[AnyRoute]:
    for prefix, needs in _places(channel):
        yield GuardedWebSocketRoute(prefix + path, ReadAhead(endpoint), needs=needs, error_response=error_response)


def _http(
    path: str, endpoint: Callable[..., Any], method: str, channel: str, error_response: ErrorResponse
) -> Iterator[AnyRoute]:
    for prefix, needs in _places(channel):
        yield GuardedRoute(
            prefix + path, endpoint, [method], needs=needs, error_response=error_response, cross_origin=True
        )
        yield GuardedRoute(prefix + path, partial(preflight, method), ["OPTIONS"], needs=PUBLIC, cross_origin=True)


def _places(channel: str) -> tuple[tuple[str, Requirement], ...]:
    """Where a protocol is found, and what its clients need: at the path itself, and below any channel's address."""
    return ("", Requirement(Scope.PUBLISH, channel)), ("/api/channels/{channel}", PUBLISH)
