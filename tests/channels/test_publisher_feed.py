"""What the publisher of a source is sent about its lag."""

from __future__ import annotations

import asyncio
import json

import pytest

from surtitle.channels.publisher_feed import PublisherFeed


async def test_a_lag_is_sent_when_it_matters_and_when_it_is_over_at_most_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    feed = PublisherFeed()

    def sent(lag: float, *, force: bool = False) -> bool:
        before = feed.last
        feed.publish_lag(lag, 0.0, force=force)
        return feed.last > before

    assert not sent(0.9)
    assert sent(1.2)
    now += 0.5
    assert not sent(2.0)
    assert sent(2.0, force=True)
    now += 1.5
    assert sent(0.2)  # it is over
    now += 1.5
    assert not sent(0.2)
    event = feed.get("lag")
    assert event is not None
    assert json.loads(event.data) == {"type": "lag", "seconds": 0.2, "skipped": 0.0}
