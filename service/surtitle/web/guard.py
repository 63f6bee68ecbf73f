"""The scope that each route requires, and the middleware that checks it before anything else runs.

A route that is not in `REQUIREMENTS` is refused, so adding a route means deciding who may use it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Any

import msgspec
from jinja2 import Environment
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Asgi
from starlette.websockets import WebSocket

from surtitle.access.authority import TokenAuthority
from surtitle.access.tokens import EVERY, EVERYTHING, Grant, Scope
from surtitle.core.errors import Forbidden, SurtitleError
from surtitle.web.addresses import get_address
from surtitle.web.messages import error_message, refuse
from surtitle.web.services import services, services_in


@dataclass(frozen=True, slots=True)
class Requirement:
    """A scope in a channel.

    ``channel`` is "{channel}" for the one that the path names, the name of a certain channel, "" for any channel, or
    "*" for all channels.
    """

    scope: Scope | None
    channel: str = "{channel}"


OPEN = Requirement(None)
"""No token: such routes are for anybody who can reach this computer, and reveal nothing."""

IN_START = Requirement(None)
"""The token comes later, in the start message or a ticket for it: the endpoint calls `admit`."""

_VIEW, _PUBLISH, _ADMIN = (Requirement(scope) for scope in Scope)
_CHANNEL = "/api/channels/{channel}"

REQUIREMENTS: dict[str, Requirement] = {
    "WS /stt": IN_START,
    f"WS {_CHANNEL}/audio": IN_START,
    f"POST {_CHANNEL}/audio": IN_START,
    f"WS {_CHANNEL}/captions": _VIEW,
    f"GET {_CHANNEL}/captions": _VIEW,
    f"PATCH {_CHANNEL}/captions/{{id}}": _ADMIN,
    f"GET {_CHANNEL}/transcript.{{form}}": _VIEW,
    f"GET {_CHANNEL}/obs": _PUBLISH,
    f"GET {_CHANNEL}/links": _PUBLISH,
    f"GET {_CHANNEL}/recording": _ADMIN,
    f"POST {_CHANNEL}/recording": _ADMIN,
    f"DELETE {_CHANNEL}/recording": _ADMIN,
    f"POST {_CHANNEL}/clear": _ADMIN,
    f"GET {_CHANNEL}/settings": _ADMIN,
    f"PATCH {_CHANNEL}/settings": _ADMIN,
    f"GET {_CHANNEL}/styles": _VIEW,
    f"PUT {_CHANNEL}/styles/{{name}}": _ADMIN,
    f"DELETE {_CHANNEL}/styles/{{name}}": _ADMIN,
    f"GET {_CHANNEL}": _VIEW,
    "GET /api/channels": Requirement(Scope.PUBLISH, ""),  # lists the channels that the token covers
    "WS /api/status": Requirement(Scope.PUBLISH, ""),
    "GET /api/sessions": Requirement(Scope.ADMIN, EVERY),
    "GET /api/sessions/{id}": Requirement(Scope.ADMIN, EVERY),
    "DELETE /api/sessions/{id}": Requirement(Scope.ADMIN, EVERY),
    "GET /api/sessions/{id}/transcript.{form}": Requirement(Scope.ADMIN, EVERY),
    "GET /api/sessions/{id}/audio": Requirement(Scope.ADMIN, EVERY),
    "GET /api/sessions/{id}/recordings/{file}": Requirement(Scope.ADMIN, EVERY),
    "GET /api/sessions/{id}/difference": Requirement(Scope.ADMIN, EVERY),
    "POST /api/sessions/{id}/polish": Requirement(Scope.ADMIN, EVERY),
    "DELETE /api/sessions/{id}/polish": Requirement(Scope.ADMIN, EVERY),
    "GET /api/languages": Requirement(Scope.VIEW, ""),
    "GET /api/tokens": Requirement(Scope.ADMIN, ""),
    "POST /api/tokens": Requirement(Scope.ADMIN, ""),
    "DELETE /api/tokens/{id}": Requirement(Scope.ADMIN, ""),
    "GET /api/models": Requirement(Scope.ADMIN, ""),
    "POST /api/demo": Requirement(Scope.ADMIN, "main"),
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /metrics": Requirement(Scope.VIEW, EVERY),
    "GET /": Requirement(Scope.ADMIN, ""),
    "GET /sessions": Requirement(Scope.ADMIN, EVERY),
    "GET /sessions/{id}": Requirement(Scope.ADMIN, EVERY),
    "GET /overlay/{channel}": _VIEW,
    "GET /view/{channel}": _VIEW,
    "GET /view/{channel}/manifest.webmanifest": _VIEW,
    "GET /view/{channel}/qr.svg": _VIEW,
    "GET /static/overlay": OPEN,
    "GET /static/demo": OPEN,
    "GET /static": OPEN,
    "WS /{path:path}": Requirement(Scope.VIEW, ""),
    **{f"{method} /{{path:path}}": Requirement(Scope.VIEW, "") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")},
}

_COOKIE = "surtitle-"


def requirement_keys(route: BaseRoute) -> list[str]:
    """The keys of a route in `REQUIREMENTS`, one for each method."""
    path = getattr(route, "path", "")
    if isinstance(route, WebSocketRoute):
        return [f"WS {path}"]
    methods = {"GET"} if isinstance(route, Mount) else getattr(route, "methods", None) or {"GET"}
    return [f"{method} {path}" for method in sorted(methods - {"HEAD"})]


def get_grant(connection: HTTPConnection) -> Grant:
    """The grant of a request's client."""
    grant: Grant = connection.scope.get("grant", EVERYTHING)
    return grant


