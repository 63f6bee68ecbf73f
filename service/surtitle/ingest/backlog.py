"""The audio of a source on its way to the service, kept until the service has it for certain."""

from __future__ import annotations

from collections import deque

from surtitle.audio import RATE, Samples

_KEPT = 90 * RATE  # samples that are kept: longer than a source can be resumed
_FULL = 2 * RATE  # unsent samples at which whoever can wait should


class SentAudio:
    """Samples at 16 kHz, counted from the first of the source."""

    def __init__(self) -> None:
        self.position = 0
        """The next sample to send."""
        self.end = 0
        """The number of samples added."""
        self._blocks: deque[Samples] = deque()
        self._start = 0  # the first sample that is kept

    @property
    def waiting(self) -> bool:
        """Whether something is to be sent."""
        return self.position < self.end

    @property
    def full(self) -> bool:
        """Whether so much waits that no more should be added."""
        return self.end - self.position >= _FULL

    def add(self, samples: Samples) -> None:
        """Add audio; the oldest is dropped if there is too much."""
        self._blocks.append(samples)
        self.end += len(samples)
        while self.end - self._start > _KEPT:
            self._start += len(self._blocks.popleft())
        self.position = max(self.position, self._start)

    def take(self, size: int) -> Samples | None:
        """The next samples to send, up to ``size``; None if there are none."""
        at = self._start
        for block in self._blocks:
            if self.position < at + len(block):
                first = self.position - at
                taken = block[first : first + size]
                self.position += len(taken)
                return taken
            at += len(block)
        return None

    def rewind(self, received: int) -> None:
        """Send again what follows the first ``received`` samples, which the service has."""
        self.position = min(self.end, max(self._start, received))

    def begin_source(self) -> int:
        """Count from the next sample to send, which is the first of another source. Returns the number of it before."""
        before = self.position
        self.position, self.end, self._start = 0, self.end - before, self._start - before
        return before
