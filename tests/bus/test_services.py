"""Services that share a bus and a database serve the readers of each other's channels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from surtitle.access.tokens import Scope
from surtitle.captions.caption import Caption
from surtitle.core.settings import Access
from surtitle.core.words import Word
from surtitle.recordings.retranscribe import BUILT_IN
from tests.bus.redis_server import RedisServer
from tests.outputs.fake_targets import FakeYouTube, new_port, serving
from tests.recordings.s3_server import s3_server
from tests.store.postgresql import PostgreSQL
from tests.support import Running, put, readers, running, speech, until

Start = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path, server: PostgreSQL, bus: RedisServer) -> Start:
    """Starts a service by its name, until the test ends or it is closed."""
    database = server.database()

    @asynccontextmanager
    async def service(name: str, **more: Any) -> AsyncIterator[Running]:
        async with running(data_dir=tmp_path / name, database=database, bus=bus.url, **more) as started:
            yield started

    return service


class Reader:
    """Notes the captions that a reader of one service after the other gets."""

    def __init__(self) -> None:
        self.place = ""
        self.captions: dict[str, dict[str, Any]] = {}
        self.finals: list[str] = []  # the id of each final revision, in order

    @asynccontextmanager
    async def read(self, service: Running, channel: str = "talk", query: str = "") -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(service, channel, query))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self, service: Running, channel: str, query: str) -> None:
        """Read, and connect again when the service ends the connection, as it does for a new session."""
        while True:
            last = f"last={self.place}" if self.place else ""
            with suppress(ConnectionClosed):
                async with service.reader(channel, "?" + "&".join(filter(None, (last, query)))) as socket:
                    await self._take(socket)

    async def _take(self, socket: ClientConnection) -> None:
        async for message in socket:
            event = json.loads(message)
            self.place = event["id"]
            if event["event"] == "clear":
                self.captions.clear()
            if event["event"] != "caption":
                continue
            caption = event["data"]
            if caption["rev"] > self.captions.get(caption["id"], {"rev": 0})["rev"]:
                self.captions[caption["id"]] = caption
                if caption["final"] and caption["text"]:
                    self.finals.append(caption["id"])

    def texts(self) -> list[str]:
        """The texts of captions that were not withdrawn, in order of time."""
        shown = sorted(self.captions.values(), key=lambda one: one["start"])
        return [one["text"] for one in shown if one["text"]]


async def host(service: Running, channel: str = "talk") -> None:
    """Let a service caption a channel."""
    (await service.services.hub.host(channel)).begin()


def say(service: Running, text: str, at: float) -> None:
    channel = service.services.hub.channel("talk")
    put(service, "talk", channel.session.new_caption_id(), 1, text, start=at, final=True)


async def test_readers_of_any_service_get_the_captions_of_any_other(start: Start) -> None:
    async with start("first") as first, start("second") as second:
        reader = Reader()
        async with reader.read(second):
            await host(first)
            put(first, "talk", "c1", 1, "hello", "world")
            await until(lambda: reader.captions.get("c1", {}).get("tentative") == " world")
            put(first, "talk", "c1", 2, "hello world", final=True)
            await until(lambda: reader.finals == ["c1"])
        put(first, "talk", "c2", 1, "while nobody reads", start=5.0, final=True)
        async with reader.read(first):  # with the place that the other service has given
            await until(lambda: reader.finals == ["c1", "c2"])
        put(first, "talk", "c3", 1, "and on", start=9.0, final=True)
        async with reader.read(second):
            await until(lambda: reader.finals == ["c1", "c2", "c3"])
        assert reader.texts() == ["hello world", "while nobody reads", "and on"]


async def test_a_transcript_is_the_same_on_every_service_and_continues(start: Start) -> None:
    async with start("first") as first, start("second") as second:
        await host(first)
        say(first, "one", 1.0)
        say(first, "two", 5.0)
        await first.services.journal_writer.flush()
        async with httpx.AsyncClient() as client:
            for service in (first, second):
                text = (await client.get(f"{service.url}/api/channels/talk/transcript.txt")).text
                assert text.split() == ["one", "two"]
            history = (await client.get(f"{second.url}/api/channels/talk/transcript.json")).json()
        assert [one["text"] for one in history["captions"]] == ["one", "two"]
        reader = Reader()
        reader.place = history["resume"]
        async with reader.read(second):
            say(first, "three", 9.0)
            await until(lambda: reader.texts() == ["three"])


async def test_a_channel_goes_on_where_its_service_stopped(start: Start) -> None:
    async with start("second") as second, start("third") as third, AsyncExitStack() as stack:
        first = await stack.enter_async_context(start("first"))
        reader = Reader()
        async with reader.read(third):
            await host(first)
            say(first, "one", 1.0)
            await until(lambda: reader.texts() == ["one"])
            await stack.aclose()
            await host(second)
            say(second, "two", 5.0)
            await until(lambda: reader.texts() == ["one", "two"])
        assert len(reader.finals) == 2
        await second.services.journal_writer.flush()
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{third.url}/api/channels/talk/transcript.txt")).text.split() == ["one", "two"]


async def test_settings_and_styles_move_with_the_channel(start: Start) -> None:
    async with start("first") as first, start("second") as second, httpx.AsyncClient() as client:
        settings = "/api/channels/talk/settings"
        changed = await client.patch(first.url + settings, json={"language": "de", "names": {"Host": "Ada"}})
        assert changed.status_code == 200
        await client.put(f"{first.url}/api/channels/talk/styles/game", json={"theme": "neon"})
        await first.services.journal_writer.flush()
        found = (await client.get(second.url + settings)).json()
        assert (found["language"], found["names"]) == ("de", {"Host": "Ada"})
        reader = Reader()
        async with first.reader("talk") as socket, asyncio.timeout(10):
            event = json.loads(await socket.recv())
            assert (event["event"], event["data"]["name"]) == ("style", "game")
        async with reader.read(first):
            await until(lambda: reader.place != "")
            await host(second)
            say(second, "hello", 1.0)
            await until(lambda: reader.texts() == ["hello"])
            assert next(iter(reader.captions.values()))["speaker"] == "Ada"


async def test_a_service_whose_channel_was_taken_over_writes_and_publishes_nothing_of_it(start: Start) -> None:
    async with start("first") as first, start("second") as second, start("third") as third:
        reader = Reader()
        async with reader.read(third):
            await host(first)
            say(first, "one", 1.0)
            await first.services.journal_writer.flush()
            await until(lambda: reader.texts() == ["one"])
            late = first.services.hub.channel("talk")
            await host(second)
            say(second, "two", 5.0)
            await until(lambda: reader.texts() == ["one", "two"])
            say(first, "late", 9.0)
            await first.services.journal_writer.flush()
            await until(lambda: first.services.hub.find_channel("talk") is not late)
            say(second, "three", 13.0)
            await until(lambda: reader.texts() == ["one", "two", "three"])
        await second.services.journal_writer.flush()
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"{third.url}/api/channels/talk/transcript.txt")).text
        assert text.split() == ["one", "two", "three"]


async def test_a_client_is_told_to_connect_again_when_its_channel_moves(start: Start) -> None:
    async with start("first") as first, start("second") as second, first.publisher("talk") as socket:
        await socket.send(json.dumps({"op": "start", "rate": 16000, "source": "Host"}))
        assert json.loads(await socket.recv())["type"] == "ready"
        await host(second)
        messages = []
        with suppress(ConnectionClosedError):
            async with asyncio.timeout(20):
                while True:
                    messages.append(json.loads(await socket.recv()))
        assert messages[-1]["code"] == "shutting_down"
        assert socket.close_code == 1012


async def test_a_reader_is_told_to_connect_again_when_another_session_begins(start: Start) -> None:
    async with start("first") as first, start("second") as second:
        await first.services.hub.host("talk")
        async with first.reader("talk") as socket, asyncio.timeout(20):
            assert json.loads(await socket.recv())["event"] == "pause"
            await second.services.hub.host("talk")
            with suppress(ConnectionClosedError):
                while True:
                    await socket.recv()
        assert socket.close_code == 1012


async def test_a_bus_that_dies_costs_no_caption_and_repeats_none(start: Start, bus: RedisServer) -> None:
    async with start("first") as first, start("second") as second:
        reader, numbers = Reader(), count(1)
        async with reader.read(second):
            await host(first)
            for number in numbers:
                say(first, f"word{number}", number * 4.0)
                if number == 3:
                    break
            await until(lambda: len(reader.finals) == 3)
            bus.kill()
            say(first, "word4", 16.0)
            await until(lambda: first.services.bus.problem != "" and second.services.bus.problem != "")
            assert "make sure that it runs" in first.services.bus.problem
            bus.start()
            say(first, "word5", 20.0)
            await until(lambda: len(reader.finals) == 5)
            await until(lambda: first.services.bus.problem == second.services.bus.problem == "")
        assert reader.texts() == [f"word{number}" for number in range(1, 6)]
        assert len(set(reader.finals)) == 5


async def test_a_bus_that_has_lost_everything_unnoticed_gets_it_again(start: Start, bus: RedisServer) -> None:
    async with start("first") as first, start("second") as second:
        await host(first)
        style = f"{first.url}/api/channels/talk/styles/game"
        async with httpx.AsyncClient() as client:
            assert (await client.put(style, json={"theme": "neon"})).status_code == 200
        put(first, "talk", "c1", 1, "still", "open")
        async with first.reader("talk") as socket, asyncio.timeout(10):
            events = [json.loads(await socket.recv())["event"]]
            while events[-1] != "caption":  # until it is on the bus, a reader may get the state twice
                events.append(json.loads(await socket.recv())["event"])
        assert events[0] == "style"
        assert set(events) == {"style", "pause", "caption"}
        with redis.Redis.from_url(bus.url) as server:
            server.flushall()
        reader = Reader()
        async with reader.read(second):
            await readers(second, "talk", 1)
            say(first, "next", 9.0)
            await until(lambda: reader.texts() == ["still", "next"])
        async with second.reader("talk") as socket, asyncio.timeout(10):
            assert json.loads(await socket.recv())["event"] == "style"


async def test_a_session_that_is_deleted_anywhere_disappears_from_screens_and_from_the_bus(
    start: Start, bus: RedisServer
) -> None:
    async with start("first") as first, start("second") as second, httpx.AsyncClient() as client:
        reader = Reader()
        async with reader.read(first):
            await readers(first, "talk", 1)
            await host(first)
            say(first, "before", 1.0)
            await first.services.journal_writer.flush()
            await until(lambda: reader.texts() == ["before"])
            session = first.services.hub.channel("talk").session.current.id
            assert (await client.delete(f"{second.url}/api/sessions/{session}")).status_code == 200
            await until(lambda: reader.texts() == [])
            say(second, "after", 1.0)
            await until(lambda: reader.texts() == ["after"])
        with redis.Redis.from_url(bus.url) as server:
            events = [fields[b"d"] for key in server.keys("*:track:*") for _, fields in server.xrange(key)]
        assert any(b"after" in event for event in events)
        assert not any(b"before" in event for event in events)


async def test_a_speaker_may_be_renamed_on_any_service(start: Start) -> None:
    async with start("first") as first, start("second") as second, httpx.AsyncClient() as client:
        reader = Reader()
        async with reader.read(first):
            await readers(first, "talk", 1)
            await host(first)
            await first.services.journal_writer.flush()
            session = first.services.hub.channel("talk").session.current.id
            renamed = await client.patch(f"{second.url}/api/sessions/{session}", json={"names": {"Host": "Ada"}})
            assert renamed.status_code == 200
            say(second, "hello", 1.0)
            await until(lambda: reader.texts() == ["hello"])
        assert [one["speaker"] for one in reader.captions.values() if one["text"]] == ["Ada"]


async def test_a_session_that_is_lost_does_not_keep_a_channel_from_its_readers(start: Start) -> None:
    async with start("first") as first, start("second") as second:
        await host(first)
        say(first, "before", 1.0)
        await first.services.journal_writer.flush()
        session = first.services.hub.channel("talk").session.current.id
        await first.services.hub.release(first.services.hub.channel("talk"))
        await asyncio.to_thread(first.services.transcripts.forget, session)
        reader = Reader()
        async with reader.read(first):
            await readers(first, "talk", 1)
            await host(second)
            say(second, "after", 1.0)
            await until(lambda: reader.texts()[-1:] == ["after"])


async def test_recordings_are_played_transcribed_again_and_deleted_by_any_service(start: Start) -> None:
    with s3_server() as storage:
        async with start("second", recordings=storage.url) as second, httpx.AsyncClient(timeout=60) as client:
            async with start("first", recordings=storage.url) as first:
                talk = f"{first.url}/api/channels/talk"
                await client.post(f"{talk}/recording")
                said = (speech("The train was late because of the heavy snow.") * 32767).astype("<i2").tobytes()
                for source in ("Ada", "Grace"):
                    await client.post(f"{talk}/audio?rate=16000&source={source}", content=said)
                await until(lambda: len(storage.files()) == 2 and not any("pieces" in one for one in storage.files()))
                (session,) = (await client.get(f"{second.url}/api/sessions")).json()["sessions"]
                address = f"{second.url}/api/sessions/{session['id']}"
                (file, _) = [one["file"] for one in session["recordings"]]
                own = await client.get(f"{first.url}/api/sessions/{session['id']}/recordings/{file}")
                assert (await client.get(f"{address}/recordings/{file}")).content == own.content
            folder = first.services.sessions.recording_files.folder / session["id"]
            assert len(list(folder.glob("*.flac"))) == 2
            mix = await client.get(f"{address}/audio", headers={"range": "bytes=0-3"})
            assert mix.content == b"fLaC"
            found = (await client.post(f"{address}/polish", json={"model": BUILT_IN})).json()
            async with asyncio.timeout(120):
                while found["polish"]["state"] in ("waiting", "running"):
                    await asyncio.sleep(0.1)
                    found = (await client.get(address)).json()
            assert (found["polish"]["message"], found["versions"]) == ("", ["live", "polished"])
            assert (await client.delete(address)).status_code == 200
            assert storage.files() == []
            async with start("first", recordings=storage.url):
                await until(lambda: not folder.exists())


async def test_outputs_continue_where_they_were_when_their_channel_moves(start: Start) -> None:
    """YouTube's numbers continue, nothing is sent twice, and the service that has lost the channel sends nothing."""
    fake = FakeYouTube(new_port())
    async with (
        serving(fake),
        start("first", private_outputs=True) as first,
        start("second", private_outputs=True) as second,
        httpx.AsyncClient() as client,
    ):
        await host(first)
        wanted = {"kind": "caption_url", "url": fake.url, "dialect": "youtube"}
        added = await client.post(f"{first.url}/api/channels/talk/outputs", json=wanted)
        assert added.status_code == 201, added.text
        manager = first.services.output_manager
        await until(lambda: manager.statuses(first.services.hub.channel("talk"))[0]["state"] == "waiting")
        for number, text in enumerate(("one", "two")):
            say(first, text, 1.0 + 4 * number)
            await until(lambda count=number + 1: len(fake.texts) == count)  # type: ignore[misc]
        await first.services.journal_writer.flush()
        late = first.services.hub.channel("talk")
        await host(second)
        late.original.put(Caption("late", 1, "Host", "en", (Word("late", 9.0, 10.0),), final=True))
        say(second, "three", 9.0)
        await until(lambda: len(fake.texts) == 3)
        await host(first)
        say(first, "four", 13.0)
        await until(lambda: len(fake.texts) == 4)
        found = (await client.get(f"{first.url}/api/channels/talk/outputs")).json()
    assert (fake.texts, fake.last) == (["one", "two", "three", "four"], 3)
    assert fake.problems == []
    assert [one["state"] for one in found["outputs"]] == ["sending"]


