"""Logging: one line for each thing that happened, on standard error, for people or as JSON for programs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec

_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)


@contextmanager
def about(channel: str, source: str) -> Iterator[None]:
    """What is logged in this block, and by tasks that it starts, is about a source with this id."""
    before = _about.set({"channel": channel, "source": source})
    try:
        yield
    finally:
        _about.reset(before)


def configure(*, verbose: bool, form: str = "text") -> None:
    """Set up the root logger; other libraries are heard from when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    handler.addFilter(FloodFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("surtitle").setLevel(logging.DEBUG if verbose else logging.INFO)


class FloodFilter(logging.Filter):
    """Lets no flood of clients become a flood of lines: of one kind so many in a while, then how many were left out."""

    def __init__(self, most: int = 100, seconds: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most, self._seconds, self._clock = most, seconds, clock
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}  # since when, and how many

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            return True
        kind, now = (record.name, str(record.msg)), self._clock()
        since, count = self._kinds.get(kind, (now, 0))
        left_out = 0
        if now - since >= self._seconds:
            since, left_out, count = now, max(0, count - self._most), 0
        self._kinds[kind] = (since, count + 1)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} lines like this were left out)", ()
        return count < self._most


class _Text(logging.Formatter):
    """A line for people; where it is about a source, its id comes before what is told."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(about)s%(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        told = _about.get()
        record.about = f"[{told['channel']} {told['source']}] " if told else ""
        return super().format(record)


class _Json(logging.Formatter):
    """The same as an object: time, level, logger, message, and channel and source where it is about one."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_about.get() or {}),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told).decode()
