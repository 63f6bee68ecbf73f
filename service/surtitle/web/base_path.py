"""The path below which the service is seen: behind a proxy, or mounted in another application, it may have one."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send


class BasePathMiddleware:
    """Answers below the path of ``public_url``, whether or not the proxy passes that path on.

    Requests without it are answered as well: they come from a proxy that removes it, or from this computer. Some
    proxies remove it without the slash after it, and so leave two.
    """

    def __init__(self, app: ASGIApp, public_url: str | None) -> None:
        self._app = app
        self._base = unquote(urlsplit(public_url or "").path).rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._base and scope["type"] in ("http", "websocket"):
            path: str = scope["path"].removeprefix(scope.get("root_path", ""))
            inner = path.removeprefix(self._base) if f"{path}/".startswith(f"{self._base}/") else path
            scope = {**scope, "root_path": self._base, "path": f"{self._base}/{inner.lstrip('/')}"}
        await self._app(scope, receive, send)


def get_base_path(scope: Any) -> str:
    """The path before all addresses of the service, percent-encoded and without a slash at its end; mostly empty."""
    return quote(scope.get("root_path", "").rstrip("/"))