async def test_a_token_that_is_revoked_is_refused_by_all_services(start: Start) -> None:
    access = Access(secret="s" * 40, require_token=True)
    async with start("first", access=access) as first, start("second", access=access) as second:
        issue = first.services.authority.issue
        admin = await asyncio.to_thread(issue, Scope.ADMIN, "*", 60, "admin")
        guest = await asyncio.to_thread(issue, Scope.VIEW, "talk", 60, "guest")
        authorization = {"authorization": f"Bearer {admin.token}"}
        async with httpx.AsyncClient(headers=authorization) as client:
            async with second.reader("talk", f"?token={guest.token}") as socket, asyncio.timeout(30):
                await readers(second, "talk", 1)
                listed = (await client.get(f"{second.url}/api/tokens")).json()["tokens"]
                assert {one["name"] for one in listed} == {"admin", "guest"}
                assert (await client.delete(f"{second.url}/api/tokens/{guest.id}")).status_code == 200
                with suppress(ConnectionClosedError):
                    while True:
                        await socket.recv()
            assert socket.close_code == 4401
        async with start("third", access=access) as third, httpx.AsyncClient() as client:
            for service in (first, second, third):
                address = f"{service.url}/api/channels/talk/transcript.txt?token={guest.token}"
                await until(lambda one=service: one.services.authority.peek(guest.token) is None)  # type: ignore[misc]
                assert (await client.get(address)).status_code == 401


