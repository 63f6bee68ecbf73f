"""The known activity of speakers over time. Pure."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

FRAME = 0.08
"""Seconds in a frame of activity."""

SPEAKERS = 4
"""Speakers that a model tells apart."""

_NUMBERED = re.compile(r"\bSpeaker (\d{1,6})\b")
_SPAN = 180.0  # seconds
_MIN_ACTIVITY = 0.5  # probability from which a speaker counts as active
_MIN_SECOND_SHARE = 0.6  # of a word's frames with a second speaker, for the word to be attributed to both
_PADDING = 0.24  # seconds: recognizers place words a little early or late

Activity = NDArray[np.float32]
"""Probabilities, frames by speakers; a model's speakers are in the order of their arrival."""


class Timeline:
    """The speaker activity of one source, for the last ``span`` seconds; written by one thread, read by others.

    ``start`` is its beginning on the channel's clock, in seconds. Activity in skipped audio stays unknown.
    """

    def __init__(self, start: float, span: float = _SPAN) -> None:
        self._start = start
        self._size = max(1, math.ceil(span / FRAME))
        self._active = np.full((self._size, SPEAKERS), np.nan, dtype=np.float32)
        self._models = np.zeros(self._size, dtype=np.int64)
        self._count = 0  # frames until `known`
        self._lock = threading.Lock()

    @property
    def known(self) -> float:
        """Seconds on the channel's clock up to which the activity is final."""
        return self._start + self._count * FRAME

    def add(self, position: float, activity: Activity, model: int = 0) -> None:
        """Add activity that begins at ``position``, in seconds since the start.

        ``model`` counts the models that were started for this source: each has its own numbering of speakers.
        """
        first = max(self._count, round(position / FRAME))
        with self._lock:
            for number in range(max(self._count, first - self._size), first):
                self._active[number % self._size] = np.nan
            for number, frame in enumerate(activity, start=first):
                self._active[number % self._size] = frame
                self._models[number % self._size] = model
            self._count = first + len(activity)

    def who(self, start: float, end: float) -> tuple[int, ...]:
        """The speakers between two times on the channel's clock, in the order of arrival; empty if unknown.

        Silence within a word is ignored. A second speaker is included if active in most of the word.
        """
        if end <= self._start:
            return ()
        with self._lock:
            for padding in (0.0, _PADDING):
                first, last = self._frame(start - padding), self._frame(end + padding - 1e-6) + 1
                places = np.arange(max(first, self._count - self._size), min(max(last, first + 1), self._count))
                active = self._active[places % self._size] >= _MIN_ACTIVITY
                heard = active.any(axis=1)
                if heard.any():
                    model = int(self._models[places[heard][heard.sum() // 2] % self._size])
                    shares = active[heard].mean(axis=0)
                    best = int(shares.argmax())
                    found = [slot for slot in range(SPEAKERS) if slot == best or shares[slot] >= _MIN_SECOND_SHARE]
                    return tuple(model * SPEAKERS + slot for slot in found)
        return ()

    def _frame(self, time: float) -> int:
        return max(0, math.floor((time - self._start) / FRAME))


class SpeakerNumbering:
    """Numbers a channel's speakers after ``last``, in the order in which they first speak. Thread-safe.

    ``on_new`` is called, in any thread, when there is another one.
    """

    def __init__(self, last: int = 0) -> None:
        self.on_new: Callable[[], None] = lambda: None
        self._last = last
        self._numbers: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    def find(self, source: str, speaker: int) -> str | None:
        """The name of a source's speaker, if it has been used."""
        with self._lock:
            number = self._numbers.get((source, speaker))
        return None if number is None else _name_speaker(number)

    def of(self, source: str) -> Callable[[int], str]:
        """A function that returns the names of a source's speakers. They stay the same if the source returns."""

        def label(speaker: int) -> str:
            with self._lock:
                before = len(self._numbers)
                number = self._numbers.setdefault((source, speaker), self._last + before + 1)
                new = len(self._numbers) > before
            if new:
                self.on_new()
            return _name_speaker(number)

        return label


def is_numbered(name: str) -> bool:
    """Whether this is a name that `SpeakerNumbering` gives."""
    return _NUMBERED.fullmatch(name) is not None


def _name_speaker(number: int) -> str:
    return f"Speaker {number}"


def highest_number(labels: Iterable[str | None]) -> int:
    """The highest number in labels of captions; 0 if there is none."""
    return max((int(number) for label in labels if label for number in _NUMBERED.findall(label)), default=0)
