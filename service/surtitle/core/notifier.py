"""Wakes tasks that wait until something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Notifier:
    """Counts the changes of something and wakes everybody who waits for the next one. For the event loop only.

    A task reads ``count``, then looks at what may have changed, then waits for a change after that count. So it misses
    no change that happens while it looks. ``parent`` is notified of every change, too.
    """

    def __init__(self, parent: Notifier | None = None) -> None:
        self.count = 0
        self._parent = parent
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Count a change, and wake everybody who waits."""
        self.count += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if self._parent is not None:
            self._parent.notify()

    async def wait(self, seen: int, timeout: float) -> bool:
        """Wait for a change after the first ``seen``; False if there was none for ``timeout`` seconds."""
        changed = self._changed
        if self.count > seen:
            return True
        try:
            async with asyncio.timeout(timeout):
                await changed.wait()
        except TimeoutError:
            return False
        return True


def from_thread(callback: Callable[[], None]) -> Callable[[], None]:
    """A function for threads that soon calls ``callback`` in the running event loop, unless that has ended by then."""
    loop = asyncio.get_running_loop()

    def call_soon() -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(callback)

    return call_soon
