"""Logging: one line for each event, on standard error or in a file, as text for people or as JSON for programs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import msgspec

_FILE_BYTES = 1_000_000  # after which a log file is renamed and a new one begun
_OLDER_FILES = 3

_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)


@contextmanager
def about(channel: str, source: str) -> Iterator[None]:
    """Mark what this block, and the tasks it starts, log as being about the source with this id."""
    before = _about.set({"channel": channel, "source": source})
    try:
        yield
    finally:
        _about.reset(before)


def configure(*, verbose: bool, log_format: str = "text", file: Path | None = None) -> None:
    """Set up the root logger; other libraries only log warnings and errors. ``log_format`` is "text" or "json".

    With ``file``, log there instead of on standard error; it and older files have 4 MB at most. Raises OSError.
    """
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler()
        handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter())
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(file, maxBytes=_FILE_BYTES, backupCount=_OLDER_FILES, encoding="utf-8")
        handler.setFormatter(_TextFormatter("%Y-%m-%d %H:%M:%S"))
    handler.addFilter(FloodFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("surtitle").setLevel(logging.DEBUG if verbose else logging.INFO)


class FloodFilter(logging.Filter):
    """Keeps a flood of clients from becoming a flood of log lines.

    Passes at most ``max_lines`` of one kind (logger and message template) in ``seconds``, and then logs how many were
    left out. Errors always pass.
    """

    def __init__(
        self, max_lines: int = 100, seconds: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._max_lines, self._seconds, self._clock = max_lines, seconds, clock
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}  # start of the period, and lines since then

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            return True
        kind, now = (record.name, str(record.msg)), self._clock()
        since, count = self._kinds.get(kind, (now, 0))
        left_out = 0
        if now - since >= self._seconds:
            since, left_out, count = now, max(0, count - self._max_lines), 0
        self._kinds[kind] = (since, count + 1)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} lines like this were left out)", ()
        return count < self._max_lines


class _TextFormatter(logging.Formatter):
    """A line for people; if it is about a source, channel and source precede the message."""

    def __init__(self, time_format: str = "%H:%M:%S") -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(about)s%(message)s", datefmt=time_format)

    def format(self, record: logging.LogRecord) -> str:
        subject = _about.get()
        record.about = f"[{subject['channel']} {subject['source']}] " if subject else ""
        return super().format(record)


class _JsonFormatter(logging.Formatter):
    """The same as a JSON object: time, level, logger, message, and channel and source if it is about one."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_about.get() or {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()
