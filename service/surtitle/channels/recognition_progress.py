"""How far recognition of a source has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.channels.audio_queue import Block
from surtitle.core.notifier import Notifier

_RECENT = 1.0  # seconds of recognized audio that are remembered


class RecognitionProgress:
    """Counts the samples of a source that were recognized, and remembers the newest of them.

    ``stepping`` is whether recognition has taken audio that is not counted yet.
    """

    def __init__(self, received: float) -> None:
        """``received`` is how many seconds an earlier run of the service received."""
        self.stepping = False
        self._processed = self._final = round(received * RATE)
        self._recent: Samples = np.zeros(0, dtype=np.float32)
        self._steps = Notifier()

    @property
    def seconds(self) -> float:
        """Seconds of audio, from the first sample on, that were recognized."""
        return self._processed / RATE

    def is_final(self, position: int) -> bool:
        """Whether the captions of the samples before ``position`` are final."""
        return self._final >= position

    def count(self, block: Block) -> None:
        """Count a block, after which everything before its gap is final, or everything if it was a flush."""
        self._processed += block.gap
        if block.gap or not block.samples.size:
            self._final = self._processed
        self._processed += len(block.samples)
        before = self._recent[: 0 if block.gap else None]
        self._recent = np.concatenate((before, block.samples))[-round(_RECENT * RATE) :]
        self._steps.notify()

    def newest(self, seconds: float) -> Samples:
        """The newest recognized samples: those since the last gap, one second at most."""
        return self._recent[-round(seconds * RATE) :]

    async def wait_until_final(self, position: int, ended: Callable[[], bool], timeout: float) -> bool:
        """Wait until the captions before ``position`` are final or the source has ``ended``; False if it has.

        Raises `TimeoutError`.
        """
        async with asyncio.timeout(timeout):
            while not self.is_final(position) and not ended():
                await self._steps.wait(self._steps.count, timeout=timeout)
        return self.is_final(position)

    def stop(self) -> None:
        """Wake those who wait, because the source has ended."""
        self._steps.notify()
