"""Writes the transcripts of sessions to a folder while people speak."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from surtitle.captions.caption import Caption
from surtitle.captions.exports.growing import GROWING_FORMATS, GrowingTranscript
from surtitle.captions.names import apply_names
from surtitle.channels.channel import Channel
from surtitle.channels.session import ORIGINAL, Session
from surtitle.core.notifier import Notifier
from surtitle.core.threads import start_thread
from surtitle.store.database import StoreError
from surtitle.store.transcripts import Transcripts

log = logging.getLogger("surtitle.recordings")

_MAX_PENDING = 5000  # captions that wait for a slow disk; with more, all are written again from the database
_MAX_LOAD = 0.05  # the share of time that may be spent on writing files again
_MIN_INTERVAL = 2.0  # seconds between two times that files are written again
_RETRY_INTERVAL = 5.0  # seconds until a failed write is tried again
_CLOSE_TIMEOUT = 5.0  # seconds for the last writes when the service stops


def transcript_paths(folder: Path, channel: str, session: str) -> dict[str, Path]:
    """The files of a session by format."""
    return {form: folder / f"{channel}-{session}.{form}" for form in GROWING_FORMATS}


@dataclass(slots=True)
class _Files:
    """The files of one session; times are by `time.monotonic`."""

    session: Session
    transcript: GrowingTranscript = field(default_factory=GrowingTranscript)
    broken: bool = True  # the files are not as the transcript says
    sizes: dict[str, int] = field(default_factory=dict)  # in bytes, as they were left
    pending: list[Caption] = field(default_factory=list)
    overflowed: bool = False  # captions are missing in `pending`
    next_rewrite: float = 0.0
    retry_at: float = 0.0
    problem: str = ""


class TranscriptFolder:
    """Appends captions to the files of their sessions as they become final; owns the task that does this.

    Corrections, names, and captions that begin before one that is already written have the files written again, beside
    the old ones, which they then replace. That takes at most `_MAX_LOAD` of the time, however long the session is.
    Where a file cannot be written, `problem` says so, and everything is written later. Nothing here waits in a channel.
    """

    def __init__(self, folder: Path, transcripts: Transcripts, changes: Notifier) -> None:
        self._folder = folder
        self._transcripts = transcripts
        self._changes = changes
        self._names: dict[str, Mapping[str, str]] = {}  # shown for speakers' own names, by channel
        self._files: dict[str, _Files] = {}  # by session
        self._flush: Callable[[], Awaitable[bool]] | None = None
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str:
        """Why transcripts cannot be written, in one sentence; empty if they can."""
        return next((files.problem for files in self._files.values() if files.problem), "")

    def start(self, flush: Callable[[], Awaitable[bool]], sessions: Iterable[Session]) -> None:
        """Start to write. The files of ``sessions`` come first: an earlier run may have left them incomplete.

        ``flush`` writes pending captions to the database.
        """
        self._flush = flush
        for session in sessions:
            self._files.setdefault(session.id, _Files(session))
        self._wake.set()
        self._task = asyncio.create_task(self._run(), name="transcript folder")

    def note(self, session: Session, track: str, caption: Caption) -> None:
        """Note a new revision of a caption of a channel's newest session."""
        if track != ORIGINAL or (caption.words and not caption.final):
            return
        files = self._files.get(session.id)
        if files is None:
            if not caption.words:
                return
            files = self._files[session.id] = _Files(session)
        if len(files.pending) < _MAX_PENDING:
            files.pending.append(caption)
        else:
            files.overflowed = True
            files.pending.clear()
        self._wake.set()

    def apply(self, channel: Channel) -> None:
        """Take over the names of the channel's speakers. Its recent captions are noted again when they have changed."""
        self._names[channel.name] = channel.settings.names

    def describe(self, channel: Channel) -> dict[str, Any]:
        """Nothing: see `problem`."""
        return {}

    async def delete(self, session: Session) -> None:
        """Delete the files of a session. Raises `OSError`."""
        async with self._writing:
            self._files.pop(session.id, None)
            paths = transcript_paths(self._folder, session.channel, session.id).values()
            await start_thread("delete transcripts", partial(_delete, paths))

    async def close(self) -> None:
        """Write what is pending, if that takes a few seconds at most."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                for files in list(self._files.values()):
                    files.next_rewrite = files.retry_at = 0.0
                    await self._update(files)
        except TimeoutError:
            log.warning("Transcripts in %s could not be completed in time: the next start does it.", self._folder)

    async def _run(self) -> None:
        while True:
            now = time.monotonic()
            self._wake.clear()
            due = []
            for files in list(self._files.values()):
                await self._update(files)
                if self._is_unfinished(files):
                    due.append(max(files.next_rewrite, files.retry_at))
                elif self._is_over(files):
                    self._files.pop(files.session.id, None)
            timeout = max(0.05, min(due) - now) if due else None
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                pass  # something is due

    async def _update(self, files: _Files) -> None:
        """Write what has to be written now. Errors are noted, and the next call after a while tries again."""
        if time.monotonic() < files.retry_at or not self._is_unfinished(files):
            return
        try:
            async with self._writing:
                if files.session.id not in self._files:
                    return
                if files.pending and not files.broken:
                    await self._append(files)
                if self._must_rewrite(files) and time.monotonic() >= files.next_rewrite:
                    await self._rewrite(files)
                if not files.broken:
                    self._set_problem(files, "")
        except Exception as error:
            files.broken = True
            files.pending.clear()
            files.retry_at = time.monotonic() + _RETRY_INTERVAL
            if not isinstance(error, OSError | StoreError):
                log.exception("%s: the transcript cannot be written", files.session.id)
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            self._set_problem(
                files,
                f"Transcripts cannot be written to {self._folder} ({reason.rstrip('.')}): they are completed as soon "
                "as that is possible again.",
            )

    async def _append(self, files: _Files) -> None:
        captions, files.pending = files.pending, []
        names = self._names.get(files.session.channel, {})
        paths = transcript_paths(self._folder, files.session.channel, files.session.id)

        def append() -> bool:
            """Whether the files were as they had been left."""
            if any(_size(path) != files.sizes[form] for form, path in paths.items()):
                return False
            texts = [files.transcript.append(apply_names(caption, names)) for caption in captions]
            for form, path in paths.items():
                data = "".join(text.get(form, "") for text in texts).encode()
                if data:
                    with path.open("ab") as file:
                        file.write(data)
                    files.sizes[form] += len(data)
            return True

        if not await start_thread("append to transcripts", append):
            files.broken = True

    async def _rewrite(self, files: _Files) -> None:
        assert self._flush is not None
        began = time.monotonic()
        files.pending.clear()  # captions that are noted from now on may be read from the database below, or not
        files.overflowed = False
        if not await self._flush():
            raise StoreError("The database does not answer.")
        session, names = files.session, self._names.get(files.session.channel, {})
        paths = transcript_paths(self._folder, session.channel, session.id)

        def rewrite() -> None:
            captions = (apply_names(caption, names) for caption in self._transcripts.captions(session.id))
            for form, text in files.transcript.restart(captions).items():
                data = text.encode()
                beside = paths[form].with_name(f".{paths[form].name}.part")
                beside.write_bytes(data)
                os.replace(beside, paths[form])
                files.sizes[form] = len(data)

        files.broken = True  # if this fails, or is canceled
        await start_thread("write transcripts", rewrite)
        files.broken = False
        now = time.monotonic()
        files.next_rewrite = now + max(_MIN_INTERVAL, (now - began) / _MAX_LOAD)

    def _must_rewrite(self, files: _Files) -> bool:
        return files.broken or files.overflowed or files.transcript.different

    def _is_unfinished(self, files: _Files) -> bool:
        return bool(files.pending) or self._must_rewrite(files)

    def _is_over(self, files: _Files) -> bool:
        """Whether the channel has begun another session."""
        newest = [one for one in self._files.values() if one.session.channel == files.session.channel]
        return newest[-1] is not files

    def _set_problem(self, files: _Files, problem: str) -> None:
        before, files.problem = self.problem, problem
        if self.problem == before:
            return
        if problem:
            log.error("%s", problem)
        else:
            log.info("Transcripts are written to %s again.", self._folder)
        self._changes.notify()


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    """The size of a file in bytes; -1 if it does not exist."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
