"""The last seconds of a source's sound."""

from __future__ import annotations

from collections import deque

import numpy as np

from surtitle.audio import RATE, Samples

_SECONDS = 40.0  # a caption and what is said until it is final


class Recent:
    """Keeps 16 kHz samples for as long as somebody may ask for them again, at half their size."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._room = int(seconds * RATE)
        self._blocks: deque[np.ndarray[tuple[int], np.dtype[np.int16]]] = deque()
        self._kept = 0
        self._end = 0

    def put(self, samples: Samples) -> None:
        block = (np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)
        self._blocks.append(block)
        self._kept += len(block)
        self._end += len(block)
        while self._kept - len(self._blocks[0]) >= self._room:
            self._kept -= len(self._blocks.popleft())

    def between(self, start: float, end: float) -> Samples:
        """The sound from ``start`` to ``end``, seconds since the first sample; what is not kept is left out."""
        kept = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        first = self._end - self._kept
        cut = slice(max(0, int(start * RATE) - first), max(0, int(end * RATE) - first))
        return (kept[cut] / 32767).astype(np.float32)
