from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import pytest

from surtitle.speech.fair_shares import CURRENT_TENANT
from surtitle.speech.scheduler import Scheduler
from tests.support import until

T = TypeVar("T")


async def run(scheduler: Scheduler, deadline: float, step: Callable[[], T]) -> T:
    async with scheduler.turn(deadline) as work:
        return await work(step)


async def test_the_earliest_deadline_goes_first() -> None:
    scheduler = Scheduler(1)
    release = threading.Event()
    order: list[float] = []

    async def note(deadline: float) -> None:
        async with scheduler.turn(deadline):
            order.append(deadline)

    blocker = asyncio.create_task(run(scheduler, 0, lambda: release.wait(10)))
    await asyncio.sleep(0.05)
    tasks = [asyncio.create_task(note(deadline)) for deadline in (30.0, 10.0, 20.0)]
    await asyncio.sleep(0.05)
    assert scheduler.waiting == 3
    release.set()
    await asyncio.gather(blocker, *tasks)
    assert order == [10.0, 20.0, 30.0]
    scheduler.close()


async def test_a_tenant_with_many_sources_does_not_delay_another() -> None:
    scheduler = Scheduler(1)
    release = threading.Event()
    order: list[str] = []

    async def note(tenant: str, deadline: float) -> None:
        async with scheduler.turn(deadline, tenant) as work:
            order.append(await work(CURRENT_TENANT.get))
            await asyncio.sleep(0.02)

    async def block() -> None:
        async with scheduler.turn(0.0, "many") as work:
            await work(lambda: release.wait(10))

    tasks = [asyncio.create_task(block())]
    await asyncio.sleep(0.05)
    tasks += [asyncio.create_task(note("many", -10.0)) for _ in range(3)]
    tasks.append(asyncio.create_task(note("one", 0.0)))
    gone = asyncio.create_task(note("one", 0.0))
    await asyncio.sleep(0.05)
    gone.cancel()
    release.set()
    await asyncio.gather(*tasks)
    assert order == ["one", "many", "many", "many"]
    scheduler.close()


async def test_a_tenant_leaves_turns_to_others_and_gets_them_back() -> None:
    scheduler = Scheduler(8)
    release = {tenant: threading.Event() for tenant in ("many", "one")}
    running = Counter[str]()

    async def work(tenant: str) -> None:
        async with scheduler.turn(0.0, tenant) as run:
            running[tenant] += 1
            await run(lambda: release[tenant].wait(30))

    one = asyncio.create_task(work("one"))
    await until(lambda: running["one"] == 1)
    many = [asyncio.create_task(work("many")) for _ in range(6)]
    await until(lambda: scheduler.waiting == 4)
    assert running["many"] == 2
    release["one"].set()
    await one
    release["many"].set()
    await asyncio.gather(*many)
    assert running["many"] == 6
    scheduler.close()


async def test_the_number_of_concurrent_turns_is_limited() -> None:
    scheduler = Scheduler(2)
    running, most = 0, 0
    lock = threading.Lock()

    def step() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    await asyncio.gather(*(run(scheduler, 0, step) for _ in range(20)))
    assert most == 2
    scheduler.close()


async def test_a_failing_step_frees_its_turn() -> None:
    scheduler = Scheduler(1)

    def fail() -> None:
        raise ValueError("no")

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            await run(scheduler, 0, fail)
    assert await run(scheduler, 0, lambda: 7) == 7
    scheduler.close()


async def test_cancelling_waits_for_the_running_step_and_skips_a_waiting_one() -> None:
    scheduler = Scheduler(1)
    started, release, finished = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        started.set()
        release.wait(10)
        finished.set()

    running = asyncio.create_task(run(scheduler, 0, slow))
    await asyncio.to_thread(started.wait)
    waiting = asyncio.create_task(run(scheduler, 1, lambda: pytest.fail("this was cancelled")))
    await asyncio.sleep(0.05)
    waiting.cancel()
    running.cancel()
    await asyncio.sleep(0.05)
    assert not running.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert finished.is_set()
    assert await run(scheduler, 0, lambda: "free again") == "free again"
    scheduler.close()


async def test_background_work_runs_when_nothing_else_waits() -> None:
    scheduler = Scheduler(1)
    async with scheduler.background_turn() as work:
        assert await work(lambda: 7) == 7
    assert await run(scheduler, 0, lambda: 8) == 8
    scheduler.close()


async def test_recognition_goes_before_background_work() -> None:
    scheduler = Scheduler(1)
    release = threading.Event()
    order: list[str] = []

    async def note(name: str) -> None:
        async with scheduler.turn(0) if name == "recognition" else scheduler.background_turn():
            order.append(name)

    blocker = asyncio.create_task(run(scheduler, 0, lambda: release.wait(10)))
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(note(name)) for name in ("background", "recognition", "background", "recognition")]
    while scheduler.waiting < 2:
        await asyncio.sleep(0)
    release.set()
    await asyncio.gather(blocker, *tasks)
    assert order == ["recognition", "recognition", "background", "background"]
    scheduler.close()


async def test_background_work_leaves_a_turn_for_recognition() -> None:
    scheduler = Scheduler(2)
    order: list[int] = []

    async def background(number: int) -> None:
        async with scheduler.background_turn():
            order.append(number)

    async with scheduler.turn(0):
        waiting = asyncio.create_task(background(1))
        await asyncio.sleep(0)
        assert not order  # the last free turn is for recognition
    await waiting
    async with scheduler.background_turn():
        second = asyncio.create_task(background(2))
        async with scheduler.turn(0):  # does not wait
            assert order == [1]
    await second
    assert order == [1, 2]
    scheduler.close()


async def test_cancelled_background_work_takes_no_turn() -> None:
    scheduler = Scheduler(1)
    async with scheduler.turn(0):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), scheduler.background_turn():
                pytest.fail("it got a turn")
    async with scheduler.background_turn() as work:
        assert await work(lambda: 1) == 1
    assert await run(scheduler, 0, lambda: 2) == 2
    scheduler.close()
