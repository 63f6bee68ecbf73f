"""One task at a time for each key."""

from __future__ import annotations

import asyncio

import pytest

from surtitle.core.keyed_lock import KeyedLock


async def test_tasks_with_the_same_key_take_turns_and_others_do_not_wait() -> None:
    locks, log = KeyedLock(), list[str]()
    go = asyncio.Event()

    async def work(key: str, name: str, event: asyncio.Event | None = None) -> None:
        async with locks.hold(key):
            log.append(f"{name} begins")
            if event:
                await event.wait()
            log.append(f"{name} ends")

    tasks = [asyncio.create_task(work("a", "first", go)), asyncio.create_task(work("a", "second"))]
    await asyncio.wait_for(work("b", "other"), 20)
    assert log == ["first begins", "other begins", "other ends"]
    go.set()
    await asyncio.gather(*tasks)
    assert log[3:] == ["first ends", "second begins", "second ends"]


async def test_a_key_is_free_again_after_an_error_and_a_cancelled_wait() -> None:
    locks = KeyedLock()
    with pytest.raises(ValueError, match="broken"):
        async with locks.hold("a"):
            raise ValueError("broken")
    async with locks.hold("a"):
        waiting = asyncio.create_task(locks.hold("a").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        assert await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(20), locks.hold("a"):
        assert locks._locks.keys() == {"a"}
    assert not locks._locks
