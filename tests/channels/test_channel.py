from __future__ import annotations

import json
from typing import Any

import pytest

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel, check_name
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.style import Style
from surtitle.core.errors import NoSuchChannel
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Limits
from surtitle.core.wire.sources import SourceEvent, SourceState
from surtitle.core.words import Word


def caption(key: str, rev: int, text: str, *, final: bool = False) -> Caption:
    return Caption(key, rev, "Host", "en", tuple(Word(part, 0, 1) for part in text.split()), final=final)


@pytest.mark.parametrize("name", ["main", "Stream_2", "a.b-c", "Küche", "日本語", "x" * 64])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "x" * 65, "a\n", "<b>", "-a", "a\0"])
def test_no_names(name: str) -> None:
    with pytest.raises(NoSuchChannel, match="letters"):
        check_name(name)


def test_ids_are_its_own() -> None:
    channel = Channel("main", Limits())
    assert len({channel.session.new_caption_id() for _ in range(100)}) == 100


def test_only_open_and_recent_captions_are_on_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("surtitle.channels.track.time.monotonic", lambda: now)
    channel = Channel("main", Limits())
    channel.original.put(caption("c1", 1, "old", final=True))
    channel.original.put(caption("c2", 1, "open"))
    now = 110.0
    channel.original.put(caption("c3", 1, "new", final=True))
    assert [json.loads(event.data)["id"] for event in channel.original.on_screen()] == ["c2", "c3"]


def test_a_caption_without_text_is_not_kept_but_is_told() -> None:
    channel = Channel("main", Limits())
    channel.original.put(caption("c1", 1, "uh"))
    channel.original.put(caption("c1", 2, ""))
    assert channel.original.captions == []
    assert json.loads(channel.original.feed.since(0)[-1].data)["text"] == ""


async def test_events_carry_the_caption_without_given_names_beside_its_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.channels.track._MAX_EVENTS", 1)
    channel = Channel("main", Limits())
    channel.settings = ChannelSettings(names={"Host": "Ada"})
    first, second = caption("c1", 1, "one", final=True), caption("c2", 1, "two")
    channel.original.put(first)
    channel.original.put(second)
    events = await channel.original.since(0)  # the first one is made again from the archive
    assert [event.caption for event in events] == [first, second]
    assert [json.loads(event.data)["speaker"] for event in events] == ["Ada", "Ada"]
    channel.clear()
    assert channel.original.feed.since(0)[-1].caption is None


def test_everything_that_readers_get_counts_as_a_change_of_the_channel_and_of_the_service() -> None:
    service = Notifier()
    channel = Channel("main", Limits(), changes=service)
    channel.original.put(caption("c1", 1, "one"))
    channel.translation("fr").put(caption("c1", 1, "un"))
    channel.tell(SourceEvent(source="Host", state=SourceState.LIVE, engine="none", language="en", speaking=False))
    assert channel.changes.count == service.count == 4  # the status is published to both tracks


def test_it_is_known_when_a_caption_leaves_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("surtitle.channels.track.time.monotonic", lambda: now)
    track = Channel("main", Limits()).original
    track.put(caption("c1", 1, "open"))
    assert track.hides_at() == float("inf")
    track.put(caption("c1", 2, "closed", final=True))
    now = track.hides_at() - 0.001
    assert len(track.visible()) == 1
    now = track.hides_at()
    assert now == pytest.approx(104.0)
    assert (track.visible(), track.hides_at()) == ([], float("inf"))


def test_the_oldest_captions_go_first() -> None:
    channel = Channel("main", Limits(captions=3))
    for number in range(5):
        channel.original.put(caption(f"c{number}", 1, "x", final=True))
    assert [kept.id for kept in channel.original.captions] == ["c2", "c3", "c4"]


async def seen(channel: Channel, sequence: int) -> list[Any]:
    """What a reader that has seen everything up to ``sequence`` is told: texts, and the names of other events."""
    return [json.loads(event.data).get("text", event.name) for event in await channel.original.since(sequence)]


