"""Who speaks when, as far as it is known. Pure."""

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
_KEPT = 180.0  # seconds
_ACTIVE = 0.5
_BOTH = 0.6  # of a word's frames, in which a second speaker is heard as well
_AROUND = 0.24  # seconds: recognizers put words a little early or late

Activity = NDArray[np.float32]
"""Probabilities, frames by speakers; a model's speakers are in the order of their arrival."""


class Timeline:
    """One source's activity, of the last ``span`` seconds; written by one thread, read by others.

    ``start`` is where it begins on the channel's clock, in seconds. What was skipped stays unknown.
    """

    def __init__(self, start: float, span: float = _KEPT) -> None:
        self._start = start
        self._size = max(1, math.ceil(span / FRAME))
        self._active = np.full((self._size, SPEAKERS), np.nan, dtype=np.float32)
        self._models = np.zeros(self._size, dtype=np.int32)
        self._count = 0  # frames until `known`
        self._lock = threading.Lock()

    @property
    def known(self) -> float:
        """Seconds on the channel's clock up to which nothing more will become known."""
        return self._start + self._count * FRAME

    def add(self, position: float, activity: Activity, model: int = 0) -> None:
        """What a model found from ``position`` on, in seconds since the start.

        ``model`` counts the models that were started for this source: each knows speakers of its own.
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
        """Who speaks between two times on the channel's clock, in the order of arrival; empty where that is not known.

        Silence within a word counts for nobody. A second speaker counts who is heard in most of it.
        """
        if end <= self._start:
            return ()
        with self._lock:
            for around in (0.0, _AROUND):
                first, last = self._frame(start - around), self._frame(end + around - 1e-6) + 1
                places = np.arange(max(first, self._count - self._size), min(max(last, first + 1), self._count))
                active = self._active[places % self._size] >= _ACTIVE
                heard = active.any(axis=1)
                if heard.any():
                    model = int(self._models[places[heard][heard.sum() // 2] % self._size])
                    shares = active[heard].mean(axis=0)
                    best = int(shares.argmax())
                    found = [slot for slot in range(SPEAKERS) if slot == best or shares[slot] >= _BOTH]
                    return tuple(model * SPEAKERS + slot for slot in found)
        return ()

    def _frame(self, time: float) -> int:
        return max(0, math.floor((time - self._start) / FRAME))


class SpeakerNumbering:
    """Numbers a channel's speakers after ``last``, in the order in which they are first heard; from any thread."""

    def __init__(self, last: int = 0) -> None:
        self._last = last
        self._numbers: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    def of(self, source: str) -> Callable[[int], str]:
        """What the speakers of a source are called. A source that comes back finds the same names."""

        def label(speaker: int) -> str:
            with self._lock:
                number = self._numbers.setdefault((source, speaker), self._last + len(self._numbers) + 1)
            return f"Speaker {number}"

        return label


def highest(labels: Iterable[str | None]) -> int:
    """The highest number in labels of captions; 0 if there is none."""
    return max((int(number) for label in labels if label for number in _NUMBERED.findall(label)), default=0)
