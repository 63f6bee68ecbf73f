"""The requests that wait for one loaded model: the most urgent goes first, and what nobody waits for is given up."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from surtitle.inference.refusal import Refused

R = TypeVar("R")


@dataclass(order=True, slots=True)
class _Waiting:
    """A request that waits; ``deadline`` is on the loop's clock, seconds."""

    deadline: float
    ticket: int
    source: str = field(compare=False)
    number: int = field(compare=False)
    turn: asyncio.Future[None] = field(compare=False)


class RequestQueue:
    """Runs the work of requests in threads, ``running`` at a time, while up to ``waiting`` others wait.

    The earliest deadline goes first. Of the requests of one source that wait, the newest stays. Belongs to one loop.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self._free = running
        self._max_waiting = waiting
        self._heap: list[_Waiting] = []
        self._newest: dict[str, _Waiting] = {}  # of each source that has a request waiting
        self._tickets = itertools.count()
        self._threads = ThreadPoolExecutor(running, thread_name_prefix="inference")

    def __len__(self) -> int:
        """The number of requests that wait."""
        return len(self._newest)

    async def run(self, source: str, number: int, seconds: float, work: Callable[[], R]) -> R:
        """The result of ``work``, which has to begin within ``seconds``. Raises `Refused`, and what ``work`` raises."""
        loop = asyncio.get_running_loop()
        if not self._free:
            await self._wait(_Waiting(loop.time() + seconds, next(self._tickets), source, number, loop.create_future()))
        else:
            self._free -= 1
        running = loop.run_in_executor(self._threads, work)
        running.add_done_callback(self._end)
        return await asyncio.shield(running)  # a thread cannot be stopped: its turn ends when it does

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _wait(self, waiting: _Waiting) -> None:
        """Wait for a turn. Raises `Refused`."""
        older = self._newest.get(waiting.source)
        if older is not None and older.number > waiting.number:
            raise _superseded()
        if older is not None:
            self._remove(older)
            if not older.turn.done():
                older.turn.set_exception(_superseded())
        elif len(self) >= self._max_waiting:
            raise Refused("busy", "More requests wait than this model can answer in time.")
        self._newest[waiting.source] = waiting
        heapq.heappush(self._heap, waiting)
        try:
            async with asyncio.timeout_at(waiting.deadline):
                await waiting.turn
        except TimeoutError:
            self._abandon(waiting)
            raise Refused("late", "The request waited too long.") from None
        except asyncio.CancelledError:
            self._abandon(waiting)
            raise

    def _abandon(self, waiting: _Waiting) -> None:
        """Note that nobody waits for the turn any more, which may have come just now."""
        if waiting.turn.done() and not waiting.turn.cancelled() and waiting.turn.exception() is None:
            self._give_next()
        else:
            self._remove(waiting)

    def _remove(self, waiting: _Waiting) -> None:
        if self._newest.get(waiting.source) is waiting:
            del self._newest[waiting.source]
        with suppress(ValueError):
            self._heap.remove(waiting)
            heapq.heapify(self._heap)

    def _end(self, running: asyncio.Future[R]) -> None:
        if not running.cancelled():
            running.exception()  # marks it as retrieved, in case nobody waits any more
        self._give_next()

    def _give_next(self) -> None:
        while self._heap:
            waiting = heapq.heappop(self._heap)
            if self._newest.get(waiting.source) is waiting:
                del self._newest[waiting.source]
            if not waiting.turn.done():
                waiting.turn.set_result(None)
                return
        self._free += 1


def _superseded() -> Refused:
    return Refused("superseded", "The source has sent a newer request.")
