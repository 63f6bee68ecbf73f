"""Who may use the processor next: earliest deadline first, at most one job per source."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Scheduler:
    """Runs recognition steps in a fixed number of threads.

    A step's deadline is when its audio would have been spoken in real time. A client that sends
    a file as fast as it can therefore gets what the live sources leave, and delays none of them.
    """

    def __init__(self, workers: int) -> None:
        self._free = workers
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._ticket = itertools.count()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="recognize")

    @property
    def waiting(self) -> int:
        """Steps that wait for a thread."""
        return len(self._waiting)

    async def run(self, deadline: float, step: Callable[[], T]) -> T:
        """Run ``step`` in a thread when its turn comes; ``deadline`` is on the loop's clock, seconds.

        When cancelled, waits for a step that already runs: nobody else may touch its state before.
        """
        await self._turn(deadline)
        try:
            running = asyncio.get_running_loop().run_in_executor(self._pool, step)
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                with suppress(Exception):
                    await running
                raise
        finally:
            self._next()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _turn(self, deadline: float) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (deadline, next(self._ticket), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._next()  # the turn had just come
            raise

    def _next(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
