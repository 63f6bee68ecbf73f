"""From where one may talk to the service: this computer's programs, our own pages, extensions.

A browser lets any web page open sockets to 127.0.0.1 (cross-site WebSocket hijacking) and lets a
hostile name server make its page's host name mean 127.0.0.1 (DNS rebinding). So both headers that
a page cannot forge are checked: Host must be this service's own address, and Origin, which every
browser sends with sockets and posts, must be this service, an extension, or one that was allowed.

Where tokens are needed (`access.py`), Host may also be any address in numbers and this computer's own
name: neither can be made to mean another computer, as rebinding would have to.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from surtitle.core.errors import Forbidden, TooLarge
from surtitle.core.settings import LOOPBACK, Settings
from surtitle.web.messages import error_message, refuse

_FORWARDED = ("forwarded", "x-forwarded-for")  # headers that proxies add
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


class OriginMiddleware:
    """Answers strangers before anything else sees them, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._guarded = settings.guarded
        self._largest = settings.limits.header_bytes
        self._hosts = {*LOOPBACK, settings.host, settings.access.public_host}
        if settings.guarded:
            name = socket.gethostname().lower()
            self._hosts |= {name, f"{name}.local"}
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

        error = self._check(Headers(scope=scope)) or self._measure(scope)
        if error is None:
            await self._app(scope, receive, with_headers)
        elif scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            await websocket.accept()
            await refuse(websocket, error)
        else:
            await JSONResponse(error_message(error), status_code=error.status)(scope, receive, with_headers)

    def _measure(self, scope: Scope) -> TooLarge | None:
        """The server counts only what comes in several pieces."""
        size = len(scope.get("raw_path", b"")) + len(scope["query_string"])
        size += sum(len(name) + len(value) for name, value in scope["headers"])
        if size <= self._largest:
            return None
        return TooLarge(f"A request's address and headers may have {self._largest} bytes: shorten them.")

    def _check(self, headers: Headers) -> Forbidden | None:
        host = headers.get("host", "")
        name = _hostname(host)
        if not name or not (name in self._hosts or (self._guarded and _is_address(name))):
            wanted = "start it with --public-url to let it be" if self._guarded else "open it as 127.0.0.1 or localhost"
            return Forbidden(f"The host name {host[:80]!r} is not this service's: {wanted}.")
        if not self._guarded and any(name in headers for name in _FORWARDED):
            return Forbidden("This came through a proxy: start the service with --public-url, so that it wants tokens.")
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return None
        parts = urlsplit(origin)
        if parts.scheme in _EXTENSIONS or (parts.scheme in ("http", "https") and parts.netloc == host):
            return None
        return Forbidden(
            f"Pages of {origin[:80]!r} may not use this service: start it with --allow-origin to let them."
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
