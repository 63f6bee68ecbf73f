"""The pauses between attempts."""

from __future__ import annotations


class Backoff:
    """Pauses in seconds that double from ``first`` to ``largest``, until one has succeeded."""

    def __init__(self, first: float, largest: float) -> None:
        self._first = first
        self._largest = largest
        self._next = first

    def next(self) -> float:
        """The pause before the next attempt."""
        pause, self._next = self._next, min(2 * self._next, self._largest)
        return pause

    def reset(self) -> None:
        """Begin with the first pause again."""
        self._next = self._first