async def test_every_dashboard_shows_the_channels_and_readers_of_all_services(start: Start) -> None:
    async with start("second") as second, AsyncExitStack() as stack:
        first = await stack.enter_async_context(start("first"))
        await host(first)
        await host(second, "other")
        async with first.reader("talk"), second.reader("talk"), second.reader("other"), httpx.AsyncClient() as client:

            async def listed(service: Running) -> dict[str, tuple[int, bool]]:
                channels = (await client.get(f"{service.url}/api/channels")).json()["channels"]
                return {one["name"]: (one["readers"], "service" in one) for one in channels}

            async def agree() -> None:
                while await listed(first) != {
                    "talk": (2, False),
                    "other": (1, True),
                }:
                    await asyncio.sleep(0.1)
                while await listed(second) != {"other": (1, False), "talk": (2, True)}:
                    await asyncio.sleep(0.1)

            await asyncio.wait_for(agree(), 30)
            for service in (first, second):
                metrics = (await client.get(f"{service.url}/metrics")).text.splitlines()
                assert 'surtitle_readers{channel="talk"} 1.0' in metrics
            async with connect(f"{second.sockets}/api/status", proxy=None) as board, asyncio.timeout(30):
                while {one["name"] for one in json.loads(await board.recv())["channels"]} != {"talk", "other"}:
                    pass
                await stack.aclose()
                while {one["name"] for one in json.loads(await board.recv())["channels"]} != {"other"}:
                    pass


