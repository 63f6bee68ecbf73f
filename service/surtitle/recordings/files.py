"""The stored recordings: a folder for each session, a file for each recording, and their rows in the database.

With storage that services share, each recording is written here first, then copied to it: piece by piece while it is
recorded, and as a whole when it has ended. What is there and not here is fetched when it is needed.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from surtitle.core.errors import BadAudio
from surtitle.core.settings import RECORDING_FORMATS
from surtitle.recordings.repair import finalize, inspect, is_open
from surtitle.recordings.storage import RecordingStorage, StorageError
from surtitle.store.records import Recording
from surtitle.store.transcripts import Transcripts

log = logging.getLogger("surtitle.recordings")


_FILE = re.compile(rf"(\d+)-[\w-]+\.({'|'.join(RECORDING_FORMATS)})")
_SESSION = re.compile(r"\w[\w-]{0,39}", re.ASCII)
_MAX_SLUG = 40  # characters of a source's name in a file name
_RECENT_WINDOW = 60.0  # seconds; a file that was written to since then may still be being written
_INTERRUPTED = "The service ended during this recording."
_ABANDONED_AGE = 90.0  # seconds after which a service that has not worked on a recording is taken to be gone
_KEPT_AGE = 86_400.0  # seconds for which files are kept here that the storage has, too
_MAX_PIECE = 16 << 20  # bytes that are copied at once
_TOLERANCE = 0.5  # seconds by which a finished recording may be shorter than it was said to be
_PIECES = ".pieces/"  # what follows the key of a recording in those of its pieces, before their offsets


class RecordingState(StrEnum):
    """The state of a recording in the database."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A recording that can be played; ``clock`` is its beginning on the channel's clock, in seconds.

    If the file does not exist, the storage has it: see `RecordingFiles.fetch`. ``seconds`` is its length. What follows
    after ``unique_seconds`` is also at the beginning of the source's next recording: after a restart, clients send
    again what may have been lost.
    """

    path: Path
    source: str
    clock: float
    seconds: float
    bytes: int
    problem: str = ""
    unique_seconds: float = float("inf")

    @property
    def end(self) -> float:
        """Seconds on the channel's clock at which its unique part ends."""
        return self.clock + min(self.seconds, self.unique_seconds)


