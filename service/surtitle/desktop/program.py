"""The program as the dashboard and the tray control it: start with the computer, updates, log, end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from surtitle import __version__
from surtitle.core.errors import SurtitleError
from surtitle.core.files import replace_file
from surtitle.core.notifier import Notifier, from_thread
from surtitle.core.threads import start_thread
from surtitle.core.wire.status import ProgramStatus, ProgramUpdate, UpdateState
from surtitle.desktop import autostart
from surtitle.desktop.location import LOG_FOLDER, Location, app_command
from surtitle.desktop.release import Release, UpdateError, check_program, download, find_update, unpack
from surtitle.desktop.replacement import remove_staging, staging_folder, start_replacement

log = logging.getLogger("surtitle.desktop")

_SETTINGS = "app.json"
_CHECK_INTERVAL = 24 * 3600.0  # seconds
_FIRST_CHECK = 60.0  # seconds after the start, so that it does not delay the first captions
_BUSY = (UpdateState.CHECKING, UpdateState.FETCHING)


class ProgramError(SurtitleError):
    """The program cannot do what was asked for."""

    code = "program_failed"
    status = 409


class _AppSettings(msgspec.Struct, frozen=True):
    check_for_updates: bool = False


class Program:
    """Implements `surtitle.web.program_control.ProgramControl`.

    ``location`` is where the packaged program is, or None for one that was installed in another way, which has no
    updates of its own. ``options`` are those with which the app starts again, and ``end`` ends it. ``failed_update``
    is a version that did not start.
    """

    def __init__(
        self,
        location: Location | None,
        data_dir: Path,
        options: list[str],
        end: Callable[[], None],
        failed_update: str | None = None,
    ) -> None:
        self._location = location
        self._data_dir = data_dir
        self._options = options
        self._end = end
        self.changes = Notifier()
        """Notified of changes of `describe`; once attached, of everything that dashboards show."""
        self._settings = self._read_settings()
        self._autostart = autostart.is_enabled()
        self._autostart_lock = asyncio.Lock()  # of the system's entry
        self._release: Release | None = None
        self._new: Location | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        state = UpdateState.UNKNOWN if location else UpdateState.UNSUPPORTED
        self._update = ProgramUpdate(state=state, version="", done=None, message="")
        if failed_update:
            message = f"Surtitle {failed_update} did not start, so {__version__} is used again: see the log."
            self._update = ProgramUpdate(state=UpdateState.FAILED, version="", done=None, message=message)

    def attach(self, changes: Notifier) -> None:
        self.changes = changes
        self._start(self._refresh_entries())
        if self._location is not None:
            self._start(self._check_daily())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def describe(self) -> ProgramStatus:
        return ProgramStatus(
            autostart=self._autostart,
            check_for_updates=self._settings.check_for_updates,
            update=self._update,
        )

    async def set_autostart(self, enabled: bool) -> None:
        async with self._autostart_lock:
            try:
                if enabled:
                    await asyncio.to_thread(autostart.enable, self._background_command())
                else:
                    await asyncio.to_thread(autostart.disable)
            except OSError as error:
                reason = error.strerror or error
                raise ProgramError(f"The start with the computer cannot be changed ({reason}).") from error
            self._autostart = enabled
        self.changes.notify()

    async def set_check_for_updates(self, enabled: bool) -> None:
        settings = _AppSettings(check_for_updates=enabled)
        try:
            await asyncio.to_thread(replace_file, self._data_dir / _SETTINGS, msgspec.json.encode(settings))
        except OSError as error:
            raise ProgramError(f"The setting cannot be stored ({error.strerror or error}).") from error
        self._settings = settings
        self.changes.notify()
        if enabled and self._update["state"] is UpdateState.UNKNOWN:
            self.check_for_update()

    def check_for_update(self) -> None:
        if self._location is None:
            raise ProgramError("This Surtitle was not downloaded as a program: update it in the way it was installed.")
        if self._update["state"] not in (*_BUSY, UpdateState.READY):
            self._set_update(UpdateState.CHECKING)
            self._start(self._check())

    def fetch_update(self) -> None:
        if self._location is None or self._release is None:
            raise ProgramError("No newer version is known: check for updates first.")
        if self._update["state"] not in (*_BUSY, UpdateState.READY):
            self._set_update(UpdateState.FETCHING, self._release.version, done=0.0)
            self._start(self._fetch(self._location, self._release))

    def restart_for_update(self) -> None:
        if self._location is None or self._new is None or self._release is None:
            raise ProgramError("No newer version has been downloaded: check for updates first.")
        try:
            start_replacement(self._location, self._new, self._data_dir, self._release.version, self._options)
        except OSError as error:
            raise ProgramError(f"The new version cannot be started ({error.strerror or error}).") from error
        log.info("ending, so that version %s can replace this one", self._release.version)
        self._end()

    def open_logs(self) -> None:
        click.launch(str(LOG_FOLDER))

    def quit(self) -> None:
        self._end()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="program")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _set_update(
        self, state: UpdateState, version: str = "", *, done: float | None = None, message: str = ""
    ) -> None:
        self._update = ProgramUpdate(state=state, version=version, done=done, message=message)
        self.changes.notify()

    def _background_command(self) -> list[str]:
        return app_command("app", *self._options, "--background")

    async def _refresh_entries(self) -> None:
        """Let the entries of the system name this program's folder, which may have been moved."""
        try:
            if self._location is not None:
                icon = Path(__file__).parents[1] / "web" / "static" / "icon-512.png"
                await asyncio.to_thread(autostart.add_to_menu, app_command(), icon)
                await asyncio.to_thread(remove_staging, self._location.root)
            async with self._autostart_lock:
                if self._autostart:
                    await asyncio.to_thread(autostart.enable, self._background_command())
        except OSError as error:
            log.warning("the entry in the menu of applications cannot be written: %s", error)

    async def _check_daily(self) -> None:
        await asyncio.sleep(_FIRST_CHECK)
        while True:
            if self._settings.check_for_updates:
                self.check_for_update()
            await asyncio.sleep(_CHECK_INTERVAL)

    async def _check(self) -> None:
        try:
            self._release = await start_thread("check for update", find_update)
        except UpdateError as error:
            self._fail(error)
        else:
            if self._release is None:
                self._set_update(UpdateState.CURRENT)
            else:
                self._set_update(UpdateState.AVAILABLE, self._release.version)

    async def _fetch(self, location: Location, release: Release) -> None:
        folder = staging_folder(location.root)
        progress = 0.0

        def show() -> None:
            if self._update["state"] is UpdateState.FETCHING:
                self._set_update(UpdateState.FETCHING, release.version, done=progress)

        show_soon = from_thread(show)

        def report(done: int, total: int) -> None:
            nonlocal progress
            now = done / max(total, 1)
            if now >= progress + 0.01:
                progress = now
                show_soon()

        def fetch() -> Location:
            remove_staging(location.root)
            archive = download(release, folder, report)
            new = unpack(archive, folder, location)
            with suppress(OSError):
                archive.unlink()
            check_program(new, release.version)
            return new

        try:
            self._new = await start_thread("fetch update", fetch)
        except UpdateError as error:
            await asyncio.to_thread(remove_staging, location.root)
            self._fail(error)
        else:
            self._set_update(UpdateState.READY, release.version)

    def _fail(self, error: UpdateError) -> None:
        log.warning("%s", error)
        self._set_update(UpdateState.FAILED, self._release.version if self._release else "", message=error.message)

    def _read_settings(self) -> _AppSettings:
        try:
            return msgspec.json.decode((self._data_dir / _SETTINGS).read_bytes(), type=_AppSettings)
        except (OSError, msgspec.DecodeError):
            return _AppSettings()
