"""One app at a time for each data folder, and where the running one can be reached."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from filelock import FileLock, Timeout

from surtitle import __version__
from surtitle.core.files import create_private_folder, replace_file

_LOCK = "app.lock"
_RUNNING = "app-running.json"
_POLL_INTERVAL = 0.1  # seconds


class Running(msgspec.Struct, frozen=True):
    """The running app: its dashboard's address, and its version."""

    url: str
    version: str


class AlreadyRunning(Exception):
    """Another app uses the data folder."""


class SingleInstance:
    """Holds the data folder for this app until `release` or the end of the process, however it ends.

    The constructor waits ``timeout`` seconds for another one to end. Raises `AlreadyRunning`, and OSError if the folder
    cannot be written.
    """

    def __init__(self, folder: Path, timeout: float = 0.0) -> None:
        create_private_folder(folder)
        self._file = folder / _RUNNING
        self._lock = FileLock(folder / _LOCK, thread_local=False)
        try:
            self._lock.acquire(timeout=timeout)
        except Timeout as error:
            raise AlreadyRunning from error
        self._file.unlink(missing_ok=True)  # of an app that was killed

    def announce(self, url: str) -> None:
        """Say where the dashboard is, once it answers."""
        replace_file(self._file, msgspec.json.encode(Running(url, __version__)))

    def release(self) -> None:
        self._file.unlink(missing_ok=True)
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def wait_for_running(folder: Path, timeout: float) -> Running | None:
    """The app that uses the data folder, once its dashboard answers; None after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return msgspec.json.decode((folder / _RUNNING).read_bytes(), type=Running)
        except (OSError, msgspec.DecodeError):
            if time.monotonic() > deadline:
                return None
            time.sleep(_POLL_INTERVAL)
