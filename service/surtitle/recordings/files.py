"""The stored recordings: a folder for each session, a file for each recording, and their rows in the database."""

from __future__ import annotations

import logging
import re
import shutil
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from surtitle.core.errors import BadAudio
from surtitle.core.settings import RECORDING_FORMATS
from surtitle.recordings.repair import finalize, inspect, is_open
from surtitle.store.records import Recording
from surtitle.store.transcripts import Transcripts

log = logging.getLogger("surtitle.recordings")


_FILE = re.compile(rf"(\d+)-[\w-]+\.({'|'.join(RECORDING_FORMATS)})")
_SESSION = re.compile(r"\w[\w-]{0,39}", re.ASCII)
_MAX_SLUG = 40  # characters of a source's name in a file name
_RECENT_WINDOW = 60.0  # seconds; a file that was written to since then may still be being written
_INTERRUPTED = "The service ended during this recording."


class RecordingState(StrEnum):
    """The state of a recording in the database."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A recording that can be played; ``clock`` is its beginning on the channel's clock, in seconds.

    ``seconds`` is its length. What follows after ``unique_seconds`` is also at the beginning of the source's next
    recording: after a restart, clients send again what may have been lost.
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

    def __init__(self, folder: Path, transcripts: Transcripts) -> None:
        self.folder = folder
        self._transcripts = transcripts
        self._numbers: dict[str, int] = {}  # the last file number, by session

    def new_path(self, session: str, source: str, extension: str) -> Path:
        """An unused path for a new recording of a source in a session."""
        folder = self.session_folder(session)
        numbers = [int(path.name.partition("-")[0]) for path in _files(folder)]
        number = self._numbers[session] = max([*numbers, self._numbers.get(session, 0)]) + 1
        return folder / f"{number}-{_make_slug(source)}.{extension}"

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
            if row.state != RecordingState.RUNNING and row.seconds > 0 and path.is_file():
                size = path.stat().st_size
                found.append(RecordingFile(path, row.source, row.clock, row.seconds, size, row.problem))
        return trim_overlaps(sorted(found, key=lambda file: (file.clock, file.path.name)))

    def is_running(self, session: str) -> bool:
        """Whether a recording of the session seems to be running, in this or another process."""
        rows = self._transcripts.recordings(session)
        paths = [self.folder / row.file for row in rows if row.state == RecordingState.RUNNING]
        now = time.time()  # which may have been set back since the file was written
        return any(path.is_file() and abs(now - path.stat().st_mtime) < _RECENT_WINDOW for path in paths)

    def find_unfinished(self, session: str | None = None) -> list[Path]:
        """Files of recordings that were never finished or that are not in the database.

        If no recording is running, they can be passed to `recover`.
        """
        known = {row.file: row.state for row in self._transcripts.recordings(session)}
        folders = [self.session_folder(session)] if session else list(_folders(self.folder))
        files = [path for folder in folders for path in _files(folder)]
        running = RecordingState.RUNNING
        return [path for path in files if known.get(self._relative(path), running) == running]

    def recover(self, unfinished: list[Path]) -> None:
        """Finalize files of recordings that were interrupted, and save what they contain in the database."""
        for path in unfinished:
            session = path.parent.name
            if self._transcripts.session(session) is None:
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
        """Delete a session's files. Raises `OSError`."""
        folder = self.session_folder(session)
        if folder.is_dir():
            shutil.rmtree(folder)

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
