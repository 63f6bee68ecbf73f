"""A pool in this process, without Ray: replicas behind a server that answers as Ray Serve's proxy does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support import free_port

_TIMEOUT = 30.0  # seconds


@dataclass
class PoolServer:
    """Serves the applications of models by their names, which a test may change while it runs."""

    models: dict[str, ASGIApp]
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        model = scope["path"].split("/")[2] if scope["path"].startswith("/models/") else ""
        app = self.models.get(model) or Starlette(routes=[Route("/-/routes", self._list_routes)])
        await app(scope, receive, send)

    async def _list_routes(self, request: Request) -> Response:
        return JSONResponse({f"/models/{name}": name for name in self.models})

    @contextmanager
    def running(self) -> Iterator[PoolServer]:
        """Serve in a thread until the block ends; it may be entered again."""
        server = uvicorn.Server(
            uvicorn.Config(self, port=self.port, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + _TIMEOUT
        while not server.started:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.01)
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(_TIMEOUT)


@contextmanager
def pool_server(models: Mapping[str, ASGIApp], port: int | None = None) -> Iterator[PoolServer]:
    """A pool that runs, by default on a free port."""
    with PoolServer(dict(models), port or free_port()).running() as server:
        yield server


def answer_text(status: int, text: str = "") -> ASGIApp:
    """An application that answers as a proxy does when it cannot reach a replica."""
    return PlainTextResponse(text, status)
