"""Schedules the use of an engine: earliest deadline first, fair among tenants, at most one turn per source."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Protocol, TypeVar

from surtitle.speech.fair_shares import CURRENT_TENANT, FairQueue, Places, Shares

T = TypeVar("T")

_DUE = 1.0  # seconds before its deadline from which on a turn counts as due: live clients may be so far ahead


class Work(Protocol):
    """Runs a step in a thread, for as long as the turn lasts."""

    def __call__(self, step: Callable[[], T], /) -> Awaitable[T]: ...


class Scheduler:
    """Gives sources turns to use one engine, a fixed number of them at a time.

    A turn's deadline is the time at which its audio would have been spoken in real time. A client that sends a file as
    fast as it can therefore uses the capacity that live sources leave, and delays none of them. A source takes its
    audio when it gets its turn and not when it asks for one, so audio that arrives in between is recognized, too. If
    there are more sources than the engine can serve, each gets fewer turns with more audio, and none falls behind
    indefinitely. Tenants that are late get equal shares of the engine, however many sources each has.
    """

    def __init__(self, turns: int) -> None:
        self._free = turns
        self._spare = min(1, turns - 1)  # turns that background work leaves free
        self._background: deque[asyncio.Future[None]] = deque()
        self._in_background = False
        self._shares = Shares()
        self._places = Places(turns)
        self._waiting: FairQueue[tuple[str, asyncio.Future[None]]] = FairQueue(self._shares)
        self._pool = ThreadPoolExecutor(turns, thread_name_prefix="recognize")

    @property
    def waiting(self) -> int:
        """The number of tasks that wait for a turn."""
        return len(self._waiting)

    @asynccontextmanager
    async def turn(self, deadline: float, tenant: str = "") -> AsyncIterator[Work]:
        """Wait for a turn of a ``tenant``; ``deadline`` is on the loop's clock, seconds."""
        now = asyncio.get_running_loop().time
        self._shares.enter(tenant)
        try:
            await self._wait_for_turn(deadline, tenant)
        except asyncio.CancelledError:
            self._shares.leave(tenant)
            raise
        began = now()
        try:
            yield partial(self._run, tenant=tenant)
        finally:
            self._shares.leave(tenant, now() - began)
            self._end_turn(tenant)

    @asynccontextmanager
    async def background_turn(self) -> AsyncIterator[Work]:
        """Wait for a turn that no source needs: one at a time, and never the last free one if there are several.

        Keep it short: in the meantime, sources have one turn less.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._background.append(turn)
        self._give_next_in_background()
        try:
            await turn
            yield self._run
        finally:
            if turn.done() and not turn.cancelled():
                self._in_background = False
                self._free += 1
                self._give_next()
            elif turn in self._background:
                self._background.remove(turn)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, step: Callable[[], T], /, tenant: str = "") -> T:
        """Run a step in a thread. If cancelled, waits for it to end: until then, nothing else may use its state."""
        running = asyncio.get_running_loop().run_in_executor(self._pool, _run_for, tenant, step)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            with suppress(Exception):
                await running
            raise

    async def _wait_for_turn(self, deadline: float, tenant: str) -> None:
        self._places.see(tenant, asyncio.get_running_loop().time())
        if self._free and self._places.has_room(tenant):
            self._free -= 1
            self._places.take(tenant)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.push(tenant, deadline, (tenant, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._end_turn(tenant)  # the turn had just come
            raise

    def _end_turn(self, tenant: str) -> None:
        self._free += 1
        self._places.release(tenant)
        self._give_next()

    def _give_next(self) -> None:
        """Give the free turns to those that wait and may have one."""
        due = asyncio.get_running_loop().time() + _DUE
        with suppress(IndexError):
            while self._free:
                tenant, turn = self._waiting.pop(due, self._places.has_room)
                if not turn.done():
                    self._free -= 1
                    self._places.take(tenant)
                    turn.set_result(None)
        self._give_next_in_background()

    def _give_next_in_background(self) -> None:
        if not self._background or self._in_background or self._waiting or self._free <= self._spare:
            return
        self._free -= 1
        self._in_background = True
        self._background.popleft().set_result(None)


def _run_for(tenant: str, step: Callable[[], T]) -> T:
    """Run a step in a thread of the pool, for a tenant."""
    CURRENT_TENANT.set(tenant)
    return step()
