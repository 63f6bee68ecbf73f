"""A source's audio on its way to recognition: how much of it may wait, and what is skipped."""

from __future__ import annotations

import asyncio

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.channels.audio_queue import Backlog, Block
from surtitle.core.settings import Limits

_LIVE_MARGIN = 1.0  # seconds ahead of real time above which a client is not live
_MAX_DRIFT = 0.0005  # by which a client's sample clock may be fast or slow: 1.8 s an hour


class AudioInput:
    """The queue in front of a source's recognition, and how much audio the source has received.

    The queue holds a limited number of seconds. A client that sends faster than real time has to wait, and loses
    nothing. A live client cannot wait: when recognition is too slow, its oldest audio is skipped, so that the lag stays
    within the budget. Audio that a stalled network delivers at once is late already, and is recognized.
    """

    def __init__(self, limits: Limits, before: float = 0.0) -> None:
        """``before`` is how many seconds an earlier run of the service received."""
        self._limits = limits
        self._now = asyncio.get_running_loop().time
        self._backlog = Backlog()
        self._received = round(before * RATE)
        self._paused_samples = 0  # samples received while the channel is paused
        self._held_back = False  # a client that waited for space is not live, however late it is by now
        self._ending = False
        self._wake = asyncio.Event()
        self._space_freed = asyncio.Event()
        self.live_start = self._now()
        """When the first sample was spoken, if all came in real time; in seconds on the loop's clock.

        It follows the drift of the client's clock, which adds up to many seconds in a source that runs for days.
        """
        self._drift_until = self.live_start

    @property
    def received(self) -> float:
        """Seconds of audio received so far."""
        return self._received / RATE

    @property
    def queued(self) -> int:
        """Samples received so far, without those at the end that are left out because the channel is paused."""
        return self._received - self._paused_samples

    @property
    def waiting(self) -> float:
        """Seconds of audio that wait for recognition."""
        return len(self._backlog) / RATE

    @property
    def empty(self) -> bool:
        """Whether nothing waits for recognition, not even a flush."""
        return not self._backlog

    @property
    def live(self) -> bool:
        """Whether the audio comes in real time, or late."""
        return not self._held_back and self.received - (self._now() - self.live_start) <= _LIVE_MARGIN

    @property
    def full(self) -> bool:
        """Whether a client that sends faster than real time has filled the queue."""
        return len(self._backlog) >= self._limits.ahead * RATE and not self.live

    @property
    def ending(self) -> bool:
        """Whether no more audio will come."""
        return self._ending

    def restart_clock(self) -> None:
        """Count real time from now: what a client buffered while it was away may come at once."""
        self.live_start = self._now() - self.received
        self._held_back = False

    def _follow_drift(self) -> None:
        now = self._now()
        limit, self._drift_until = _MAX_DRIFT * (now - self._drift_until), now
        self.live_start -= min(limit, max(-limit, self.received - (now - self.live_start)))

    def put(self, samples: Samples) -> float:
        """Queue 16 kHz mono samples. Returns the seconds of older audio that are skipped for them."""
        self._received += len(samples)
        self._follow_drift()
        gap, self._paused_samples = self._paused_samples, 0
        self._backlog.put(samples, self._now(), gap)
        self._wake.set()
        if self.live and self._is_late(len(samples)):
            return self._backlog.skip(int(self._limits.lag_budget * RATE) // 4) / RATE
        return 0.0

    def _is_late(self, newest: int) -> bool:
        """Whether more waits than may, besides the ``newest`` samples, because recognition is too slow.

        What a stalled network has delivered at once has not waited yet.
        """
        waiting = (len(self._backlog) - newest) / RATE
        waited = self._now() - self._backlog.oldest.arrived
        return waiting > self._limits.ahead or min(waiting, waited) > self._limits.lag_budget

    def skip(self, samples: int) -> None:
        """Leave out ``samples`` samples; the captions before them become final."""
        self._received += samples
        if not self._paused_samples:
            self.flush()
        self._paused_samples += samples

    def put_skipped(self, samples: Samples) -> None:
        """Queue the last samples that were skipped, after all."""
        count = min(len(samples), self._paused_samples)
        if count:
            self._paused_samples -= count
            self._received -= count
            self.put(samples[-count:])

    def skip_waiting(self) -> None:
        """Leave out what waits for recognition."""
        self._paused_samples += sum(len(block.samples) + block.gap for block in self._backlog.clear())
        self.flush()
        self._space_freed.set()

    def flush(self) -> None:
        """Request that the audio so far becomes final."""
        self._backlog.flush(self._now())
        self._wake.set()

    async def wait_for_space(self) -> None:
        """Wait while the queue is full."""
        while self.full:
            self._held_back = True
            self._space_freed.clear()
            await self._space_freed.wait()

    async def wait(self) -> bool:
        """Wait until audio or a flush is in the queue; False if `end` was called and nothing is left."""
        while self.empty:
            if self._ending:
                return False
            self._wake.clear()
            await self._wake.wait()
        return True

    def take(self, seconds: float) -> Block:
        """Remove about ``seconds`` of the oldest audio, up to a gap or a flush. There must be some: see `wait`."""
        block = self._backlog.take(int(seconds * RATE))
        self._space_freed.set()
        return block

    def put_back(self, block: Block) -> None:
        """Let a block that was taken be the next one again."""
        self._backlog.put_back(block)
        self._wake.set()

    def take_all(self) -> list[Block]:
        """Remove everything that waits. The last block may have a gap but no samples."""
        blocks, gap = self._backlog.clear(), self._paused_samples
        if gap:
            self._paused_samples = 0
            blocks.append(Block(np.zeros(0, dtype=np.float32), self._now(), gap))
        self._space_freed.set()
        return blocks

    def deadline(self) -> float:
        """When the oldest waiting audio arrived or, if that is later, was spoken; in seconds on the loop's clock."""
        first = self._backlog.oldest
        position = self.received - (len(self._backlog) - len(first.samples)) / RATE
        return max(first.arrived, self.live_start + position)

    def end(self) -> None:
        """Note that no more audio will come."""
        self._ending = True
        self._wake.set()

    def discard(self) -> None:
        """Discard what waits, and let those continue who wait for space."""
        self._backlog.clear()
        self._space_freed.set()
