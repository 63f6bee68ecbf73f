"""Copies recordings to the storage that services share, and deletes here what other services have deleted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from surtitle.core.errors import SurtitleError
from surtitle.core.notifier import Notifier
from surtitle.core.threads import start_thread
from surtitle.recordings.files import RecordingFiles, file_size
from surtitle.store.database import StoreError

log = logging.getLogger("surtitle.recordings")

_PIECE_INTERVAL = 10.0  # seconds of recordings that are lost at most with the computer
_RETRY_INTERVAL = 30.0  # seconds until a file that could not be copied is tried again
_MAINTENANCE_INTERVAL = 60.0  # seconds between two looks for what other services have deleted, or left
_CLEANING_INTERVAL = 3600.0  # seconds between two deletions of files that are no longer needed here
_TIMEOUT = 120.0  # seconds after which a step that has not ended is reported
_MIN_RATE = 100_000  # bytes per second at which files are copied at least
_CLOSE_TIMEOUT = 5.0  # seconds for the last copies when the service stops

T = TypeVar("T")


class RecordingUploader:
    """Owns a task for pieces of running recordings, one for finished files, and one for what other services did.

    Nothing waits for it: recordings are written to the disk first, and are copied later if the storage is away.
    ``changes`` is notified when `problem` has changed.
    """

    def __init__(
        self,
        files: RecordingFiles,
        changes: Notifier,
        piece_interval: float = _PIECE_INTERVAL,
        maintenance_interval: float = _MAINTENANCE_INTERVAL,
        retry_interval: float = _RETRY_INTERVAL,
    ) -> None:
        self._files = files
        self._changes = changes
        self._piece_interval = piece_interval
        self._maintenance_interval = maintenance_interval
        self._retry_interval = retry_interval
        self._offsets: dict[Path, int] = {}  # up to which unfinished files are copied
        self._finished: dict[Path, None] = {}  # in order
        self._wake = asyncio.Event()
        self._busy: dict[str, asyncio.Future[object]] = {}  # threads that have not ended, by what they do
        self._problems: dict[str, str] = {}  # by what failed
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def problem(self) -> str:
        """Why recordings do not get to the storage, in one sentence; empty if they do."""
        return next(iter(self._problems.values()), "")

    def start(self, recovered: Awaitable[object] | None) -> None:
        """Start, with the files of earlier runs, as soon as those that were interrupted are ``recovered``."""
        self._tasks = [asyncio.create_task(self._maintain(recovered), name="maintain recordings")]
        if self._files.storage is not None:
            self._tasks.append(asyncio.create_task(self._copy_pieces(), name="copy pieces of recordings"))
            self._tasks.append(asyncio.create_task(self._copy_files(), name="copy recordings"))

    def begin(self, path: Path) -> None:
        """Copy a file while it is written; the database knows it."""
        if self._files.storage is not None:
            self._offsets.setdefault(path, 0)

    def finish(self, path: Path) -> None:
        """Copy a file that is complete, in place of its pieces."""
        if self._files.storage is not None:
            self._finished[path] = None
            self._wake.set()

    async def close(self) -> None:
        """Copy the last pieces, and finished files as far as there is time. The next start does the rest."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._try("pieces", self._copy_pieces_once)
                for path in list(self._finished):
                    await self._try("files", partial(self._copy_file, path))
        except TimeoutError:
            pass
        if self._finished:
            log.warning(
                "%d recordings are not in the storage as a whole: the next start with this data folder copies them",
                len(self._finished),
            )

    async def _copy_pieces(self) -> None:
        while True:
            await asyncio.sleep(self._piece_interval)
            await self._try("pieces", self._copy_pieces_once)

    async def _copy_pieces_once(self) -> None:
        offsets = dict(self._offsets)
        for path in self._finished:
            offsets.setdefault(path, -1)
        for path in await self._in_thread("note recordings", partial(self._files.mark_seen, offsets)):
            offsets.pop(path)
            self._forget(path)
        for path, offset in offsets.items():
            if offset >= 0:
                reached = await self._in_thread("copy pieces", partial(self._files.store_piece, path, offset))
                if path in self._offsets:
                    self._offsets[path] = reached

    async def _copy_files(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._finished:
                path = next(iter(self._finished))
                if not await self._try("files", partial(self._copy_file, path)):
                    await asyncio.sleep(self._retry_interval)

    async def _copy_file(self, path: Path) -> None:
        size = await asyncio.to_thread(file_size, path)
        if size >= 0:
            await self._in_thread("copy recordings", partial(self._files.store, path), _TIMEOUT + size / _MIN_RATE)
        self._forget(path)

    async def _maintain(self, recovered: Awaitable[object] | None) -> None:
        if recovered is not None:
            await asyncio.wait({asyncio.ensure_future(recovered)})
        cleaned = time.monotonic()
        looked = False
        while True:
            if not looked:
                looked = await self._try("unstored", self._find_unstored)
            await self._try("deleted", lambda: self._in_thread("delete recordings", self._files.delete_forgotten))
            if self._files.storage is not None:
                await self._try("abandoned", lambda: self._in_thread("finish recordings", self._files.finish_abandoned))
                if time.monotonic() - cleaned > _CLEANING_INTERVAL:
                    cleaned = time.monotonic()
                    await self._try("cleaning", lambda: self._in_thread("clean recordings", self._files.clean))
            await asyncio.sleep(self._maintenance_interval)

    async def _find_unstored(self) -> None:
        if self._files.storage is None:
            return
        for path in await self._in_thread("find recordings", self._files.find_unstored):
            self.finish(path)
        await self._in_thread("check the storage", self._files.storage.check)

    def _forget(self, path: Path) -> None:
        self._offsets.pop(path, None)
        self._finished.pop(path, None)

    async def _try(self, what: str, step: Callable[[], Awaitable[object]]) -> bool:
        """Whether a step succeeds; if not, the problem is noted."""
        try:
            await step()
        except (SurtitleError, OSError) as error:
            # what the database does not take is reported by the journal, too
            self._set_problem(what, "" if isinstance(error, StoreError) else _describe(error))
            return False
        except Exception:
            log.exception("recordings: %s failed", what)
            self._set_problem(what, "Recordings cannot be copied to their storage: see the service's log for details.")
            return False
        self._set_problem(what, "")
        return True

    async def _in_thread(self, what: str, work: Callable[[], T], timeout: float = _TIMEOUT) -> T:
        """Run something in a thread, after the earlier one that does the same. Raises `SurtitleError` if it hangs."""
        deadline = time.monotonic() + timeout
        if (before := self._busy.get(what)) is not None:
            await asyncio.wait({before}, timeout=timeout)
        if before is None or before.done():
            thread = start_thread(what, work)
            self._busy[what] = thread  # type: ignore[assignment]
            await asyncio.wait({thread}, timeout=max(0.0, deadline - time.monotonic()))
            if thread.done():
                return thread.result()
        name = self._files.storage.name if self._files.storage else "The data folder"
        raise SurtitleError(f"{name} does not answer: recordings are copied to it as soon as it does.")

    def _set_problem(self, what: str, problem: str) -> None:
        before = self.problem
        if problem:
            self._problems[what] = problem
        else:
            self._problems.pop(what, None)
        if self.problem == before:
            return
        if self.problem:
            log.error("%s", self.problem)
        else:
            log.info("Recordings are copied to their storage again.")
        self._changes.notify()


def _describe(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"Recordings cannot be copied to their storage ({error.strerror or error}): make room, or fix the disk."
    return str(error)
