"""The requests that wait for one model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from surtitle.inference.refusal import Refused
from surtitle.inference.request_queue import RequestQueue

TIMEOUT = 30.0


class Busy:
    """A queue of one turn, which is taken until `free`."""

    def __init__(self) -> None:
        self.queue = RequestQueue(1, 3)
        self.done: list[str] = []
        self._free = threading.Event()
        self._first = asyncio.ensure_future(self.queue.run("first", 0, TIMEOUT, lambda: self._free.wait(TIMEOUT)))

    def ask(self, source: str, number: int = 0, seconds: float = TIMEOUT) -> asyncio.Task[None]:
        name = f"{source} {number}"
        return asyncio.create_task(self.queue.run(source, number, seconds, lambda: self.done.append(name)))

    async def free(self) -> None:
        self._free.set()
        await self._first


@pytest_asyncio.fixture
async def busy() -> AsyncIterator[Busy]:
    busy = Busy()
    await asyncio.sleep(0)
    yield busy
    await busy.free()
    busy.queue.close()


async def code(task: asyncio.Task[None]) -> str:
    with pytest.raises(Refused) as caught:
        await task
    return caught.value.problem.code


async def test_the_earliest_deadline_goes_first(busy: Busy) -> None:
    tasks = [busy.ask("late", seconds=20), busy.ask("urgent", seconds=10), busy.ask("latest", seconds=25)]
    await asyncio.sleep(0)
    assert len(busy.queue) == 3
    await busy.free()
    await asyncio.gather(*tasks)
    assert busy.done == ["urgent 0", "late 0", "latest 0"]


async def test_the_newest_request_of_a_source_replaces_one_that_waits(busy: Busy) -> None:
    older, other, newer = busy.ask("one", 1), busy.ask("other", 1), busy.ask("one", 2)
    assert await code(older) == "superseded"
    assert await code(busy.ask("one", 1)) == "superseded"  # it came late
    await busy.free()
    await asyncio.gather(newer, other)
    assert sorted(busy.done) == ["one 2", "other 1"]


async def test_what_is_past_its_deadline_is_not_computed(busy: Busy) -> None:
    assert await code(busy.ask("one", seconds=0.01)) == "late"
    await busy.free()
    await busy.ask("two")
    assert busy.done == ["two 0"]


async def test_a_full_queue_refuses_at_once(busy: Busy) -> None:
    waiting = [busy.ask(str(number)) for number in range(3)]
    await asyncio.sleep(0)
    assert await code(busy.ask("one more")) == "busy"
    newer = busy.ask("0", 1)  # takes the place of the one before it
    await busy.free()
    assert await code(waiting[0]) == "superseded"
    await asyncio.gather(*waiting[1:], newer)


async def test_what_nobody_waits_for_any_more_gives_its_turn_to_the_next(busy: Busy) -> None:
    gone, other = busy.ask("gone", seconds=10), busy.ask("other")
    await asyncio.sleep(0)
    gone.cancel()
    await busy.free()
    await other
    assert busy.done == ["other 0"]
    await busy.ask("later")  # the turn is free again


async def test_an_error_is_passed_on_and_frees_the_turn(busy: Busy) -> None:
    await busy.free()

    def fail() -> None:
        raise ValueError("no")

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            await busy.queue.run("one", 0, TIMEOUT, fail)
    await busy.ask("after")
    assert busy.done == ["after 0"]
