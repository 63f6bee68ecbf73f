"""The HTTP server around the application."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from pathlib import Path

import uvicorn

from surtitle.access.token_store import TokenStore
from surtitle.channels.hub import Hub
from surtitle.core.errors import SurtitleError
from surtitle.core.settings import Settings
from surtitle.store.journal import Store
from surtitle.web.app import create_app
from surtitle.web.connections import ConnectionLimits, protocols

_FRAME_LIMIT = 16 << 20  # bytes; larger WebSocket messages are cut off before the application sees them
_FLUSH = 2.5  # seconds for what was said to become final captions, and to be seen by readers
_FAREWELL = 0.2  # seconds for telling them
_SHUTDOWN = 1  # seconds that connections have to close by themselves


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


class BadCertificate(SurtitleError):
    """TLS cannot be had with these files."""

    code = "bad_certificate"


class Server(uvicorn.Server):
    """Bound to its port from the beginning, so that a taken port is told in one sentence.

    Raises `PortTaken`, `StoreError`, `LedgerError`, `BadCertificate`.
    """

    def __init__(self, settings: Settings) -> None:
        access, limits = settings.access, settings.limits
        _check_certificate(access.tls_cert, access.tls_key)
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
            token_store = TokenStore(settings.data_dir if settings.guarded else None)
            if settings.guarded:
                token_store.place(settings.public_url)
            store = Store(settings.data_dir, settings.database) if settings.data_dir else None
        except SurtitleError:
            self._listening.close()
            raise
        self._app = create_app(settings, store, token_store)
        self._app.state.connection_limits = connection_limits = ConnectionLimits(limits)
        http, ws = protocols(connection_limits)
        config = uvicorn.Config(
            self._app,
            access_log=False,
            forwarded_allow_ips=list(access.trust_proxy),
            h11_max_incomplete_event_size=limits.header_bytes,
            http=http,
            lifespan="on",
            log_config=None,
            log_level="error",  # else it tells addresses, with tokens in them, and of each who sends garbage
            proxy_headers=bool(access.trust_proxy),
            server_header=False,
            ssl_certfile=access.tls_cert,
            ssl_keyfile=access.tls_key,
            timeout_graceful_shutdown=_SHUTDOWN,
            ws=ws,
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
        hub: Hub = self._app.state.hub
        hub.dismiss()
        await asyncio.gather(hub.finish(_FLUSH), asyncio.sleep(_FAREWELL))
        await asyncio.sleep(_FAREWELL)
        await super().shutdown(sockets)


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Raises `BadCertificate`."""
    if certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise BadCertificate(
            f"TLS cannot be had with {certificate}{f' and {key}' if key else ''} ({reason}): both must be readable PEM "
            "files that belong together, the key without a password."
        ) from error
