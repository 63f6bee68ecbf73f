"""A restarted service continues from its previous state."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from surtitle.channels.session import StoredSettings
from surtitle.core.errors import ShuttingDown
from surtitle.core.settings import Limits
from surtitle.store.journal import Store
from surtitle.store.transcripts import Transcripts
from tests.store.postgresql import PostgreSQL
from tests.support import Running, missing, put, running, silence, speech, until


def loaded(folder: Path) -> dict[str, StoredSettings]:
    store = Store(folder)
    found = store.settings()
    store.close()
    return found


async def read(service: Running, query: str = "", channel: str = "talk", count: int = 1) -> list[dict[str, Any]]:
    """The first events that a reader gets."""
    async with service.reader(channel, query) as socket, asyncio.timeout(10):
        return [json.loads(await socket.recv()) for _ in range(count)]


async def kept(service: Running) -> None:
    await service.services.journal_writer.flush()


async def test_a_channel_survives_a_restart(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        words = {"replacements": {"sir title": "Surtitle"}}
        told = {"language": "de", "vocabulary": words, "names": {"Host": "Ada"}, "paused": True}
        assert (await client.patch("/api/channels/talk/settings", json=told)).status_code == 200
        assert (await client.put("/api/channels/talk/styles/game", json={"theme": "neon"})).status_code == 200
        before = (await client.get("/api/channels/talk/settings")).json()
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/api/channels/talk/settings")).json() == {**before, "paused": False}
        assert (await client.get("/api/channels/talk/styles")).json() == {"game": {"theme": "neon"}}


async def test_a_lower_limit_of_channels_keeps_the_stored_ones_and_warns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("first", "second", "third")
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        for name in names:
            await client.patch(f"/api/channels/{name}/settings", json={"language": "de"})
        service.services.hub.channel("talk").begin()
        put(service, "talk", "c1", 1, "hello all", final=True)
    async with (
        running(Limits(channels=2), data_dir=tmp_path) as service,
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        for name in names:
            assert (await client.get(f"/api/channels/{name}/settings")).json()["language"] == "de"
        assert (await client.get("/api/channels/talk/transcript.txt")).text == "hello all\n"
        (warning,) = [one for one in caplog.messages if "--limit channels=" in one]
        assert "4 channels" in warning
        refused = await client.patch("/api/channels/fourth/settings", json={"language": "de"})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many")


async def test_captions_are_there_and_readers_go_on_without_gap_or_double(tmp_path: Path, url: str | None) -> None:
    async with running(data_dir=tmp_path, database=url) as service:
        service.services.hub.channel("talk").begin()
        put(service, "talk", "c1", 1, "hello all", final=True)
        (seen,) = await read(service)
        put(service, "talk", "c2", 1, "how are you", start=4.0, final=True)
        put(service, "talk", "c3", 1, "I am", "fine", start=8.0)
        await kept(service)
        before = (await service.services.hub.channel("talk").original.history())["captions"]
    async with running(data_dir=tmp_path, database=url) as service, httpx.AsyncClient(base_url=service.url) as client:
        history = (await client.get("/api/channels/talk/transcript.json")).json()
        assert history["captions"][:2] == before
        assert history["captions"][2]["text"] == "I am"  # what was committed of it
        events = await read(service, f"?last={seen['id']}", count=2)
        assert [event["data"]["text"] for event in events] == ["how are you", "I am"]
        assert [event["data"]["final"] for event in events] == [True, True]
        put(service, "talk", "c4", 1, "news", start=12.0, final=True)
        (event,) = await read(service, f"?last={history['resume']}")
        assert event["data"]["text"] == "news"
        assert (await read(service, f"?last={events[-1]['id']}", count=51))[-1]["data"]["text"] == "news"


async def test_what_was_on_screens_but_not_written_down_is_taken_back(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service:
        channel = service.services.hub.channel("talk")
        channel.begin()
        early, first, late = (
            channel.session.new_caption_id(),
            channel.session.new_caption_id(),
            channel.session.new_caption_id(),
        )
        put(service, "talk", early, 7, "", "perhaps")  # of another source
        put(service, "talk", first, 1, "hello", final=True)
        put(service, "talk", late, 7, "", "perhaps")
        seen = (await read(service, count=3))[-1]
        assert seen["data"]["id"] == late
    async with running(data_dir=tmp_path):
        pass  # too short for the reader
    async with running(data_dir=tmp_path) as service:
        events = await read(service, f"?last={seen['id']}", count=100)
        taken = {event["data"]["id"]: event["data"] for event in events}
        for name in (early, late):
            assert (taken[name]["text"], taken[name]["tentative"]) == ("", "")
            assert taken[name]["rev"] > 7
        assert first not in [event["data"]["id"] for event in events]
        assert service.services.hub.channel("talk").session.new_caption_id() not in [
            event["data"]["id"] for event in events
        ]


async def test_captions_of_a_run_that_was_killed_before_it_stored_any_are_withdrawn(tmp_path: Path) -> None:
    stored, killed = tmp_path / "stored", tmp_path / "killed"
    async with running(data_dir=stored) as service:
        service.services.hub.channel("talk").begin()
        put(service, "talk", service.services.hub.channel("talk").session.new_caption_id(), 1, "hello", final=True)
        (seen,) = await read(service)
    async with running(data_dir=stored) as service:
        shutil.copytree(stored, killed)  # as if the service were killed before it writes again
        put(service, "talk", service.services.hub.channel("talk").session.new_caption_id(), 1, "lost")
        lost = (await read(service, f"?last={seen['id']}", count=51))[-1]
        assert lost["data"]["text"] == "lost"
    async with running(data_dir=killed) as service:
        events = await read(service, f"?last={lost['id']}", count=100)
        (withdrawn,) = [event["data"] for event in events if event["data"]["id"] == lost["data"]["id"]]
        assert (withdrawn["text"], withdrawn["tentative"]) == ("", "")


async def test_a_client_that_returns_while_the_service_stops_keeps_its_clock(tmp_path: Path) -> None:
    opened: dict[str, Any] = {"channel_name": "talk", "name": "Host", "resume": "resume-of-host"}
    async with running(data_dir=tmp_path) as service:
        hub = service.services.hub
        clock = (await hub.open(**opened)).source.clock
        await asyncio.sleep(0)  # the source's task begins
        hub.disconnect()
        await hub.finish(1.0)
        with pytest.raises(ShuttingDown):
            await hub.open(**opened)
    async with running(data_dir=tmp_path) as service:
        source = await service.services.hub.open(**opened)
        assert (source.resumed, source.source.clock) == (True, clock)


async def test_a_cleared_channel_stays_clear_and_its_words_are_another_session(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        service.services.hub.channel("talk").begin()
        put(service, "talk", "c1", 1, "before", final=True)
        (seen,) = await read(service)
        await kept(service)
        await client.post("/api/channels/talk/clear")
        put(service, "talk", "c2", 1, "after", start=5.0, final=True)
        channel = service.services.hub.channel("talk")
        assert channel.session.clock() < 60  # it continues
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/api/channels/talk/transcript.txt")).text == "after\n"
        events = await read(service, f"?last={seen['id']}", count=2)
        assert [event["event"] for event in events] == ["clear", "caption"]
    store = Store(tmp_path)
    assert sorted(one.beginning for one in Transcripts(store.database).sessions()) == ["after", "before"]
    store.close()


async def test_a_source_continues_after_its_channel_was_cleared_and_the_service_restarted(tmp_path: Path) -> None:
    opened: dict[str, Any] = {"channel_name": "talk", "name": "Host", "resume": "resume-of-host"}
    async with running(data_dir=tmp_path) as service:
        hub = service.services.hub
        source = (await hub.open(**opened)).source
        await source.put(silence(3.0))
        await until(lambda: source.recognized >= 3.0)
        hub.clear(source.channel)
        hub.disconnect()
    async with running(data_dir=tmp_path) as service:
        again = await service.services.hub.open(**opened)
        assert (again.resumed, again.source.clock) == (True, source.clock)
        assert again.source.input.received == pytest.approx(3.0)  # what was cleared is not sent again


async def test_a_channel_that_rested_begins_another_session(tmp_path: Path) -> None:
    async with running(Limits(session_rest=0.2), data_dir=tmp_path) as service:
        channel = service.services.hub.channel("talk")
        channel.begin()
        put(service, "talk", "c1", 1, "yesterday", final=True)
        assert channel.begin() > 0.0
        first = channel.session.current
        await asyncio.sleep(0.3)
    async with running(Limits(session_rest=0.2), data_dir=tmp_path) as service:
        channel = service.services.hub.channel("talk")
        assert channel.session.current.id == first.id
        assert [one.text for one in channel.original.captions] == ["yesterday"]
        await asyncio.sleep(0.3)
        assert channel.begin(alone=False) > 0.0  # somebody has been silent for long, but is there
        assert channel.begin() == 0.0
        assert channel.original.captions == []
        assert channel.session.current.id != first.id


async def test_a_source_goes_on_with_the_same_clock(tmp_path: Path) -> None:
    """Its client tells again what no caption has."""
    samples = speech("The train was late because of the heavy snow.")
    start = {"op": "start", "rate": RATE, "source": "tab", "resume": "a-client-s-own-id"}

    async def begin(socket: Any) -> dict[str, Any]:
        await socket.send(json.dumps(start))
        async with asyncio.timeout(30):
            return dict(json.loads(await socket.recv()))

    async with running(data_dir=tmp_path) as service, service.publisher("talk") as socket:
        first = await begin(socket)
        await socket.send(to_pcm(samples))
        channel = service.services.hub.channel("talk")
        await until(lambda: channel.original.captions and channel.original.captions[-1].final, timeout=60)
        last = channel.original.captions[-1].end
        clock = channel.session.clock()
    async with running(data_dir=tmp_path) as service:
        channel = service.services.hub.channel("talk")
        async with service.publisher("talk") as socket:
            again = await begin(socket)
            assert again["resumed"]
            assert again["source"] == "tab"
            assert again["clock"] == first["clock"]
            assert again["received"] == pytest.approx(last - first["clock"], abs=0.002)
            assert clock < channel.session.clock() < clock + 60
            await socket.send(to_pcm(samples))
            await until(lambda: len(channel.original.captions) > 1 and channel.original.captions[-1].final, timeout=60)
        first_words, next_words = (one.words for one in channel.original.captions[:2])
        assert next_words[0].start > first_words[-1].end
        async with service.publisher("other") as socket:
            assert not (await begin(socket))["resumed"]


async def test_a_source_that_began_before_another_with_its_id_had_ended_goes_on(tmp_path: Path) -> None:
    start = {"op": "start", "rate": RATE, "source": "tab", "resume": "a-client-s-own-id"}
    samples = to_pcm(speech("The train was late because of the heavy snow."))
    async with running(data_dir=tmp_path) as service, service.publisher("talk") as ending, asyncio.timeout(60):
        await ending.send(json.dumps(start))
        await ending.send(samples)
        await ending.send(json.dumps({"op": "end"}))
        await until(lambda: any(one.input.ending for one in service.services.hub.sources))
        (first,) = service.services.hub.sources
        async with service.publisher("talk") as socket:
            await socket.send(json.dumps(start))
            assert not json.loads(await socket.recv())["resumed"]
            assert not first.ended
            await until(lambda: first.ended)
            await kept(service)
    async with running(data_dir=tmp_path) as service, service.publisher("talk") as socket, asyncio.timeout(30):
        await socket.send(json.dumps(start))
        assert json.loads(await socket.recv())["resumed"]


async def test_a_clock_that_was_set_back_puts_nothing_before_what_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(data_dir=tmp_path) as service:
        service.services.hub.channel("talk").begin()
        put(service, "talk", "c1", 1, "an hour later", start=3600.0, final=True)
    an_hour_ago = time.time() - 3600
    monkeypatch.setattr("surtitle.channels.running_session.time.time", lambda: an_hour_ago)
    async with running(data_dir=tmp_path) as service:
        assert service.services.hub.channel("talk").begin() >= 3601.0


async def test_settings_are_on_disk_within_a_moment(tmp_path: Path) -> None:
    """Whatever happens to the service then."""
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        await client.patch("/api/channels/talk/settings", json={"language": "de"})
        await until(lambda: "talk" in loaded(tmp_path))


async def test_a_file_that_is_held_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.store.database._BUSY_TIMEOUT", 0.1)
    monkeypatch.setattr("surtitle.store.journal_writer._RETRY_DELAY", 0.1)
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        journal_writer = service.services.journal_writer
        service.services.hub.channel("talk").begin()
        await kept(service)
        with sqlite3.connect(tmp_path / "surtitle.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            await client.patch("/api/channels/talk/settings", json={"language": "de"})
            put(service, "talk", "c1", 1, "meanwhile", final=True)
            await until(lambda: "database is locked" in journal_writer.problem)
            other.execute("ROLLBACK")
        other.close()
        await until(lambda: not journal_writer.problem)
        assert "talk" in loaded(tmp_path)
    store = Store(tmp_path)
    assert [one.beginning for one in Transcripts(store.database).sessions()] == ["meanwhile"]
    store.close()


async def test_a_server_that_stops_is_told_and_gets_everything_later(
    tmp_path: Path, server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.store.journal_writer._RETRY_DELAY", 0.1)
    url = server.database()
    async with running(data_dir=tmp_path, database=url) as service:
        journal_writer = service.services.journal_writer
        service.services.hub.channel("talk").begin()
        put(service, "talk", "c1", 1, "before", final=True)
        await kept(service)
        server.stop()
        put(service, "talk", "c2", 1, "meanwhile", start=5.0, final=True)
        await until(lambda: bool(journal_writer.problem))
        assert "captions continue" in journal_writer.problem
        server.start()
        await until(lambda: not journal_writer.problem)
    store = Store(tmp_path, url)
    assert [one.beginning for one in Transcripts(store.database).sessions()] == ["before meanwhile"]
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if sys.platform != "linux" or os.getuid() != 0:
        missing("only root on Linux can make a small disk: run this test as root, or leave it to CI")
    sequence = tmp_path / "disk"
    sequence.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(sequence)], check=True, timeout=30)
    try:
        yield sequence
    finally:
        subprocess.run(["umount", "-l", str(sequence)], check=True, timeout=30)


async def test_a_full_disk_is_told_and_captions_go_on(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.store.journal_writer._RETRY_DELAY", 0.1)
    async with running(data_dir=small_disk) as service:
        journal_writer = service.services.journal_writer
        service.services.hub.channel("talk").begin()
        put(service, "talk", "c1", 1, "before", final=True)
        await kept(service)
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        for number in range(200):
            put(service, "talk", f"m{number}", 1, "meanwhile " * 40, start=5.0 + number, final=True)
        (event,) = await read(service)
        assert event["data"]["text"]
        await until(lambda: "full" in journal_writer.problem)
        ballast.unlink()
        await until(lambda: not journal_writer.problem)
    store = Store(small_disk)
    (session,) = Transcripts(store.database).sessions()
    assert session.captions == 201
    store.close()
