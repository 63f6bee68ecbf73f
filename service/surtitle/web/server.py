"""The HTTP server that runs the application."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import cast

import uvicorn

from surtitle import __version__
from surtitle.access.shared_tokens import SharedTokens
from surtitle.access.token_store import IssuedTokens, TokenStore
from surtitle.core.announcement import Announcement
from surtitle.core.errors import SurtitleError
from surtitle.core.settings import Settings
from surtitle.store.folder_lock import FolderLock
from surtitle.store.journal import Store
from surtitle.store.network_share import describe_network_share, find_network_share
from surtitle.web.app import create_app
from surtitle.web.compat.vosk_port import VOSK_HOST
from surtitle.web.compat.wyoming import WyomingServer
from surtitle.web.connections import ConnectionLimits, protocols
from surtitle.web.program_control import ProgramControl
from surtitle.web.services import Services

log = logging.getLogger("surtitle.store")

_MAX_FRAME_BYTES = 16 << 20  # larger WebSocket messages end the connection before the application sees them
_FLUSH_TIMEOUT = 2.5  # seconds for open captions to become final and to reach readers
_NOTIFY_DELAY = 0.2  # seconds for sending messages to clients before their connections are closed
_SHUTDOWN_TIMEOUT = 1  # seconds that clients have to close their connections themselves
_MAX_SOCKETS = 8192  # readers, publishers and a reserve; macOS refuses a request for its hard limit of infinity


def raise_socket_limit() -> None:
    """Raise the limit of open files so that all readers fit: the default is 1024 on Linux and 256 on macOS."""
    if sys.platform == "win32":
        return  # no such limit
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_SOCKETS if hard == resource.RLIM_INFINITY else min(_MAX_SOCKETS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class PortTaken(SurtitleError):
    """Another program is using the port."""

    code = "port_taken"


class BadHost(SurtitleError):
    """The service cannot listen at the address."""

    code = "bad_host"


class BadCertificate(SurtitleError):
    """The certificate or key cannot be used for TLS."""

    code = "bad_certificate"


class Server(uvicorn.Server):
    """A uvicorn server that binds its ports when it is created, so that a taken port is reported in one sentence.

    Raises `BadHost`, `PortTaken`, `FolderInUse`, `StoreError`, `TokenStoreError`, `BadCertificate`.
    """

    def __init__(self, settings: Settings, program: ProgramControl | None = None) -> None:
        access, limits = settings.access, settings.limits
        _check_certificate(access.tls_cert, access.tls_key)
        check_host(settings.host)
        if settings.wyoming_port is not None:
            check_host(settings.wyoming_host, "--wyoming-host")
        self._announcement = Announcement(settings.url, __version__)
        self._vosk_socket: socket.socket | None = None
        self._wyoming_socket: socket.socket | None = None
        self.ready = asyncio.Event()
        # Before the port, so that a second start finds the folder in use, whichever port the first one has.
        self._lock = FolderLock(settings.data_dir) if settings.data_dir else None
        with ExitStack() as opened:
            if self._lock is not None:
                opened.callback(self._lock.release)
            self._listen_socket = opened.enter_context(
                _listen(settings.host, settings.port, "another Surtitle", "--port")
            )
            if settings.vosk_port is not None:
                self._vosk_socket = opened.enter_context(
                    _listen(VOSK_HOST, settings.vosk_port, "a Vosk server", "--vosk-port")
                )
            if settings.wyoming_port is not None:
                self._wyoming_socket = opened.enter_context(
                    _listen(settings.wyoming_host, settings.wyoming_port, "another Wyoming server", "--wyoming-port")
                )
            token_file = TokenStore(settings.data_dir if settings.guarded else None)
            if settings.data_dir and not settings.database and (kind := find_network_share(settings.data_dir)):
                log.warning("%s", describe_network_share(settings.data_dir, kind))
            shared = settings.bus is not None
            store = (
                Store(settings.data_dir, settings.database, self._lock, shared=shared) if settings.data_dir else None
            )
            token_store: IssuedTokens = token_file
            if store is not None and store.shared and not store.database.sqlite:
                token_store = SharedTokens(token_file, store.database)
            if settings.guarded:
                token_store.save_url(settings.public_url)
            opened.pop_all()
        self._wyoming = WyomingServer(self._wyoming_socket) if self._wyoming_socket else None
        self._connection_limits = ConnectionLimits(limits, access.trust_proxy)
        self._app = create_app(settings, store, token_store, self._connection_limits, program)
        self._http, ws = protocols(self._connection_limits)
        config = uvicorn.Config(
            self._app,
            access_log=False,
            forwarded_allow_ips=list(access.trust_proxy),
            h11_max_incomplete_event_size=limits.header_bytes,
            http=self._http,
            lifespan="on",
            log_config=None,
            log_level="error",  # lower levels log addresses, which may hold tokens, and every malformed request
            proxy_headers=bool(access.trust_proxy),
            server_header=False,
            ssl_certfile=access.tls_cert,
            ssl_keyfile=access.tls_key,
            timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT,
            ws=ws,
            ws_max_size=_MAX_FRAME_BYTES,
            ws_per_message_deflate=False,  # audio does not compress, and captions are short
        )
        super().__init__(config)

    @property
    def services(self) -> Services | None:
        """The services, once they have been started."""
        return getattr(self._app.state, "services", None)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        with self._listen_socket, self._vosk_socket or nullcontext(), self._wyoming_socket or nullcontext():
            await super().serve([self._listen_socket])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._vosk_socket is not None:  # without TLS, which Vosk clients do not use
            loop = asyncio.get_running_loop()
            self.servers.append(await loop.create_server(self._create_protocol, sock=self._vosk_socket))
        if self._wyoming is not None:
            await self._wyoming.start(self._app)
        if self._lock is not None and self.started:
            await asyncio.to_thread(self._lock.announce, self._announcement)
        self.ready.set()

    def _create_protocol(self) -> asyncio.Protocol:
        protocol = self._http(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        return cast(asyncio.Protocol, protocol)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._lock is not None:
            await asyncio.to_thread(self._lock.withdraw)
        services: Services = self._app.state.services
        hub = services.hub
        hub.disconnect()
        services.uploads.stop()
        services.file_transcriptions.stop()
        await asyncio.gather(hub.finish(_FLUSH_TIMEOUT), self._notify_clients())
        await self._notify_clients()
        if self._wyoming is not None:
            await self._wyoming.close()
        await super().shutdown(sockets)

    async def _notify_clients(self) -> None:
        """Give connections time to send what their clients have to know."""
        if self._connection_limits.open:
            await asyncio.sleep(_NOTIFY_DELAY)


def check_host(host: str, option: str = "--host") -> None:
    """Raises `BadHost` if no program on this computer can listen at ``host``, which ``option`` sets. May block."""
    try:
        with socket.create_server((host, 0), family=_family(host)):
            pass
    except (OSError, UnicodeError) as error:  # a UnicodeError for names with an empty or a very long part
        raise BadHost(
            f"{host[:64]!r} is not an address of this computer: listen on 127.0.0.1 for this computer only, or on "
            f"0.0.0.0 for other computers, too, with {option}."
        ) from error


def _listen(host: str, port: int, other: str, option: str) -> socket.socket:
    """Listen on a port, which ``option`` sets and the ``other`` program may use. Raises `PortTaken`."""
    try:
        return socket.create_server((host, port), family=_family(host))
    except OSError as error:
        raise PortTaken(
            f"Port {port} cannot be used ({_describe(error)}): stop the program that uses it, "
            f"which may be {other}, or choose another port with {option}."
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _describe(error: OSError) -> str:
    """The system's description of an error, without the address that the event loop adds to it."""
    return os.strerror(error.errno) if error.errno else str(error)


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Raises `BadCertificate`."""
    if certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise BadCertificate(
            f"Cannot enable TLS with {certificate}{f' and {key}' if key else ''} ({reason}): use readable PEM files "
            "that belong together, and a key without a password."
        ) from error
