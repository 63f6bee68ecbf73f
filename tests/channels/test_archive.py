"""Captions that are written down leave memory, and are there all the same."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.settings import ChannelSettings
from surtitle.channels.track import Track
from surtitle.core.errors import NoSuchCaption
from surtitle.core.settings import Limits
from surtitle.core.words import Word
from surtitle.store.journal import Batch, Store
from surtitle.store.journal_writer import JournalWriter

AT_HAND = 3


def caption(number: int, text: str, *, rev: int = 1, final: bool = True) -> Caption:
    """It takes two seconds; its words half a second each."""
    words = tuple(
        Word(word, 2.0 * number + at / 2, 2.0 * number + at / 2 + 0.4) for at, word in enumerate(text.split())
    )
    return Caption(f"c{number}", rev, "Host", "en", words, (), final)


def in_memory(track: Track) -> list[str]:
    return [one.id for one in track.captions]


async def texts(track: Track) -> list[str]:
    return [str(one["text"]) for one in (await track.history())["captions"]]


async def told(track: Track, sequence: int) -> list[str]:
    """The texts that a reader gets who has seen everything up to ``sequence``."""
    return [json.loads(event.data)["text"] for event in await track.since(sequence)]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.channels.archive._MAX_STORED_IN_MEMORY", AT_HAND)
    monkeypatch.setattr("surtitle.channels.track._MAX_EVENTS", 4)


@pytest_asyncio.fixture
async def journal_writer(tmp_path: Path) -> AsyncIterator[JournalWriter]:
    journal_writer = JournalWriter(Store(tmp_path))
    yield journal_writer
    await journal_writer.close()


@pytest.fixture
def channel(journal_writer: JournalWriter) -> Channel:
    channel = Channel("main", Limits(), journal_writer)
    channel.begin()
    return channel


@pytest_asyncio.fixture
async def spoken(channel: Channel, journal_writer: JournalWriter) -> Channel:
    """Ten captions were said and translated."""
    french = channel.translation("fr")
    for number in range(10):
        channel.original.put(caption(number, f"hello {number}", final=False))
        channel.original.put(caption(number, f"hello to {number}", rev=2))
        french.put(replace(caption(number, f"bonjour {number}"), language="fr"))
    await journal_writer.flush()
    return channel


async def test_the_newest_stay_and_all_are_known(spoken: Channel) -> None:
    assert in_memory(spoken.original) == ["c7", "c8", "c9"]
    assert await texts(spoken.original) == [f"hello to {number}" for number in range(10)]
    assert await texts(spoken.translation("fr")) == [f"bonjour {number}" for number in range(10)]
    assert (await spoken.original.transcript("txt")).split() == " ".join(
        f"hello to {number}" for number in range(10)
    ).split()
    assert spoken.original.count == 10


async def test_what_is_not_written_stays(channel: Channel, journal_writer: JournalWriter) -> None:
    for number in range(5):
        channel.original.put(caption(number, "hello"))
    assert len(in_memory(channel.original)) == 5
    await journal_writer.flush()
    assert in_memory(channel.original) == ["c2", "c3", "c4"]
    for number in range(5, 9):
        channel.original.put(caption(number, "hello"))
    assert in_memory(channel.original) == [f"c{number}" for number in range(2, 9)]


@pytest.mark.slow
async def test_a_database_that_cannot_be_written_costs_memory_and_no_caption(
    channel: Channel, journal_writer: JournalWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.store.database._BUSY_TIMEOUT", 0.05)
    await journal_writer.flush()
    with sqlite3.connect(tmp_path / "surtitle.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        for number in range(8):
            channel.original.put(caption(number, f"hello {number}"))
        assert not await journal_writer.flush()
        assert len(in_memory(channel.original)) == 8
        channel.correct("c0", "", None)
        assert (await texts(channel.original))[0] == "hello 1"
        other.execute("ROLLBACK")
    other.close()
    assert await journal_writer.flush()
    assert in_memory(channel.original) == ["c5", "c6", "c7"]
    assert await texts(channel.original) == [f"hello {number}" for number in range(1, 8)]


async def test_without_a_database_the_limit_holds() -> None:
    channel = Channel("main", Limits(captions=6))
    channel.begin()
    for number in range(9):
        channel.original.put(caption(number, "hello"))
    assert in_memory(channel.original) == [f"c{number}" for number in range(3, 9)]
    await channel.recall("c0")
    with pytest.raises(NoSuchCaption):
        channel.correct("c0", "hi", None)


async def test_the_limit_holds_for_what_is_written_as_well(journal_writer: JournalWriter) -> None:
    channel = Channel("main", Limits(captions=6), journal_writer)
    channel.begin()
    for number in range(9):
        channel.original.put(caption(number, f"hello {number}"))
    await journal_writer.flush()
    assert await texts(channel.original) == [f"hello {number}" for number in range(3, 9)]


async def test_a_reader_that_was_away_for_long_misses_nothing(spoken: Channel) -> None:
    events = await spoken.original.since(0)
    assert [json.loads(event.data)["text"] for event in events] == [f"hello to {number}" for number in range(10)]
    numbers = [event.number for event in events]
    assert numbers == sorted(set(numbers))
    for at, event in enumerate(events):
        assert [later.data for later in await spoken.original.since(event.number)] == [
            later.data for later in events[at + 1 :]
        ]
        assert event.id == spoken.original.feed.resume_id(event.number)


async def test_an_old_caption_is_corrected_with_its_translation(spoken: Channel, journal_writer: JournalWriter) -> None:
    french, sequence = spoken.translation("fr"), spoken.original.feed.last
    await spoken.recall("c1")
    before = spoken.correct("c1", "good evening", None)
    assert (before.text, before.rev) == ("hello to 1", 2)
    shown = french.unnamed_caption("c1")
    assert shown is not None
    french.put(replace(shown, rev=9, words=caption(1, "bonsoir").words))
    for _ in range(2):
        assert await told(spoken.original, sequence) == ["good evening"]
        assert (await texts(spoken.original))[:3] == ["hello to 0", "good evening", "hello to 2"]
        assert (await texts(french))[:3] == ["bonjour 0", "bonsoir", "bonjour 2"]
        assert spoken.original.count == french.count == 10
        await journal_writer.flush()
    for number in range(10, 15):
        spoken.original.put(caption(number, "more"))
    await journal_writer.flush()
    assert "c1" not in in_memory(spoken.original)
    assert (await texts(spoken.original))[1] == "good evening"
    assert (await told(spoken.original, sequence))[0] == "good evening"
    await spoken.recall("c1")
    assert spoken.correct("c1", "good morning", "Ada").rev == 3
    assert (await texts(spoken.original))[1] == "good morning"


async def test_an_old_caption_that_is_corrected_is_not_on_screen_again(
    spoken: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.channels.on_screen._LINGER", 0.0)
    for track in spoken.tracks:
        track.put(caption(10, "now"))
    monkeypatch.setattr("surtitle.channels.on_screen._LINGER", 60.0)
    await spoken.recall("c1")
    for track in spoken.tracks:
        track.put(caption(1, "corrected", rev=9))
        assert [json.loads(event.data)["id"] for event in track.on_screen()] == ["c10"]


async def test_an_old_caption_that_is_taken_away_is_gone_at_once(
    spoken: Channel, journal_writer: JournalWriter
) -> None:
    sequence = spoken.original.feed.last
    await spoken.recall("c1")
    spoken.correct("c1", "", None)
    for _ in range(2):
        assert (await texts(spoken.original))[:2] == ["hello to 0", "hello to 2"]
        assert await told(spoken.original, sequence) == [""]
        assert len(await told(spoken.original, 0)) == 10
        await spoken.recall("c1")
        with pytest.raises(NoSuchCaption):
            spoken.correct("c1", "hi", None)
        await journal_writer.flush()


async def test_names_hold_for_old_captions(spoken: Channel) -> None:
    spoken.settings = ChannelSettings(names={"Host": "Ada"})
    spoken.rename()
    assert {one["speaker"] for one in (await spoken.original.history())["captions"]} == {"Ada"}


async def test_what_was_cleared_does_not_come_back(spoken: Channel, journal_writer: JournalWriter) -> None:
    spoken.clear()
    spoken.original.put(caption(20, "anew"))
    await journal_writer.flush()
    await spoken.recall("c1")
    assert in_memory(spoken.original) == ["c20"]
    assert await texts(spoken.original) == ["anew"]
    events = await spoken.original.since(0)
    assert [event.name for event in events] == ["clear", "caption"]


async def test_a_restart_brings_no_more_into_memory(
    spoken: Channel, journal_writer: JournalWriter, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    (kept,) = store.load_sessions(10, 20_000)
    again = Channel("main", Limits(), journal_writer)
    again.restore(kept)
    await journal_writer.flush()
    assert in_memory(again.original) == ["c7", "c8", "c9"]
    assert again.original.count == 10
    assert await texts(again.original) == [f"hello to {number}" for number in range(10)]
    assert [text for text in await told(again.original, 0) if text] == [f"hello to {number}" for number in range(10)]
    await again.recall("c1")
    assert again.correct("c1", "good evening", None).text == "hello to 1"
    store.close()


async def test_what_changes_while_older_captions_are_read_is_told_afterwards(
    spoken: Channel, journal_writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = journal_writer.load_captions

    async def slowly(*wanted: Any) -> Any:
        found = await read(*wanted)
        await spoken.recall("c8")
        spoken.correct("c8", "changed", None)
        for number in range(10, 20):
            spoken.original.put(caption(number, f"hello to {number}"))
        await journal_writer.flush()
        return found

    monkeypatch.setattr(journal_writer, "load_captions", slowly)
    history = await spoken.original.history()
    monkeypatch.undo()
    assert [one["text"] for one in history["captions"]] == [f"hello to {number}" for number in range(10)]
    sequence = spoken.original.feed.parse_resume_id(history["resume"])
    assert sequence is not None
    assert await told(spoken.original, sequence) == ["changed", *(f"hello to {number}" for number in range(10, 20))]


async def test_what_is_written_twice_at_once_ends_with_the_newest(
    channel: Channel, journal_writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journal_writer.flush()
    first, write = asyncio.Event(), Store.write
    loop = asyncio.get_running_loop()

    def slow(store: Store, batch: Batch) -> frozenset[str]:
        if any(one.caption.rev == 1 for one in batch.captions.values()):
            asyncio.run_coroutine_threadsafe(first.wait(), loop).result(10)
        return write(store, batch)

    monkeypatch.setattr(Store, "write", slow)
    channel.original.put(caption(1, "hello"))
    writing = [asyncio.create_task(journal_writer.flush())]
    await asyncio.sleep(0)
    channel.original.put(caption(1, "hello all", rev=2))
    writing.append(asyncio.create_task(journal_writer.flush()))
    await asyncio.sleep(0.05)
    first.set()
    assert await asyncio.gather(*writing) == [True, True]
    assert channel.session.current is not None
    found = await journal_writer.load_caption(channel.session.current, "", "c1")
    assert found is not None
    assert found[1].text == "hello all"
