"""Where recordings are: a folder for each session, and in it a file for each that says by its tags what it is."""

from __future__ import annotations

import logging
import re
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from service.audio.repair import close_off, inspect, is_open
from service.errors import BadAudio
from service.settings import RECORDING_FORMATS

log = logging.getLogger("surtitle.recordings")

_FILE = re.compile(rf"(\d+)-[\w.-]+\.({'|'.join(RECORDING_FORMATS)})")
_SESSION = re.compile(r"[\w.-]{1,100}")
_SLUG = 40  # characters of a source's name in a file's
_LATELY = 60.0  # seconds: a file that was changed since then may still be written by somebody


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that has ended; ``offset`` is where it begins on the channel's clock. Times in seconds."""

    path: Path
    source: str
    offset: float
    seconds: float
    rate: int
    channels: int
    bytes: int

    @property
    def end(self) -> float:
        """On the channel's clock."""
        return self.offset + self.seconds


class Shelf:
    """The folder of all recordings. Blocks: for threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Path, tuple[int, int, Recorded]] = {}
        self._numbers: dict[str, int] = {}  # the last that was given out, by session

    def new_path(self, session: str, source: str, form: str) -> Path:
        """The file for a new recording of a source in a session."""
        folder = self.of(session)
        numbers = [int(found[1]) for path in _files(folder) if (found := _FILE.fullmatch(path.name))]
        number = self._numbers[session] = max([*numbers, self._numbers.get(session, 0)]) + 1
        return folder / f"{number}-{_slug(source)}.{form}"

    def of(self, session: str) -> Path:
        """The folder of a session, which may not be there."""
        if not _SESSION.fullmatch(session) or not session.strip("."):
            raise ValueError(f"{session!r} is no session's id")
        return self.folder / session

    def recordings(self, session: str) -> list[Recorded]:
        """What was recorded in a session and has ended, by time; the log tells what cannot be read."""
        found = []
        for path in _files(self.of(session)):
            if _FILE.fullmatch(path.name) and not is_open(path):
                with suppress(OSError):
                    try:
                        found.append(self._read(path))
                    except BadAudio as error:
                        log.warning("%s: %s", session, error)
        return sorted(found, key=lambda one: (one.offset, one.path.name))

    def unfinished(self, session: str) -> list[Path]:
        """What is being written, or was torn and not closed off."""
        return [path for path in _files(self.of(session)) if _FILE.fullmatch(path.name) and is_open(path)]

    def close_off(self, session: str | None = None, *, lately: bool = False) -> None:
        """Close off what was torn, in one session or all; what was changed ``lately`` too if nobody can be writing."""
        folders = [self.of(session)] if session else [path for path in _files(self.folder) if path.is_dir()]
        for folder in folders:
            for path in _files(folder):
                if not _FILE.fullmatch(path.name) or not is_open(path):
                    continue
                if not lately and time.time() - path.stat().st_mtime < _LATELY:
                    continue
                try:
                    close_off(path)
                    log.info("%s: the recording was torn, and is closed off", path)
                except BadAudio as error:
                    log.warning("%s: %s", folder.name, error)

    def delete(self, session: str) -> None:
        """Delete all of a session's files. Raises `OSError`."""
        folder = self.of(session)
        if folder.is_dir():
            shutil.rmtree(folder)
        self._known = {path: known for path, known in self._known.items() if folder not in path.parents}

    def _read(self, path: Path) -> Recorded:
        """Raises `BadAudio`, `OSError`."""
        state = path.stat()
        known = self._known.get(path)
        if known is not None and known[:2] == (state.st_mtime_ns, state.st_size):
            return known[2]
        info = inspect(path)
        try:
            offset = float(info.tags.get("SURTITLE_OFFSET", "0"))
        except ValueError:
            offset = 0.0
        source = info.tags.get("SURTITLE_SOURCE", "") or path.stem.partition("-")[2]
        found = Recorded(path, source, offset, info.seconds, info.rate, info.channels, state.st_size)
        self._known[path] = (state.st_mtime_ns, state.st_size, found)
        return found


def tags(channel: str, source: str, offset: float, began: float) -> dict[str, str]:
    """What a file says of itself; ``began`` is when the session began, in seconds of the epoch."""
    return {
        "title": f"{channel}: {source}",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began + offset)),
        "SURTITLE_SOURCE": source,
        "SURTITLE_OFFSET": f"{offset:.6f}",
    }


def _slug(name: str) -> str:
    """As much of a name as any file system takes."""
    letters = unicodedata.normalize("NFKC", name)
    return re.sub(r"[^\w-]+", "-", letters)[:_SLUG].strip("-_") or "source"


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
