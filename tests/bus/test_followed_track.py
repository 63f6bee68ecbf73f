"""A track of another service gives its readers what the service's own readers get."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from surtitle.bus.followed_track import FollowedTrack
from surtitle.bus.track_event import TrackEvent, unpack_event
from surtitle.captions.caption import Caption
from surtitle.core.words import Word


def event(number: int, key: str, **more: Any) -> TrackEvent:
    name = more.pop("name", key.partition(":")[0])
    data = more.pop("data", json.dumps({"id": key, "number": number}))
    before = more.pop("previous", number - 1)
    return TrackEvent(
        number, before, key, name, data, more.pop("epoch", "e1"), "host", more.pop("at", time.time()), **more
    )


def caption(key: str, text: str) -> Caption:
    return Caption(key, 1, "Host", "en", (Word(text, 1.0, 2.0),), final=True)


class Stored:
    """A database with some captions by their sequence numbers."""

    def __init__(self, captions: dict[int, Caption], cleared: int = 0) -> None:
        self._captions = captions
        self._cleared = cleared

    async def captions(self, after: int = 0) -> tuple[int, list[tuple[int, Caption]]]:
        return self._cleared, [(number, one) for number, one in self._captions.items() if number > after]


def keys(track: FollowedTrack) -> list[str]:
    return [one.key for one in track.on_screen()]


def test_an_event_survives_the_bus() -> None:
    sent = event(7, "caption:c1", open=True, at=12.5)
    packed = {str(key).encode(): str(value).encode() for key, value in sent.pack().items()}
    assert unpack_event(7, packed) == sent
    with pytest.raises(ValueError, match="no field"):
        unpack_event(7, {})


async def test_readers_get_numbers_and_data_as_they_were_published() -> None:
    track = FollowedTrack()
    track.begin([], [event(5, "caption:c1", open=True), event(6, "caption:c1")])
    assert track.feed.resume_id(track.feed.last) == "e1-6"
    (found,) = await track.since(5)
    assert (found.number, found.id, found.name) == (6, "e1-6", "caption")
    assert json.loads(found.data) == {"id": "caption:c1", "number": 6}
    assert await track.since(6) == []


def test_old_captions_are_not_on_screen_when_following_begins() -> None:
    track = FollowedTrack()
    old = time.time() - 60
    track.begin([], [event(1, "caption:c1", at=old), event(2, "caption:c2", open=True, at=old), event(3, "caption:c3")])
    assert keys(track) == ["caption:c2", "caption:c3"]


def test_a_withdrawn_caption_leaves_the_screen_and_a_clearing_empties_it() -> None:
    track = FollowedTrack()
    track.begin([], [event(1, "caption:c1", open=True), event(2, "caption:c2", open=True)])
    track.take(event(3, "caption:c1", withdrawn=True))
    assert keys(track) == ["caption:c2"]
    track.take(event(4, "clear"))
    assert keys(track) == []


def test_a_new_reader_gets_styles_and_the_pause_first() -> None:
    track = FollowedTrack()
    track.begin([event(1, "style:game"), event(2, "pause")], [event(9, "caption:c1")])
    assert [one.name for one in track.on_screen()] == ["style", "pause", "caption"]


def test_another_epoch_ends_the_feed() -> None:
    track = FollowedTrack()
    track.begin([event(3, "style:game")], [event(4, "caption:c1")])
    feed = track.feed
    track.take(event(5, "caption:c9", epoch="e2", previous=0))
    assert feed.closed
    assert not track.feed.closed
    assert track.feed.resume_id(5) == "e2-5"
    assert track.feed.parse_resume_id("e1-4") is None
    assert keys(track) == ["caption:c9"]


async def test_what_the_bus_no_longer_has_is_loaded() -> None:
    stored = {3: caption("c3", "three"), 4: caption("c4", "four"), 9: caption("c9", "nine")}
    track = FollowedTrack(Stored(stored))
    track.begin([], [event(2, "caption:c2")])
    track.take(event(9, "caption:c9", previous=6))  # a service published up to 6 without this one
    assert [one.number for one in await track.since(2)] == [3, 4, 9]
    assert [one.number for one in await track.since(6)] == [9]


async def test_a_missed_clearing_reaches_readers() -> None:
    track = FollowedTrack(Stored({7: caption("c7", "seven")}, cleared=5))
    track.begin([], [event(2, "caption:c2")])
    track.take(event(8, "caption:c8", previous=7))
    assert [(one.number, one.name) for one in await track.since(2)] == [(5, "clear"), (7, "caption"), (8, "caption")]


async def test_a_transcript_continues_without_a_gap() -> None:
    track = FollowedTrack(Stored({2: caption("c2", "two"), 5: caption("c5", "five")}))
    events = [event(2, "caption:c2"), event(3, "caption:c3", open=True), event(4, "caption:c4"), event(5, "caption:c5")]
    track.begin([], events)
    history = await track.history()
    assert [one["text"] for one in history["captions"]] == ["two", "five"]
    assert history["resume"] == "e1-2"  # c3 is open, and c4 is not stored yet
    assert await track.transcript("txt") == "two\nfive\n"
