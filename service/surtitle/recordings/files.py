"""Where recordings are: a folder for each session, a file for each recording, and what the database says of them."""

from __future__ import annotations

import logging
import re
import shutil
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from surtitle.core.errors import BadAudio
from surtitle.core.settings import RECORDING_FORMATS
from surtitle.recordings.repair import close_off, inspect, is_open
from surtitle.store.records import Recording
from surtitle.store.transcripts import Transcripts

log = logging.getLogger("surtitle.recordings")

RUNNING, DONE, FAILED = "running", "done", "failed"

_FILE = re.compile(rf"(\d+)-[\w-]+\.({'|'.join(RECORDING_FORMATS)})")
_SESSION = re.compile(r"\w[\w-]{0,39}", re.ASCII)
_SLUG = 40  # characters of a source's name in a file's
_LATELY = 60.0  # seconds: what was written since then is perhaps still being written
_TORN = "The service ended while this was recorded."


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A recording that can be heard; ``clock`` is where it begins on the channel's clock, in seconds.

    Of its ``seconds``, those after ``counts`` are again at the beginning of the source's next recording: after a
    restart, clients tell what they are not sure of once more.
    """

    path: Path
    source: str
    clock: float
    seconds: float
    bytes: int
    problem: str = ""
    counts: float = float("inf")

    @property
    def end(self) -> float:
        """On the channel's clock."""
        return self.clock + min(self.seconds, self.counts)


class RecordingFiles:
    """The folder of all recordings, and the table of them. Blocks: for threads. Raises `StoreError`."""

    def __init__(self, folder: Path, transcripts: Transcripts) -> None:
        self.folder = folder
        self._transcripts = transcripts
        self._numbers: dict[str, int] = {}  # the last that was given out, by session

    def new_path(self, session: str, source: str, form: str) -> Path:
        """The file for a new recording of a source in a session."""
        folder = self.of(session)
        numbers = [int(path.name.partition("-")[0]) for path in _files(folder)]
        number = self._numbers[session] = max([*numbers, self._numbers.get(session, 0)]) + 1
        return folder / f"{number}-{_slug(source)}.{form}"

    def of(self, session: str) -> Path:
        """The folder of a session, which may not be there."""
        if not _SESSION.fullmatch(session):
            raise ValueError(f"{session!r} is no session's id")
        return self.folder / session

    def note(self, path: Path, recording: Recording) -> None:
        """How a recording stands."""
        self._transcripts.record([replace(recording, file=self._name(path))])

    def recordings(self, session: str) -> list[RecordingFile]:
        """What was recorded in a session and can be heard, by time."""
        found = []
        for row in self._transcripts.recordings(session):
            path = self.folder / row.file
            if row.state != RUNNING and row.seconds > 0 and path.is_file():
                size = path.stat().st_size
                found.append(RecordingFile(path, row.source, row.clock, row.seconds, size, row.problem))
        return in_turn(sorted(found, key=lambda one: (one.clock, one.path.name)))

    def is_running(self, session: str) -> bool:
        """Whether somebody seems to be recording in a session, perhaps another program."""
        rows = [self.folder / row.file for row in self._transcripts.recordings(session) if row.state == RUNNING]
        return any(path.is_file() and time.time() - path.stat().st_mtime < _LATELY for path in rows)

    def torn(self, session: str | None = None) -> list[Path]:
        """Recordings that nobody has ended, or that the database does not know; if none is running, to `recover`."""
        known = {row.file: row.state for row in self._transcripts.recordings(session)}
        folders = [self.of(session)] if session else list(_folders(self.folder))
        files = [path for folder in folders for path in _files(folder)]
        return [path for path in files if known.get(self._name(path), RUNNING) == RUNNING]

    def recover(self, torn: list[Path]) -> None:
        """Close off what was torn, and write down what is in it."""
        for path in torn:
            session = path.parent.name
            if self._transcripts.session(session) is None:
                log.warning("%s belongs to no session that is known: move it away if nobody needs it", path)
                continue
            try:
                was_open = is_open(path)
                close_off(path)
                info = inspect(path)
            except BadAudio as error:
                log.warning("%s: %s", session, error)
                self.note(path, Recording("", session, _source(path, {}), 0.0, 0.0, FAILED, error.message))
                continue
            clock = _number(info.tags.get("SURTITLE_CLOCK", ""))
            problem = _TORN if was_open else ""
            self.note(path, Recording("", session, _source(path, info.tags), clock, info.seconds, DONE, problem))
            log.info("%s is closed off: %.1f s", path, info.seconds)

    def delete(self, session: str) -> None:
        """Delete a session's files. Raises `OSError`."""
        folder = self.of(session)
        if folder.is_dir():
            shutil.rmtree(folder)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def in_turn(recordings: list[RecordingFile]) -> list[RecordingFile]:
    """By time; each counts until the source's next one begins."""
    following: dict[str, float] = {}
    found = []
    for one in reversed(recordings):
        found.append(replace(one, counts=following.get(one.source, one.end) - one.clock))
        following[one.source] = one.clock
    return found[::-1]


def tags(channel: str, source: str, clock: float, began: float) -> dict[str, str]:
    """What a file says of itself; ``began`` is when the session began, in seconds since 1970."""
    return {
        "title": f"{channel}: {source}",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began + clock)),
        "SURTITLE_SOURCE": source,
        "SURTITLE_CLOCK": f"{clock:.6f}",
    }


def _source(path: Path, said: dict[str, str]) -> str:
    return said.get("SURTITLE_SOURCE", "") or path.stem.partition("-")[2]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _slug(name: str) -> str:
    """As much of a name as any file system takes."""
    letters = unicodedata.normalize("NFKC", name)
    return re.sub(r"[^\w-]+", "-", letters)[:_SLUG].strip("-_") or "source"


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in _listed(folder) if path.is_dir() and _SESSION.fullmatch(path.name))


def _files(folder: Path) -> Iterator[Path]:
    """Recordings, and nothing else that may be there."""
    return (path for path in _listed(folder) if _FILE.fullmatch(path.name))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
