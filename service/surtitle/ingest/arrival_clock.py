"""How long a stream was interrupted whose timestamps do not say so."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from surtitle.audio.gaps import PlacedBlock

_MIN_GAP = 0.5  # seconds by which audio must be later than usual
_BURST = 4.0  # seconds in which a stream that was just opened may send old audio at once, which is later than usual
_MEMORY = 60.0  # seconds in which the usual delay is found: longer than any segment of HLS


class ArrivalClock:
    """Compares when audio arrives with how much has arrived before.

    An encoder that is restarted begins with new timestamps, and nothing else tells how long it was away if the
    connection was not lost, as over UDP.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._position = 0.0
        self._delays: deque[tuple[float, float]] = deque()  # time of arrival, and how late the audio was
        self._newest_delay = 0.0
        self._began: float | None = None

    def follow(self, blocks: Iterable[PlacedBlock]) -> Iterator[PlacedBlock]:
        """Pass on ``blocks``, and note when each arrives."""
        for block in blocks:
            now = self._now()
            if self._began is None:
                self._began = now
            gap, frames, rate = block
            self._newest_delay = now - self._began - self._position - gap
            self._position += gap + len(frames) / rate
            if now - self._began >= _BURST:
                self._delays.append((now, self._newest_delay))
            while self._delays and now - self._delays[0][0] > _MEMORY:
                self._delays.popleft()
            yield block

    def find_gap(self) -> float:
        """Seconds that are missing before the audio that has just arrived, if it is not the one that was expected."""
        if self._began is None:
            return 0.0
        delay = self._now() - self._began - self._position
        gap = delay - max((usual for _, usual in self._delays), default=self._newest_delay)
        return gap if gap >= _MIN_GAP else 0.0
