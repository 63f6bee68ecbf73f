"""Which clients may talk to the service: programs on this computer, its own pages, and browser extensions.

A browser lets any web page open sockets to 127.0.0.1 (cross-site WebSocket hijacking), and a hostile
name server can make its page's host name resolve to 127.0.0.1 (DNS rebinding). The two headers that
a page cannot forge are therefore checked: Host must be this service's own address, and Origin, which every
browser sends with sockets and POST requests, must be this service, an extension, or an allowed origin.

Where tokens are required (`guard.py`), Host may also be any IP address or this computer's own name:
neither can be made to resolve to another computer, which DNS rebinding depends on.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from surtitle.core.errors import Forbidden, TooLarge
from surtitle.core.settings import LOOPBACK, Settings
from surtitle.web.guard import ErrorResponse, send_response
from surtitle.web.messages import error_message, refuse
from surtitle.web.routing import find_error_response

_PROXY_HEADERS = ("forwarded", "x-forwarded-for")  # headers that proxies add
_EXTENSION_SCHEMES = ("chrome-extension", "moz-extension")

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'"
)
"""The Content-Security-Policy of the service's pages."""

MICROPHONE_POLICY = "camera=(), geolocation=(), microphone=(self)"
"""The Permissions-Policy of a page that captures the microphone; the others may not."""

_PAGE_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class OriginMiddleware:
    """Refuses requests from foreign hosts and origins, and adds the security headers to every response.

    ``find_error_response`` finds what answers refused clients in the format of another program.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        find_error_response: Callable[[Scope], ErrorResponse | None] = find_error_response,
    ) -> None:
        self._app = app
        self._find_error_response = find_error_response
        self._guarded = settings.guarded
        self._max_header_bytes = settings.limits.header_bytes
        self._hosts = {*LOOPBACK, settings.host, settings.access.public_host}
        if settings.guarded:
            name = socket.gethostname().lower()
            self._hosts |= {name, f"{name}.local"}
        self._origins = {*settings.allow_origin, settings.access.public_origin}  # a proxy may change Host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        given = Headers(scope=scope)
        error = self._check_headers(given) or self._check_size(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if error is None and getattr(scope.get("route"), "cross_origin", False):
                    headers.update(_cross_origin_headers(given))
                for name, value in _PAGE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if error is None:
            await self._app(scope, receive, with_headers)
        elif (error_response := self._find_error_response(scope)) is not None:
            await send_response(error_response(error), scope, receive, with_headers)
        elif scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            await websocket.accept()
            await refuse(websocket, error)
        else:
            await JSONResponse(error_message(error), status_code=error.status)(scope, receive, with_headers)

    def _check_size(self, scope: Scope) -> TooLarge | None:
        """Check the size of the request's head: the server limits only a head that arrives in several pieces."""
        size = len(scope.get("raw_path", b"")) + len(scope["query_string"])
        size += sum(len(name) + len(value) for name, value in scope["headers"])
        if size <= self._max_header_bytes:
            return None
        return TooLarge(
            f"A request's address and headers may have at most {self._max_header_bytes} bytes: shorten them."
        )

    def _check_headers(self, headers: Headers) -> Forbidden | None:
        host = headers.get("host", "")
        name = _hostname(host)
        if not name or not (name in self._hosts or (self._guarded and _is_address(name))):
            advice = (
                "start the service with --public-url to use this name"
                if self._guarded
                else "open it as 127.0.0.1 or localhost"
            )
            return Forbidden(f"The host name {host[:80]!r} does not belong to this service: {advice}.")
        if not self._guarded and any(name in headers for name in _PROXY_HEADERS):
            return Forbidden(
                "This request came through a proxy: start the service with --public-url, so that it requires tokens."
            )
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return None
        parts = urlsplit(origin)
        if parts.scheme in _EXTENSION_SCHEMES or (parts.scheme in ("http", "https") and parts.netloc == host):
            return None
        return Forbidden(
            f"Pages of {origin[:80]!r} may not use this service: start it with --allow-origin to allow them."
        )


def _cross_origin_headers(headers: Headers) -> dict[str, str]:
    """Let the page that sent a request with these headers read the response."""
    origin = headers.get("origin")
    if origin is None:
        return {"vary": "origin"}
    return {"access-control-allow-origin": origin, "access-control-expose-headers": "*", "vary": "origin"}


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
