"""One app at a time for each data folder."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from surtitle.core.errors import SurtitleError
from surtitle.core.files import create_private_folder

_LOCK = "app.lock"


class AlreadyRunning(SurtitleError):
    """Another app uses the data folder."""

    code = "already_running"

    def __init__(self) -> None:
        super().__init__("Surtitle is running already but does not answer: end it, or restart the computer.")


class SingleInstance:
    """Holds the data folder for this app until `release` or the end of the process, however it ends.

    The constructor waits ``timeout`` seconds for another one to end. Raises `AlreadyRunning`, and OSError if the folder
    cannot be written.
    """

    def __init__(self, folder: Path, timeout: float = 0.0) -> None:
        create_private_folder(folder)
        self._lock = FileLock(folder / _LOCK, thread_local=False)
        try:
            self._lock.acquire(timeout=timeout)
        except Timeout as error:
            raise AlreadyRunning from error

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()
