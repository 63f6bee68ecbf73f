"""The app: the service in a thread, its dashboard in the browser, and an icon in the tray in the main thread."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from surtitle import __version__
from surtitle.core.memory import limit_malloc_arenas, trim_heap_periodically
from surtitle.core.settings import Settings
from surtitle.core.wire.models import LoadState
from surtitle.desktop.location import Location
from surtitle.desktop.program import Program
from surtitle.desktop.tray import NoTray, Tray, TrayActions, translate
from surtitle.web.server import Server, check_host, raise_socket_limit

log = logging.getLogger("surtitle.desktop")

PORTS = 5
"""The port of the settings, and those after it that are tried if it is taken; the extension looks at the same ones."""

_TRAY_INTERVAL = 1.0  # seconds between two changes of what the tray shows
_IDLE_TIMEOUT = 3600.0  # seconds to wait for a change before looking again, in any case


class App:
    """Runs the service until somebody quits. The constructor raises `SurtitleError` and OSError."""

    def __init__(
        self,
        settings: Settings,
        data_dir: Path,
        options: list[str],
        failed_update: str | None,
    ) -> None:
        limit_malloc_arenas()
        raise_socket_limit()
        check_host(settings.host)
        self._wanted_port = settings.port
        self._settings = dataclasses.replace(settings, port=_find_port(settings.host, settings.port))
        self._program = Program(Location.find(), data_dir, options, self._end, failed_update)
        self._server = Server(self._settings, self._program)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tray: Tray | None = None
        self._status = ""

    def run(self, *, background: bool) -> None:
        log.info("Surtitle %s is starting at %s", __version__, self._settings.url)
        if self._settings.port != self._wanted_port:
            log.warning("another program uses port %d: the extension and OBS need this address", self._wanted_port)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._end())
        try:
            self._tray = Tray(self._actions())
        except NoTray as error:
            log.info("there is no tray, so only the dashboard controls the program (%s)", error)
        failures: list[BaseException] = []
        service = threading.Thread(target=self._run_service, args=(background, failures), name="service")
        service.start()
        if self._tray is not None:
            try:
                self._tray.run()
            except Exception:
                self._tray = None
                log.exception("the icon in the tray failed, so only the dashboard controls the program")
        service.join()
        for failure in failures:
            raise failure
        log.info("Surtitle has ended")

    def _run_service(self, background: bool, failures: list[BaseException]) -> None:
        try:
            asyncio.run(self._serve(background))
        except BaseException as error:
            failures.append(error)
        finally:
            if self._tray is not None:
                self._tray.stop()

    async def _serve(self, background: bool) -> None:
        self._loop = asyncio.get_running_loop()
        tasks = [
            asyncio.create_task(self._announce(background)),
            asyncio.create_task(self._update_tray()),
            asyncio.create_task(trim_heap_periodically()),
        ]
        try:
            await self._server.serve()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _announce(self, background: bool) -> None:
        await self._server.ready.wait()
        if not background:
            await asyncio.to_thread(click.launch, f"{self._settings.url}/")

    async def _update_tray(self) -> None:
        """Let the tray show what the service does, when that changes."""
        await self._server.ready.wait()
        services = self._server.services
        assert services is not None
        changes = self._program.changes
        shown: tuple[str, bool] | None = None
        while True:
            seen = changes.count
            description = services.engines.description
            loading = services.engines.loading
            if loading is not None and loading["state"] is LoadState.FETCHING:
                status = translate("The model {model} is being fetched: {percent} %").format(
                    model=loading["model"], percent=round((loading["done"] or 0) * 100)
                )
            else:
                status = translate("Running on {engine} ({model})").format(
                    engine=description["engine"], model=description["model"]
                )
            now = (status, self._program.describe()["autostart"])
            if now != shown:
                shown, self._status = now, status
                if self._tray is not None:
                    await asyncio.to_thread(self._tray.update, status)
            await asyncio.sleep(_TRAY_INTERVAL)
            await changes.wait(seen, _IDLE_TIMEOUT)

    def _actions(self) -> TrayActions:
        def in_loop(act: Callable[[], Any]) -> Callable[[], None]:
            return lambda: self._in_loop(act)

        return TrayActions(
            open_dashboard=self._open_dashboard,
            status=lambda: self._status or "Surtitle",
            autostart=lambda: self._program.describe()["autostart"],
            toggle_autostart=in_loop(self._toggle_autostart),
            open_logs=self._program.open_logs,
            check_for_updates=in_loop(self._check_for_updates) if Location.find() else None,
            quit=self._end,
        )

    def _open_dashboard(self) -> None:
        click.launch(f"{self._settings.url}/")

    def _in_loop(self, act: Callable[[], Any]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(act)

    def _toggle_autostart(self) -> None:
        enabled = not self._program.describe()["autostart"]
        changing = asyncio.ensure_future(self._program.set_autostart(enabled))
        changing.add_done_callback(_log_failure)

    def _check_for_updates(self) -> None:
        """Check, and show the result on the dashboard."""
        self._program.check_for_update()
        self._open_dashboard()

    def _end(self) -> None:
        self._server.should_exit = True


def _log_failure(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("%s", error)


def _find_port(host: str, port: int) -> int:
    """The first free port from this one on; this one if none is, which the server then reports."""
    for candidate in range(port, min(port + PORTS, 65536)):
        try:
            socket.create_server((host, candidate), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
        except OSError:
            continue
        return candidate
    return port
