"""The second port for Vosk clients, which have no setting for a path or a token: only programs on this computer get in.

The server listens on it at `VOSK_HOST`. It speaks the Vosk protocol at every path, and nothing else.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from surtitle.core.settings import Settings
from surtitle.web.compat.read_ahead import ReadAhead
from surtitle.web.compat.routes import CAPTION_CHANNEL
from surtitle.web.compat.vosk import error_response, vosk_socket
from surtitle.web.guard import Requirement, run_authorized
from surtitle.web.origin import OriginMiddleware
from surtitle.web.routing import GuardedWebSocketRoute

VOSK_HOST = "127.0.0.1"

_REFUSAL = "This port is for Vosk clients, which connect by a WebSocket: use the service's own port for the rest."


class VoskPort:
    """Middleware that serves the connections to the port for Vosk clients, and hands on all others.

    It checks `Host` and `Origin` itself: pages could use the port otherwise.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._port = settings.vosk_port
        self._vosk = OriginMiddleware(self._serve, settings, lambda scope: error_response)
        self._route = GuardedWebSocketRoute(
            "/{path:path}",
            ReadAhead(vosk_socket),
            needs=Requirement(None, CAPTION_CHANNEL),
            error_response=error_response,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope.get("server") or ("", None))[1] != self._port:
            await self._app(scope, receive, send)
        else:
            await self._vosk(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            route = self._route
            scope.update({"route": route, "endpoint": route.endpoint, "path_params": {}})
            await run_authorized(route.handle, route.needs, scope, receive, send, route.error_response)
        else:
            await PlainTextResponse(_REFUSAL, 426, {"upgrade": "websocket"})(scope, receive, send)