async def test_playlists_are_the_same_on_every_service(start: Start) -> None:
    async with start("first") as first, start("second") as second, httpx.AsyncClient() as client:
        (await first.services.hub.host("talk")).begin(60.0)
        for number, text in enumerate(("one", "two", "three")):
            say(first, text, 4.0 + 8 * number)
        await first.services.journal_writer.flush()
        for language, expected in (("original", "two"), ("de", "zwei")):
            address = f"/api/channels/talk/hls/{language}"
            playlists = [(await client.get(f"{one.url}{address}/playlist.m3u8")).text for one in (first, second)]
            assert all("seg2.vtt" in one for one in playlists), playlists
            if language == "de":
                channel = first.services.hub.channel("talk")
                await until(lambda found=channel: "de" in found.translations)  # type: ignore[misc]
                german = Caption("d1", 1, "Host", "de", (Word("zwei", 12.0, 13.0),), final=True)
                channel.translation("de").put(german)
                await first.services.journal_writer.flush()
            segments = [(await client.get(f"{one.url}{address}/seg2.vtt")).text for one in (first, second)]
            assert segments[0] == segments[1]
            assert expected in segments[1]
            assert "three" not in segments[1]


async def test_a_reader_elsewhere_has_a_language_translated(start: Start) -> None:
    async with start("first") as first, start("second") as second:
        await host(first)
        reader = Reader()
        async with reader.read(second, query="lang=de"):
            channel = first.services.hub.channel("talk")
            await until(lambda: "de" in channel.translations)
            channel.translation("de").put(Caption("c1", 1, "Host", "de", (Word("Hallo", 1.0, 2.0),), final=True))
            await until(lambda: reader.texts() == ["Hallo"])


async def test_a_bus_that_is_not_there_is_said_in_one_sentence(tmp_path: Path, bus: RedisServer) -> None:
    bus.kill()
    async with running(bus=bus.url) as service, service.reader("talk") as socket, asyncio.timeout(30):
        refusal = json.loads(await socket.recv())
    bus.start()
    assert refusal["code"] == "bus_failed"
    assert refusal["message"].startswith(f"The bus {bus.url} cannot be used")
