"""Who may talk to a service on loopback: this computer's programs, our own pages, extensions.

A browser lets any web page open sockets to 127.0.0.1 (cross-site WebSocket hijacking) and lets a
hostile name server make its page's host name mean 127.0.0.1 (DNS rebinding). So both headers that
a page cannot forge are checked: Host must be this service's own address, and Origin, which every
browser sends with sockets and posts, must be this service, an extension, or one that was allowed.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from service.errors import Forbidden
from service.settings import LOOPBACK, Settings
from service.web.messages import error_message, refuse

_EXTENSIONS = ("chrome-extension", "moz-extension")

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'"
)
"""What our pages may do (Content-Security-Policy)."""

_PAGE_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Trust:
    """Answers strangers before anything else sees them, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = {*LOOPBACK, settings.host}
        self._origins = set(settings.allow_origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _PAGE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        error = self._check(Headers(scope=scope))
        if error is None:
            await self._app(scope, receive, with_headers)
        elif scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            await websocket.accept()
            await refuse(websocket, error)
        else:
            await JSONResponse(error_message(error), status_code=error.status)(scope, receive, with_headers)

    def _check(self, headers: Headers) -> Forbidden | None:
        host = headers.get("host", "")
        if _hostname(host) not in self._hosts:
            return Forbidden(f"The host name {host[:80]!r} is not this service's: open it as 127.0.0.1 or localhost.")
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return None
        parts = urlsplit(origin)
        if parts.scheme in _EXTENSIONS or (parts.scheme in ("http", "https") and parts.netloc == host):
            return None
        return Forbidden(
            f"Pages of {origin[:80]!r} may not use this service: start it with --allow-origin to let them."
        )


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