async def test_a_reader_that_was_away_for_long_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that the feed has no room for are made again from the captions."""
    monkeypatch.setattr("surtitle.channels.track._MAX_EVENTS", 4)
    channel = Channel("main", Limits())
    places = []
    for number in range(20):
        places.append(channel.original.feed.last)
        channel.original.put(caption(f"c{number}", 1, "guess"))
        channel.original.put(caption(f"c{number}", 2, f"said {number}", final=True))
    assert channel.original.feed.dropped_until > 0
    for number, sequence in enumerate(places):
        assert await seen(channel, sequence) == [f"said {later}" for later in range(number, 20)]
    numbers = [event.number for event in await channel.original.since(0)]
    assert numbers == sorted(set(numbers))


async def test_a_reader_that_was_away_for_long_is_told_of_a_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.channels.track._MAX_EVENTS", 2)
    channel = Channel("main", Limits())
    channel.original.put(caption("c1", 1, "before", final=True))
    sequence = channel.original.feed.last
    channel.clear()
    for number in range(5):
        channel.original.put(caption(f"c{number + 2}", 1, f"after {number}", final=True))
    assert await seen(channel, sequence) == ["clear", *(f"after {number}" for number in range(5))]
    assert await seen(channel, channel.original.feed.last - 1) == ["after 4"]


def test_what_is_corrected_later_is_not_on_screen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("surtitle.channels.track.time.monotonic", lambda: now)
    channel = Channel("main", Limits())
    channel.original.put(caption("c1", 1, "old", final=True))
    now = 110.0
    channel.correct("c1", "corrected", None)
    assert channel.original.on_screen() == []
    assert [kept.text for kept in channel.original.captions] == ["corrected"]
    assert channel.original.count == 1


def test_all_tracks_are_cleared_and_styled() -> None:
    channel = Channel("main", Limits())
    french = channel.translation("fr")
    channel.original.put(caption("c1", 1, "hello", final=True))
    french.put(caption("c1", 1, "bonjour", final=True))
    assert [kept.text for kept in channel.original.captions] == ["hello"]
    channel.set_style("default", Style(size=50))
    assert [event.name for event in french.feed.since(0)] == ["caption", "style"]
    channel.clear()
    assert [track.captions for track in channel.tracks] == [[], []]
    assert french.feed.since(0)[-1].name == "clear"


def said(key: str, *words: tuple[str, str | None], speaker: str | None = None) -> Caption:
    """A final caption of words and who says them."""
    spoken = tuple(Word(text, n, n + 0.5, speaker=who) for n, (text, who) in enumerate(words))
    return Caption(key, 3, "tab", "en", spoken, final=True, speaker=speaker)


def test_a_speaker_who_becomes_known_later_is_told_without_touching_the_text() -> None:
    channel = Channel("main", Limits())
    channel.original.put(said("c1", ("hello", None)))
    channel.original.put(said("c2", ("hello", None)))
    channel.correct("c2", "Hallo", None)
    late = [said(key, ("hello", "Speaker 1"), speaker="Speaker 1") for key in ("c1", "c2", "c3")]
    first, second, third = (channel.set_speaker(caption) for caption in late)
    assert first is not None
    assert (first.rev, first.text, first.speaker) == (4, "hello", "Speaker 1")
    assert second is not None
    assert (second.text, second.speaker) == ("Hallo", "Speaker 1")
    assert third is None  # it was cleared meanwhile
    assert len(channel.original.captions) == 2


def test_a_speaker_who_was_corrected_is_not_overwritten() -> None:
    channel = Channel("main", Limits())
    channel.original.put(said("c1", ("hello", None)))
    channel.correct("c1", None, "Ada")
    assert channel.set_speaker(said("c1", ("hello", "Speaker 1"), speaker="Speaker 1")) is None
    assert channel.original.captions[0].speaker == "Ada"


def test_names_hold_for_captions_and_words_and_those_who_speak_at_once() -> None:
    channel = Channel("main", Limits())
    channel.original.put(said("c1", ("hello", "Speaker 1"), ("you", "Speaker 1, Speaker 2"), speaker="Speaker 1"))
    channel.original.put(said("c2", ("yes", "Speaker 1, Speaker 2"), speaker="Speaker 1, Speaker 2"))
    channel.original.put(said("c3", ("so", None)))
    channel.settings = ChannelSettings(names={"Speaker 1": "Ada", "tab": "Guests"})
    assert [caption.speaker for caption in channel.original.captions] == ["Ada", "Ada, Speaker 2", "Guests"]
    assert [word.speaker for word in channel.original.captions[0].words] == ["Ada", "Ada, Speaker 2"]
    channel.settings = ChannelSettings(names={"Speaker 1": "Ada", "Speaker 1, Speaker 2": "All"})
    assert [caption.speaker for caption in channel.original.captions] == ["Ada", "All", None]


def test_a_corrected_speaker_applies_to_the_whole_caption() -> None:
    channel = Channel("main", Limits())
    channel.original.put(said("c1", ("hello", "Speaker 1"), ("you", "Speaker 2"), speaker="Speaker 1"))
    channel.correct("c1", "hello there you", None)
    assert [word.speaker for word in channel.original.captions[0].words] == ["Speaker 1", "Speaker 1", "Speaker 2"]
    channel.correct("c1", None, "Ada")
    assert [word.speaker for word in channel.original.captions[0].words] == [None, None, None]
