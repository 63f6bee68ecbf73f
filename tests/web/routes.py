"""The routes of the application and what they need, by method and path."""

from __future__ import annotations

from surtitle.core.settings import Settings
from surtitle.web.app import create_app
from surtitle.web.guard import Requirement
from surtitle.web.routing import AnyRoute, GuardedMount, GuardedWebSocketRoute


def methods(route: AnyRoute) -> list[str]:
    """The methods of a route; WS for a WebSocket, and GET for mounted files."""
    if isinstance(route, GuardedWebSocketRoute):
        return ["WS"]
    return ["GET"] if isinstance(route, GuardedMount) else sorted((route.methods or set()) - {"HEAD"})


def requirements() -> dict[str, Requirement]:
    """What each route needs, by keys such as ``GET /healthz``. Fails for a route that does not state it."""
    found: dict[str, Requirement] = {}
    for route in create_app(Settings()).routes:
        assert isinstance(route, AnyRoute), f"{route} does not state what it needs"
        found |= {f"{method} {route.path}": route.needs for method in methods(route)}
    return found


def foreign_routes() -> set[str]:
    """The keys of the routes that answer errors in the format of another program."""
    routes = [route for route in create_app(Settings()).routes if isinstance(route, AnyRoute)]
    return {f"{method} {route.path}" for route in routes if route.error_response for method in methods(route)}
