"""The HTTP server around the application."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn

from service.app import create_app
from service.errors import SurtitleError
from service.settings import Settings
from service.store.store import Store

_FRAME_LIMIT = 16 << 20  # bytes; larger WebSocket messages are cut off before the application sees them
_FAREWELL = 0.2  # seconds for telling publishers that we stop
_SHUTDOWN = 2  # seconds that connections have to close by themselves


_SOCKETS = 8192  # readers, publishers and some more; macOS lets nobody ask for all there are


def allow_sockets() -> None:
    """Let the process have enough open sockets for all readers: it begins with 1024 on Linux, and 256 on macOS."""
    if sys.platform == "win32":
        return  # no such limit
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _SOCKETS if hard == resource.RLIM_INFINITY else min(_SOCKETS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class PortTaken(SurtitleError):
    """Another program listens where we should."""

    code = "port_taken"


class Server(uvicorn.Server):
    """Bound to its port from the beginning, so that a taken port is told in one sentence.

    Raises `PortTaken`, `StoreError`.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
            self._listening = socket.create_server((settings.host, settings.port), family=family)
        except OSError as error:
            raise PortTaken(
                f"Port {settings.port} cannot be used ({error.strerror or error}): is Surtitle running already? "
                "Stop it, or choose another with --port."
            ) from error
        self.ready = asyncio.Event()
        try:
            store = Store(settings.data_dir, settings.database) if settings.data_dir else None
        except SurtitleError:
            self._listening.close()
            raise
        self._app = create_app(settings, store)
        config = uvicorn.Config(
            self._app,
            access_log=False,
            lifespan="on",
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN,
            ws_max_size=_FRAME_LIMIT,
            ws_per_message_deflate=False,  # audio does not shrink, and captions are short
        )
        super().__init__(config)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve([self._listening])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.hub.dismiss()
        await asyncio.sleep(_FAREWELL)
        await super().shutdown(sockets)
