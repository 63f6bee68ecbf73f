"""A speaker model whose streams can continue in another process, without a network: it counts frames."""

from __future__ import annotations

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.speakers.timeline import FRAME, Activity

PER_FRAME = round(FRAME * RATE)


class CountingStream:
    """The activity of a frame is its level and, as the second speaker's, its number divided by 1000."""

    def __init__(self, count: int = 0, rest: bytes = b"") -> None:
        self._count = count
        self._rest = np.frombuffer(rest, dtype=np.float32)

    @property
    def needed(self) -> int:
        return PER_FRAME - len(self._rest)

    def feed(self, samples: Samples) -> Activity:
        samples = np.concatenate((self._rest, samples))
        count = len(samples) // PER_FRAME
        self._rest = samples[count * PER_FRAME :]
        return self._take(samples[: count * PER_FRAME].reshape(count, PER_FRAME))

    def flush(self) -> Activity:
        rest, self._rest = self._rest, self._rest[:0]
        return self._take(rest[None, :] if len(rest) else rest.reshape(0, 1))

    def save(self) -> bytes:
        return self._count.to_bytes(8, "little") + self._rest.tobytes()

    def close(self) -> None:
        """Nothing is open."""

    def _take(self, frames: Samples) -> Activity:
        first, self._count = self._count, self._count + len(frames)
        numbers = np.arange(first, self._count, dtype=np.float32) / 1000
        return np.stack((np.abs(frames).max(axis=1, initial=0.0), numbers), axis=1)


class CountingModel:
    def open(self, latency: float) -> CountingStream:
        return CountingStream()

    def restore(self, latency: float, state: bytes) -> CountingStream:
        if len(state) < 8 or len(state) % 4 or len(state) > 8 + 4 * PER_FRAME:
            raise ValueError("the state has a wrong size")
        return CountingStream(int.from_bytes(state[:8], "little"), state[8:])
