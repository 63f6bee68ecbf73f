"""Checks the tokens of requests, and ends connections whose token is revoked or expires."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from jinja2 import Environment
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Asgi
from starlette.websockets import WebSocket

from surtitle.access.authority import TokenAuthority
from surtitle.access.tokens import EVERY, EVERYTHING, Grant, Scope
from surtitle.core.errors import ShuttingDown, SurtitleError
from surtitle.web.addresses import get_address
from surtitle.web.base_path import get_base_path
from surtitle.web.clients import describe_peer
from surtitle.web.messages import error_message, refuse
from surtitle.web.responses import retry_headers
from surtitle.web.services import services, services_in


@dataclass(frozen=True, slots=True)
class Requirement:
    """A scope in a channel.

    ``channel`` is "{channel}" for the one that the path names, the name of a certain channel, "" for any channel, or
    "*" for all channels.
    """

    scope: Scope | None
    channel: str = "{channel}"


PUBLIC = Requirement(None)
"""No token: such routes are for anybody who can reach this computer, and reveal nothing."""

IN_START = Requirement(None)
"""The token comes later, in the start message or a ticket for it: the endpoint calls `admit`."""

VIEW, PUBLISH, ADMIN = (Requirement(scope) for scope in Scope)
"""The scopes in the channel that the path names."""

VIEW_ANY, PUBLISH_ANY, ADMIN_ANY = (Requirement(scope, "") for scope in Scope)
"""The scopes in any channel; what is listed or may be changed depends on the channels that the token covers."""

VIEW_ALL, _, ADMIN_ALL = (Requirement(scope, EVERY) for scope in Scope)
"""The scopes in all channels."""

ErrorResponse = Callable[[SurtitleError], Response]
"""Makes the answer to a refused request in the format of another program."""

log = logging.getLogger(__name__)

_COOKIE = "surtitle-"
_RETRY_DELAY = 60  # seconds
_CLIENT_CLOSED_REQUEST = 499  # nobody sees it, except in the metrics
_TOKEN_SCHEMES = ("bearer", "token")
_TOKEN_PARAMETERS = ("token", "api_key")
_PROTOCOL_TOKEN = re.compile(r"(?:^|, *)(?:(?:token|bearer), *|openai-insecure-api-key\.)([^,\s]+)")


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
    """The tokens that a client sends: in a header or the query, or else in the cookies set by pages (16 at most).

    Programs that were written for other services send their key in the ways that those document.
    """
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() in _TOKEN_SCHEMES and token:
        return [token.strip()]
    for parameter in _TOKEN_PARAMETERS:
        if token := connection.query_params.get(parameter, ""):
            return [token]
    if token := connection.headers.get("x-api-key", ""):
        return [token]
    if token := _find_protocol_token(connection):
        return [token]
    return [value for name, value in connection.cookies.items() if name.startswith(_COOKIE)][:16]


def _find_protocol_token(connection: HTTPConnection) -> str:
    """The token among the subprotocols of a WebSocket, where scripts in browsers put it: they cannot set headers."""
    found = _PROTOCOL_TOKEN.search(connection.headers.get("sec-websocket-protocol", ""))
    return found[1] if found else ""


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
            path=get_base_path(connection.scope) or "/",
            secure=(settings.access.public_url or str(connection.url)).startswith("https"),
        )


async def run_authorized(
    app: ASGIApp,
    needs: Requirement,
    scope: Asgi,
    receive: Receive,
    send: Send,
    error_response: ErrorResponse | None = None,
) -> None:
    """Run ``app`` for a client that has what it ``needs``; refuse any other. The path parameters are in ``scope``.

    With ``error_response``, that makes the answer to refused clients and to errors that ``app`` raises before it has
    answered. A request that the server cancels because it stops is answered, too. A client that disconnects before its
    request has arrived is no error.
    """
    started = False

    async def watched(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        grant = scope["grant"] = _authorize(scope, needs)
    except SurtitleError as error:
        if error_response is None:
            await send_error(error, scope, receive, send)
        else:
            await send_response(error_response(error), scope, receive, send)
        return
    try:
        if needs in (PUBLISH, ADMIN):
            await services_in(scope).hub.host(scope["path_params"]["channel"])
        if grant is EVERYTHING:
            await app(scope, receive, watched)
        else:
            await _RevocableConnection(services_in(scope).authority, grant).run(app, scope, receive, watched)
    except asyncio.CancelledError:
        if not services_in(scope).hub.stopping:
            raise
        if not started:
            response = (error_response or partial(build_refusal, scope=scope))(ShuttingDown())
            await send_response(response, scope, receive, send)
    except ClientDisconnect:
        log.info("%s disconnected", describe_peer(HTTPConnection(scope)))
        if not started:
            await send_response(Response(status_code=_CLIENT_CLOSED_REQUEST), scope, receive, send)
    except SurtitleError as error:
        if error_response is None:
            raise
        await send_response(error_response(error), scope, receive, send)


async def send_response(response: Response, scope: Asgi, receive: Receive, send: Send) -> None:
    """Answer a request, or refuse a WebSocket that has not been accepted."""
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)


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
            await _send_refusal(send, error)
            await asyncio.wait({running}, timeout=5.0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if scope["type"] == "http" and self._started:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif scope["type"] == "http":
            await send_error(error, scope, receive, send)


async def _send_refusal(send: Send, error: SurtitleError) -> None:
    """Like `refuse`, for a socket that an endpoint is still using."""
    try:
        async with asyncio.timeout(2.0):
            await send({"type": "websocket.send", "text": msgspec.json.encode(error_message(error)).decode()})
            await send({"type": "websocket.close", "code": error.close, "reason": error.code})
    except (RuntimeError, OSError, TimeoutError):
        pass  # the client has disconnected


def _authorize(scope: Asgi, needs: Requirement) -> Grant:
    """Raises `Unauthorized`, `Forbidden`, `TooMany`."""
    authority = services_in(scope).authority
    if not authority.guarded or needs.scope is None:
        return EVERYTHING
    connection = HTTPConnection(scope)
    channel = scope["path_params"].get("channel", "") if needs.channel == "{channel}" else needs.channel
    return authority.admit(find_tokens(connection), needs.scope, channel or None, get_address(connection))


async def send_error(error: SurtitleError, scope: Asgi, receive: Receive, send: Send) -> None:
    """Refuse a request or WebSocket that no endpoint has answered."""
    if scope["type"] == "websocket":
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        await refuse(websocket, error)
        return
    await build_refusal(error, scope)(scope, receive, send)


def build_refusal(error: SurtitleError, scope: Asgi) -> Response:
    """The response to a refused request: JSON for programs, a page for browsers."""
    more = {"cache-control": "no-store"}
    if error.status == 401:
        more["www-authenticate"] = "Bearer"
    more |= retry_headers(error, _RETRY_DELAY)
    if "text/html" in Headers(scope=scope).get("accept", ""):
        page = _PAGE.render(error=error, title="Surtitle", base=get_base_path(scope))
        return HTMLResponse(page, error.status, more)
    return JSONResponse(error_message(error), error.status, more)


_PAGE = Environment(autoescape=True).from_string(
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content='width=device-width, initial-scale=1'><meta name=color-scheme content='light dark'>"
    "<title>{{ title }}</title><link rel=stylesheet href='{{ base }}/static/refused.css'>"
    "<main><img src='{{ base }}/static/icon.svg' alt='' width=48 height=48><h1>{{ title }}</h1>"
    "<p>{{ error.message }}</p>"
    "{% if error.status == 404 %}<p><a href='{{ base }}/'>Go to the dashboard</a></p>{% endif %}</main>"
)