def admit(connection: HTTPConnection, token: str | None, channel: str) -> Grant:
    """The grant for publishing in ``channel``, by the token of a start message or else those of the connection.

    Raises `Unauthorized`, `Forbidden`, `TooMany`.
    """
    authority = services(connection).authority
    return authority.admit(
        [token] if token else find_tokens(connection), Scope.PUBLISH, channel, get_address(connection)
    )


def find_tokens(connection: HTTPConnection) -> list[str]:
    """The tokens that a client sends: in the header or the query, or else in the cookies set by pages (16 at most)."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return [token.strip()]
    if token := connection.query_params.get("token", ""):
        return [token]
    return [value for name, value in connection.cookies.items() if name.startswith(_COOKIE)][:16]


def set_token_cookie(connection: HTTPConnection, response: Response) -> None:
    """Turn the token of a link into a cookie, so that the page can remove it from its address.

    There is one cookie per channel; a link with a smaller scope than the browser's cookie does not replace it.
    """
    authority = services(connection).authority
    settings = services(connection).settings
    grant = get_grant(connection)
    response.headers["cache-control"] = "no-store" if authority.guarded else "no-cache"
    if grant.token is None or grant.token != connection.query_params.get("token"):
        return
    name = _COOKIE + hashlib.sha256(grant.channel.encode()).hexdigest()[:12]
    kept = authority.peek(connection.cookies.get(name, ""))
    if kept is None or kept.scope <= grant.scope:
        response.set_cookie(
            name,
            grant.token,
            max_age=max(1, int(grant.expires - time.time())),
            httponly=True,
            samesite="strict",
            secure=(settings.access.public_url or str(connection.url)).startswith("https"),
        )


class AccessMiddleware:
    """Refuses requests without a sufficient token, and ends connections whose token is revoked or expires."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            grant = scope["grant"] = _authorize(scope)
        except SurtitleError as error:
            await _send_error(error, scope, receive, send)
            return
        if grant is EVERYTHING:
            await self._app(scope, receive, send)
        else:
            await _RevocableConnection(services_in(scope).authority, grant).run(self._app, scope, receive, send)


