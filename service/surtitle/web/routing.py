"""Routes that state what they need, and the router that checks it before an endpoint runs.

The router refuses a route that does not state it, so adding a route means deciding who may use it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from surtitle.core.errors import BadMethod, Forbidden, SurtitleError
from surtitle.web.guard import ErrorResponse, Requirement, run_authorized, send_error

EVERY_PATH = "/{path:path}"
"""The path of the routes that answer when no other one does."""


class GuardedRoute(Route):
    """An HTTP endpoint. ``error_response`` answers its errors, if their format is another program's.

    The scripts of pages of other, allowed origins may read the response if it is ``cross_origin``.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        methods: Collection[str] = ("GET",),
        *,
        needs: Requirement,
        error_response: ErrorResponse | None = None,
        cross_origin: bool = False,
    ) -> None:
        if error_response is not None:
            endpoint = _answer_errors(endpoint, error_response)
        super().__init__(path, endpoint, methods=methods)
        self.needs = needs
        self.error_response = error_response
        self.cross_origin = cross_origin


def _answer_errors(endpoint: Callable[..., Any], error_response: ErrorResponse) -> Callable[[Request], Any]:
    """The endpoint with answers to its errors: otherwise the application's handler would answer them."""

    async def answer(request: Request) -> Response:
        try:
            response: Response = await endpoint(request)
        except SurtitleError as error:
            response = error_response(error)
        return response

    return answer


class GuardedWebSocketRoute(WebSocketRoute):
    """A WebSocket endpoint.

    With ``error_response``, whoever is refused before the endpoint has accepted the connection gets this response.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        needs: Requirement,
        error_response: ErrorResponse | None = None,
    ) -> None:
        super().__init__(path, endpoint)
        self.needs = needs
        self.error_response = error_response


class GuardedMount(Mount):
    """An application, such as a folder of files, that answers for all paths below its own."""

    def __init__(self, path: str, app: ASGIApp, *, needs: Requirement) -> None:
        super().__init__(path, app)
        self.needs = needs
        self.error_response: ErrorResponse | None = None


AnyRoute = GuardedRoute | GuardedWebSocketRoute | GuardedMount


class GuardedRouter(Router):
    """Hands a request to the first route that matches it, once its client has shown that it has what the route needs.

    ``allowed_methods`` in the scope has those of earlier routes that match but for the method. A client whose token is
    revoked or expires meanwhile is disconnected.
    """

    def __init__(self, routes: Sequence[AnyRoute], lifespan: Lifespan[Any]) -> None:
        super().__init__(routes, lifespan=lifespan)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            allowed: set[str] = set()
            for route in self.routes:
                match, child_scope = route.matches(scope)
                if match is Match.PARTIAL and isinstance(route, GuardedRoute):
                    allowed |= route.methods or set()
                elif match is Match.FULL:
                    scope["allowed_methods"] = sorted(allowed)
                    scope.setdefault("router", self)
                    scope.update({**child_scope, "route": route})
                    await _handle(route, scope, receive, send)
                    return
        await super().app(scope, receive, send)  # the lifespan, and a method that HTTP does not have


def check_method(scope: Scope) -> None:
    """Raise `BadMethod` if there is something at the path of a request that no other route has answered."""
    path = scope["path"][:120]
    if allowed := [method for method in scope["allowed_methods"] if method != "OPTIONS"]:
        raise BadMethod(f"{scope['method']} is not possible at {path}: use {' or '.join(allowed)}.")
    handshake = {**scope, "type": "websocket"}
    sockets = (route for route in scope["app"].router.routes if isinstance(route, GuardedWebSocketRoute))
    if any(route.path != EVERY_PATH and route.matches(handshake)[0] is Match.FULL for route in sockets):
        raise BadMethod(
            f"{path} is for WebSockets: connect to it with ws:// or wss://, and let proxies pass on the header Upgrade."
        )


def find_error_response(scope: Scope) -> ErrorResponse | None:
    """What answers refused clients of the route that a request is for; None if the route is one of our own."""
    for route in scope["app"].router.routes:
        if isinstance(route, AnyRoute) and route.matches(scope)[0] is Match.FULL:
            return route.error_response
    return None


async def _handle(route: BaseRoute, scope: Scope, receive: Receive, send: Send) -> None:
    if isinstance(route, AnyRoute):
        await run_authorized(route.handle, route.needs, scope, receive, send, route.error_response)
    else:
        error = Forbidden("This route has no access rule, so nobody may use it: report this as a fault of the service.")
        await send_error(error, scope, receive, send)
