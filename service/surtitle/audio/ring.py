"""The last seconds of a source's audio."""

from __future__ import annotations

from collections import deque

import numpy as np

from surtitle.audio import RATE, Samples

_SECONDS = 40.0  # the length of a caption, and the time until it is final


class RecentAudio:
    """Keeps the last ``seconds`` of 16 kHz samples, as 16-bit integers to halve their size."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._capacity = int(seconds * RATE)
        self._blocks: deque[np.ndarray[tuple[int], np.dtype[np.int16]]] = deque()
        self._length = 0  # samples in `_blocks`
        self._end = 0  # samples since the first one

    def put(self, samples: Samples) -> None:
        block = (np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)
        self._blocks.append(block)
        self._length += len(block)
        self._end += len(block)
        while self._length - len(self._blocks[0]) >= self._capacity:
            self._length -= len(self._blocks.popleft())

    def skip(self, samples: int) -> None:
        """Continue after this number of samples without audio, which become silence."""
        silence = min(samples, self._capacity)
        self._end += samples - silence
        self.put(np.zeros(silence, dtype=np.float32))

    def between(self, start: float, end: float) -> Samples:
        """The audio from ``start`` to ``end``, in seconds since the first sample, as far as it is still stored."""
        samples = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        first = self._end - self._length
        cut = slice(max(0, int(start * RATE) - first), max(0, int(end * RATE) - first))
        return (samples[cut] / 32767).astype(np.float32)