class RecordingFiles:
    """The folder and the database table of all recordings. Blocks: use it in threads. Raises `StoreError`."""

    def __init__(
        self, folder: Path, transcripts: Transcripts, storage: RecordingStorage | None = None, *, shared: bool = False
    ) -> None:
        """``storage`` is shared with other services; with ``shared``, the database is."""
        self.folder = folder
        self.storage = storage
        self._transcripts = transcripts
        self._numbers: dict[str, int] = {}  # the last file number, by session
        self.shared = shared or storage is not None
        """Whether other services may have recordings of the same sessions."""
        self._suffix = f"-{secrets.token_hex(3)}" if self.shared else ""  # because others number files, too

    def new_path(self, session: str, source: str, extension: str) -> Path:
        """An unused path for a new recording of a source in a session."""
        folder = self.session_folder(session)
        numbers = [int(path.name.partition("-")[0]) for path in _files(folder)]
        number = self._numbers[session] = max([*numbers, self._numbers.get(session, 0)]) + 1
        return folder / f"{number}-{_make_slug(source)}{self._suffix}.{extension}"

    def session_folder(self, session: str) -> Path:
        """The folder of a session, which may not exist. Raises ValueError for an invalid id."""
        if not _SESSION.fullmatch(session):
            raise ValueError(f"{session!r} is not a valid session id")
        return self.folder / session

    def save(self, path: Path, recording: Recording) -> None:
        """Save the status of a recording in the database."""
        self._transcripts.record([replace(recording, file=self._relative(path))])

    def recordings(self, session: str) -> list[RecordingFile]:
        """The recordings of a session that can be played, in order of time."""
        found = []
        for row in self._transcripts.recordings(session):
            path = self.folder / row.file
            size = max(file_size(path), (row.stored or 0) if self.storage else 0)
            if row.state != RecordingState.RUNNING and row.seconds > 0 and size > 0:
                found.append(RecordingFile(path, row.source, row.clock, row.seconds, size, row.problem))
        return trim_overlaps(sorted(found, key=lambda file: (file.clock, file.path.name)))

    def is_here(self, recording: RecordingFile) -> bool:
        """Whether the file is on this computer, and complete."""
        return file_size(recording.path) >= recording.bytes

    def fetch(self, recording: RecordingFile) -> Path:
        """The path of the file, which is copied from the storage if it is not here.

        Raises `StorageError`, `OSError`.
        """
        path = recording.path
        if self.is_here(recording):
            if self.storage is not None:
                with suppress(OSError):
                    os.utime(path)  # see `clean`
            return path
        if self.storage is None:
            raise FileNotFoundError(f"{path} does not exist")
        with _temporary_file(path) as temporary:
            self._fetch({self._relative(path): recording.bytes}, temporary)
            os.replace(temporary, path)
        return path

    def is_running(self, session: str) -> bool:
        """Whether a recording of the session seems to be running, in this or another process."""
        rows = [row for row in self._transcripts.recordings(session) if row.state == RecordingState.RUNNING]
        paths = [self.folder / row.file for row in rows]
        now = time.time()  # which may have been set back since the file was written
        return any(path.is_file() and abs(now - path.stat().st_mtime) < _RECENT_WINDOW for path in paths) or any(
            row.seen is not None and now - row.seen < _ABANDONED_AGE for row in rows
        )

    def find_unfinished(self, session: str | None = None) -> list[Path]:
        """Files of recordings that were never finished or that are not in the database.

        This includes those that another service has finished with what was in the storage, and of which more is here.
        If no recording is running, they can be passed to `recover`.
        """
        rows = {row.file: row for row in self._transcripts.recordings(session)}
        folders = [self.session_folder(session)] if session else list(_folders(self.folder))

        def is_unfinished(path: Path) -> bool:
            row = rows.get(self._relative(path))
            if row is None or row.state == RecordingState.RUNNING:
                return True
            return row.stored is not None and file_size(path) > row.stored

        return [path for folder in folders for path in _files(folder) if is_unfinished(path)]

    def recover(self, unfinished: list[Path]) -> None:
        """Finalize files of recordings that were interrupted, and save what they contain in the database."""
        for path in unfinished:
            session = path.parent.name
            if self._transcripts.session(session) is None:
                if not self._transcripts.find_deleted([session]):
                    log.warning("%s does not belong to a known session: delete it if nobody needs it", path)
                continue
            try:
                was_open = is_open(path)
                finalize(path)
                info = inspect(path)
            except BadAudio as error:
                log.warning("%s: %s", session, error)
                source = _read_source(path, {})
                self.save(path, Recording("", session, source, 0.0, 0.0, RecordingState.FAILED, error.message))
                continue
            clock = _parse_float(info.tags.get("SURTITLE_CLOCK", ""))
            problem = _INTERRUPTED if was_open else ""
            source = _read_source(path, info.tags)
            self.save(path, Recording("", session, source, clock, info.seconds, RecordingState.DONE, problem))
            log.info("recovered %s: %.1f s", path, info.seconds)

    def delete(self, session: str) -> None:
        """Delete a session's files, here and in the storage. Raises `OSError`, `StorageError`."""
        folder = self.session_folder(session)
        if self.storage is not None:
            self.storage.delete(list(self.storage.sizes(session)))
        if folder.is_dir():
            shutil.rmtree(folder)

    def find_unstored(self) -> list[Path]:
        """Files of finished recordings that are not in the storage, or not as long."""
        rows = {row.file: row for row in self._transcripts.recordings()}
        found = []
        for path in (path for folder in _folders(self.folder) for path in _files(folder)):
            row = rows.get(self._relative(path))
            if row is not None and row.state != RecordingState.RUNNING and file_size(path) > (row.stored or 0):
                found.append(path)
        return found

    def mark_seen(self, paths: Iterable[Path]) -> list[Path]:
        """Let other services know that this one is recording or storing files.

        Returns those that are not in the database any more, because their session was deleted.
        """
        files = {self._relative(path): path for path in paths}
        known = self._transcripts.mark_seen(files, time.time()) if files else set()
        return [path for file, path in files.items() if file not in known]

    def store_piece(self, path: Path, offset: int) -> int:
        """Copy what has been written to a file since an offset to the storage, and return the next offset.

        The pieces are for other services, in case this one disappears before `store`. Raises `StorageError`, `OSError`.
        """
        assert self.storage is not None
        if not path.is_file():
            return offset  # the disk has failed
        with path.open("rb") as file:
            file.seek(offset)
            while piece := file.read(_MAX_PIECE):
                self.storage.write(f"{self._relative(path)}{_PIECES}{offset:015}", piece)
                offset += len(piece)
        return offset

    def store(self, path: Path) -> None:
        """Copy a finished file to the storage, in place of its pieces. Raises `StorageError`, `OSError`."""
        assert self.storage is not None
        file = self._relative(path)
        if not self._transcripts.mark_seen([file], time.time()):
            return  # its session was deleted
        self.storage.write(file, path)
        self._transcripts.mark_stored(file, path.stat().st_size)
        self._delete_pieces(file)

    def finish_abandoned(self) -> None:
        """Finish recordings of services that have disappeared, from what they had copied to the storage.

        Raises `StorageError`, `OSError`.
        """
        if self.storage is None:
            return
        now = time.time()
        for row in self._transcripts.claim_abandoned(now - _ABANDONED_AGE, now):
            self._finish_abandoned(self.storage, row)

    def delete_forgotten(self) -> None:
        """Delete the files of sessions that other services have deleted. Raises `OSError`, `StorageError`."""
        sessions = [folder.name for folder in _folders(self.folder)]
        for session in self._transcripts.find_deleted(sessions):
            log.info("%s was deleted by another service, and so are its files here", session)
            self.delete(session)

    def clean(self) -> None:
        """Delete files here that nobody has used for a day and that the storage has, too. Raises `OSError`."""
        stored = {row.file: row.stored for row in self._transcripts.recordings() if row.stored is not None}
        before = time.time() - _KEPT_AGE
        for folder in _folders(self.folder):
            for path in _list_folder(folder):
                copy = stored.get(self._relative(path), -1) >= file_size(path)
                if (copy or path.name.startswith(("mix-", "part-"))) and path.stat().st_mtime < before:
                    with suppress(PermissionError):  # on Windows, a file that is being played cannot be deleted
                        path.unlink()
            with suppress(OSError):  # it is not empty
                folder.rmdir()

    def _finish_abandoned(self, storage: RecordingStorage, row: Recording) -> None:
        if (size := storage.size(row.file)) is not None and row.state != RecordingState.RUNNING:
            self._transcripts.mark_stored(row.file, size)
            self._delete_pieces(row.file)
            return
        pieces = storage.sizes(f"{row.file}{_PIECES.rstrip('/')}")
        if not pieces:
            self._transcripts.mark_seen([row.file], None)
            log.warning("%s: the service that recorded this is gone, and nothing of it is in the storage", row.file)
            return
        path = self.folder / row.file
        if file_size(path) >= sum(pieces.values()):  # it was this service, which has been started again
            self.recover([path])
            self.store(path)
            return
        with _temporary_file(path) as temporary:
            self._fetch(pieces, temporary)
            try:
                finalize(temporary)
                info = inspect(temporary)
            except BadAudio as error:
                log.warning("%s: %s", row.file, error)
                self._transcripts.record([replace(row, state=RecordingState.FAILED, problem=error.message)])
                self._transcripts.mark_seen([row.file], None)
                return
            complete = row.state != RecordingState.RUNNING and info.seconds >= row.seconds - _TOLERANCE
            problem = row.problem if complete else _INTERRUPTED
            storage.write(row.file, temporary)
            finished = replace(row, seconds=info.seconds, state=RecordingState.DONE, problem=problem)
            self._transcripts.record([finished])
            self._transcripts.mark_stored(row.file, temporary.stat().st_size)
            os.replace(temporary, path)
        self._delete_pieces(row.file)
        log.info("%s: finished %.1f s of a recording by a service that is gone", row.file, info.seconds)

    def _fetch(self, files: dict[str, int], path: Path) -> None:
        """Write files with these keys and sizes to one file, one after the other."""
        assert self.storage is not None
        with path.open("wb") as copy:
            for key, size in files.items():
                for start in range(0, size, _MAX_PIECE):
                    copy.write(self.storage.read(key, start, min(size, start + _MAX_PIECE)))
            written, expected = copy.tell(), sum(files.values())
        if written != expected:
            raise StorageError(f"{self.storage.name} has only {written} of {expected} bytes of {path.name}: try again.")

    def _delete_pieces(self, file: str) -> None:
        assert self.storage is not None
        self.storage.delete(list(self.storage.sizes(f"{file}{_PIECES.rstrip('/')}")))

    def key(self, recording: RecordingFile) -> str:
        """The key of a recording in the storage."""
        return self._relative(recording.path)

    def _relative(self, path: Path) -> str:
        """The path in the folder of recordings, as the database has it."""
        return path.relative_to(self.folder).as_posix()


