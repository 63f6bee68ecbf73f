"""Which client has a source, and how long the source waits for one that is away."""

from __future__ import annotations

import asyncio

import pytest

from surtitle.channels.lease import Lease
from surtitle.core.errors import Replaced, ShuttingDown
from surtitle.core.settings import Limits
from tests.support import until

LIMITS = Limits(detached_flush=0.02, resume_window=0.1)
LONG = Limits(detached_flush=60.0, resume_window=120.0)


class Calls:
    """What a lease has called, in order."""

    def __init__(self, limits: Limits) -> None:
        self.made: list[str] = []
        self.lease = Lease(limits, self.change, self.silence, self.expire)

    def change(self) -> None:
        self.made.append("attached" if self.lease.attached else "away")

    def silence(self) -> None:
        self.made.append("silence")

    async def expire(self) -> None:
        self.made.append("expired")
        await self.lease.cancel()  # as a source does that cannot end in time


async def test_a_client_that_does_not_return_loses_the_lease() -> None:
    calls = Calls(LIMITS)
    calls.lease.detach(calls.lease.attach())
    await until(lambda: calls.made == ["attached", "away", "silence", "expired"])


async def test_a_client_that_returns_stops_the_wait() -> None:
    calls = Calls(LONG)
    calls.lease.detach(calls.lease.attach())
    owner = calls.lease.attach()
    assert calls.made == ["attached", "away", "attached"]
    assert calls.lease.is_held_by(owner)
    await asyncio.sleep(0)  # the wait is cancelled
    assert len(asyncio.all_tasks()) == 1


async def test_the_second_client_replaces_the_first_whose_end_then_means_nothing() -> None:
    calls = Calls(LONG)
    first, second = calls.lease.attach(), calls.lease.attach()
    assert isinstance(first.exception(), Replaced)
    calls.lease.detach(first)
    assert calls.lease.attached
    calls.lease.disconnect(ShuttingDown("The service is stopping."))
    with pytest.raises(ShuttingDown):
        await second


async def test_nobody_is_waited_for_after_the_source_has_ended() -> None:
    calls = Calls(LONG)
    owner = calls.lease.attach()
    calls.lease.close()
    calls.lease.detach(owner)
    assert calls.made == ["attached"]
    away = Calls(LONG)
    away.lease.detach(away.lease.attach())
    away.lease.close()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
