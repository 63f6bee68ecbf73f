from __future__ import annotations

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from surtitle.channels.feed import Feed


def test_a_reader_that_was_away_finds_only_the_newest_of_each() -> None:
    feed = Feed(10)
    feed.publish("a", "caption", {"rev": 1})
    sequence = feed.last
    feed.publish("b", "caption", {"rev": 1})
    feed.publish("a", "caption", {"rev": 2})
    feed.publish("b", "caption", {"rev": 2})
    assert [json.loads(event.data)["rev"] for event in feed.since(sequence)] == [2, 2]


@given(st.lists(st.sampled_from("abcdef"), max_size=60), st.integers(1, 4))
def test_a_reader_sees_the_last_state_from_wherever_it_starts(keys: list[str], limit: int) -> None:
    feed = Feed(limit)
    for number, key in enumerate(keys):
        feed.publish(key, "caption", number)
    last = {key: number for number, key in enumerate(keys)}
    newest = sorted(last.values())[-limit:]
    for sequence in range(len(keys) + 1):
        expected = [number for number in newest if number >= sequence]
        assert [json.loads(event.data) for event in feed.since(sequence)] == expected
        if sequence >= feed.dropped_until:
            assert expected == [number for number in sorted(last.values()) if number >= sequence]


def test_resume_ids_of_other_feeds_are_ignored() -> None:
    feed, other = Feed(5), Feed(5)
    feed.publish("a", "caption", {})
    assert feed.parse_resume_id(feed.resume_id(1)) == 1
    for wrong in (other.resume_id(1), "", "1", "-", f"{feed.resume_id(1)}x", "x" * 500, feed.resume_id(1) + "٣"):
        assert feed.parse_resume_id(wrong) is None


async def test_waiting_readers_wake_and_time_out() -> None:
    feed = Feed(5)
    waiting = [asyncio.create_task(feed.wait(0, 5)) for _ in range(3)]
    await asyncio.sleep(0)
    feed.publish("a", "caption", {})
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert not await feed.wait(feed.last, 0.01)