def trim_overlaps(recordings: list[RecordingFile]) -> list[RecordingFile]:
    """End the unique part of each recording where the source's next one begins; takes them in order of time."""
    following: dict[str, float] = {}  # where the source's next recording begins
    trimmed = []
    for file in reversed(recordings):
        trimmed.append(replace(file, unique_seconds=following.get(file.source, file.end) - file.clock))
        following[file.source] = file.clock
    return trimmed[::-1]


def make_tags(channel: str, source: str, clock: float, began: float) -> dict[str, str]:
    """The tags of a file; ``began`` is when the session began, in seconds since 1970."""
    return {
        "title": f"{channel}: {source}",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began + clock)),
        "SURTITLE_SOURCE": source,
        "SURTITLE_CLOCK": f"{clock:.6f}",
    }


def _read_source(path: Path, tags: dict[str, str]) -> str:
    """The name of the source by the file's tags, or else by its name."""
    return tags.get("SURTITLE_SOURCE", "") or path.stem.partition("-")[2]


def _parse_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _make_slug(name: str) -> str:
    """The part of a name that is valid in file names on all systems."""
    letters = unicodedata.normalize("NFKC", name)
    return re.sub(r"[^\w-]+", "-", letters)[:_MAX_SLUG].strip("-_") or "source"


def file_size(path: Path) -> int:
    """The size of a file in bytes; -1 if there is none."""
    try:
        return path.stat().st_size if path.is_file() else -1
    except OSError:
        return -1


@contextmanager
def _temporary_file(path: Path) -> Iterator[Path]:
    """A file beside the one that it is to become, with the same extension; what remains of it is deleted."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=path.suffix, prefix="part-", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in _list_folder(folder) if path.is_dir() and _SESSION.fullmatch(path.name))


def _files(folder: Path) -> Iterator[Path]:
    """The recordings in a folder, without other files."""
    return (path for path in _list_folder(folder) if _FILE.fullmatch(path.name))


def _list_folder(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
