"""Waking tasks, from the event loop and from threads."""

from __future__ import annotations

import asyncio

from surtitle.core.notifier import Notifier, from_thread


async def test_everybody_who_waits_is_woken() -> None:
    notifier = Notifier()
    waiting = [asyncio.create_task(notifier.wait(0, 20)) for _ in range(3)]
    await asyncio.sleep(0)
    notifier.notify()
    assert await asyncio.gather(*waiting) == [True, True, True]


async def test_a_change_before_the_wait_is_not_missed() -> None:
    notifier = Notifier()
    seen = notifier.count
    notifier.notify()
    assert await notifier.wait(seen, 20)
    assert not await notifier.wait(notifier.count, 0.01)
    assert not await notifier.wait(notifier.count, -1.0)  # the deadline is over


async def test_a_parent_is_notified_of_the_changes_of_its_children() -> None:
    parent = Notifier()
    child, other = Notifier(parent), Notifier(parent)
    child.notify()
    assert (parent.count, child.count, other.count) == (1, 1, 0)
    other.notify()
    assert (parent.count, child.count, other.count) == (2, 1, 1)


async def test_threads_notify_through_the_event_loop() -> None:
    notifier = Notifier()
    notify = from_thread(notifier.notify)
    waiting = asyncio.create_task(notifier.wait(0, 20))
    await asyncio.to_thread(notify)
    assert await waiting


def test_a_thread_that_comes_after_the_end_of_the_event_loop_is_ignored() -> None:
    notifier = Notifier()

    async def make() -> object:
        return from_thread(notifier.notify)

    notify = asyncio.run(make())
    assert callable(notify)
    notify()
    assert notifier.count == 0