class _RevocableConnection:
    """A request or socket that ends when its grant does."""

    def __init__(self, authority: TokenAuthority, grant: Grant) -> None:
        self._authority, self._grant = authority, grant
        self._lost: asyncio.Future[SurtitleError] = asyncio.get_running_loop().create_future()
        self._started = False

    async def run(self, app: ASGIApp, scope: Asgi, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            self._started = self._started or message["type"] in ("http.response.start", "websocket.accept")
            await send(message)

        with self._authority.watch_grant(self._grant, self._lose):
            running = asyncio.ensure_future(app(scope, receive, watched))
            waiting: set[asyncio.Future[Any]] = {running, self._lost}
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if not running.done():
                    await self._end_connection(running, scope, receive, send)
                await running
            except asyncio.CancelledError:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                if not self._lost.done():
                    raise
            finally:
                self._lost.cancel()

    def _lose(self, error: SurtitleError) -> None:
        if not self._lost.done():
            self._lost.set_result(error)

    async def _end_connection(self, running: asyncio.Future[None], scope: Asgi, receive: Receive, send: Send) -> None:
        """Send the reason, then end: a socket is closed, which its endpoint then sees; a response is cut short."""
        error = self._lost.result()
        if scope["type"] == "websocket":
            await send_refusal(send, error)
            await asyncio.wait({running}, timeout=5.0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if scope["type"] == "http" and self._started:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif scope["type"] == "http":
            await _send_error(error, scope, receive, send)


async def send_refusal(send: Send, error: SurtitleError) -> None:
    """Like `refuse`, for a socket that an endpoint is still using."""
    try:
        async with asyncio.timeout(2.0):
            await send({"type": "websocket.send", "text": msgspec.json.encode(error_message(error)).decode()})
            await send({"type": "websocket.close", "code": error.close, "reason": error.code})
    except (RuntimeError, OSError, TimeoutError):
        pass  # the client has disconnected


def _authorize(scope: Asgi) -> Grant:
    """Raises `Unauthorized`, `Forbidden`, `TooMany`."""
    connection = HTTPConnection(scope)
    requirement, parameters = _find_requirement(scope)
    authority = services_in(scope).authority
    if not authority.guarded or requirement.scope is None:
        return EVERYTHING
    channel = parameters.get("channel", "") if requirement.channel == "{channel}" else requirement.channel
    return authority.admit(find_tokens(connection), requirement.scope, channel or None, get_address(connection))


def _find_requirement(scope: Asgi) -> tuple[Requirement, dict[str, Any]]:
    """The requirement and the path parameters of the requested route. Raises `Forbidden` for a route without one."""
    method = "WS" if scope["type"] == "websocket" else scope["method"]
    for route in scope["app"].routes:
        match, child = route.matches(scope)
        if match is Match.FULL:
            verb = "GET" if method == "HEAD" or isinstance(route, Mount) else method
            requirement = REQUIREMENTS.get(f"{verb} {route.path}")
            if requirement is None:
                break
            return requirement, child.get("path_params", {})
    else:
        return OPEN, {}  # a method that no route has: the router answers 405
    raise Forbidden("This route has no access rule, so nobody may use it: report this as a fault of the service.")


async def _send_error(error: SurtitleError, scope: Asgi, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        await refuse(websocket, error)
        return
    await build_refusal(error, Headers(scope=scope))(scope, receive, send)


def build_refusal(error: SurtitleError, headers: Headers) -> Response:
    """The response to a refused request: JSON for programs, a page for browsers."""
    more = {"cache-control": "no-store"}
    if error.status == 401:
        more["www-authenticate"] = "Bearer"
    if error.status == 429:
        more["retry-after"] = "60"
    if "text/html" in headers.get("accept", ""):
        return HTMLResponse(_PAGE.render(error=error, title="Surtitle"), error.status, more)
    return JSONResponse(error_message(error), error.status, more)


_PAGE = Environment(autoescape=True).from_string(
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content='width=device-width, initial-scale=1'><meta name=color-scheme content='light dark'>"
    "<title>{{ title }}</title><link rel=stylesheet href=/static/refused.css>"
    "<main><img src=/static/icon.svg alt='' width=48 height=48><h1>{{ title }}</h1><p>{{ error.message }}</p></main>"
)
