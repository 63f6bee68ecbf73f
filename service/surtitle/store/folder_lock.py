"""The lock by which one service at a time uses a data folder."""

from __future__ import annotations

import logging
from pathlib import Path

from filelock import FileLock, Timeout

from surtitle.core.announcement import Announcement, announce, withdraw
from surtitle.core.files import create_private_folder
from surtitle.store.database import StoreError

log = logging.getLogger("surtitle.store")

FILE = "service.lock"


class FolderInUse(StoreError):
    """Another service uses the data folder."""

    code = "folder_in_use"


class FolderLock:
    """Reserves a data folder for one service until `release` or the end of the process, however it ends.

    The folder is created if necessary.

    The constructor raises `FolderInUse`. Where the file system knows no locks, as on some network shares, a warning is
    logged instead.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / FILE, thread_local=False)
        try:
            create_private_folder(folder)
            self._lock.acquire(timeout=0)
            withdraw(folder)  # what a service that was killed has left
        except Timeout as error:
            raise FolderInUse(
                f"Another Surtitle service is using the folder {folder}: stop it, or choose another folder "
                "with --data-dir."
            ) from error
        except (OSError, NotImplementedError) as error:
            if folder.is_dir():  # the database reports a folder that cannot be created
                log.warning("%s cannot be locked (%s): make sure that no other service uses it", folder, error)

    def announce(self, announcement: Announcement) -> None:
        """Let programs that find the folder locked know that its service answers now, and where."""
        if not self._lock.is_locked:
            return
        try:
            announce(self._folder, announcement)
        except OSError as error:
            log.warning("a second start will not find this service: %s cannot be written (%s)", self._folder, error)

    def withdraw(self) -> None:
        """The service no longer answers."""
        if self._lock.is_locked:
            withdraw(self._folder)

    def release(self) -> None:
        self.withdraw()
        self._lock.release()
