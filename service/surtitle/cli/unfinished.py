"""What `surtitle transcribe` has recognized so far, in a file beside the output, so that it can be continued."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from surtitle.core.errors import BadRequest
from surtitle.core.words import Word

log = logging.getLogger("surtitle.transcribe")

_VERSION = 1
_SAVE_INTERVAL = 30.0  # seconds; no more work than that is lost when the computer fails

SpokenWord = tuple[str, Word]
"""A word with its language."""


class TrackProgress(msgspec.Struct):
    """The words of an audio track up to the second ``until``."""

    until: float = 0.0
    words: list[SpokenWord] = []


class _State(msgspec.Struct):
    version: int
    size: int
    modified: int
    options: str
    tracks: dict[int, TrackProgress]


class Unfinished:
    """The progress of one file, by its audio tracks. Without an output, nothing is stored."""

    def __init__(self, file: Path, output: Path | None, options: str, *, resume: bool) -> None:
        """``options`` identifies everything that the words depend on; ``resume`` loads what is stored.

        Raises `BadRequest` if that belongs to another version of the file or to other options.
        """
        self._path = None if output is None else state_path(output)
        status = file.stat()
        self._state = _State(_VERSION, status.st_size, status.st_mtime_ns, options, {})
        self._saved_at = time.monotonic()
        if resume and self._path is not None and self._path.exists():
            self._state.tracks = _load(self._path, self._state, output or file)

    def track(self, number: int) -> TrackProgress:
        """What is known of a track."""
        return self._state.tracks.get(number) or TrackProgress()

    def update(self, number: int, progress: TrackProgress, *, save: bool = False) -> None:
        """Note the progress of a track, and store it if that has not been done for a while, or ``save`` demands it."""
        self._state.tracks[number] = progress
        if self._path is None or not (save or time.monotonic() - self._saved_at >= _SAVE_INTERVAL):
            return
        self._saved_at = time.monotonic()
        partial = self._path.with_name(f"{self._path.name}~")
        try:
            partial.write_bytes(msgspec.json.encode(self._state))
            os.replace(partial, self._path)
        except OSError as error:
            log.warning("Cannot write %s (%s): the work cannot be continued after a stop.", self._path, error.strerror)
            self._path = None
            with suppress(OSError):
                partial.unlink()

    def remove(self) -> None:
        """Delete what is stored, because the transcript is complete."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


def state_path(output: Path) -> Path:
    """Where the progress of an output is stored."""
    return output.with_name(f"{output.name}.unfinished")


def _load(path: Path, expected: _State, output: Path) -> dict[int, TrackProgress]:
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=_State)
    except (OSError, msgspec.DecodeError) as error:
        raise BadRequest(f"Cannot read {path} ({error}): start again with --overwrite.") from error
    if (stored.version, stored.size, stored.modified, stored.options) != (
        expected.version,
        expected.size,
        expected.modified,
        expected.options,
    ):
        raise BadRequest(
            f"{output} was begun with other options, or the recording has changed since: use the same options, or "
            "start again with --overwrite."
        )
    return stored.tracks
