from __future__ import annotations

import asyncio
import json

import httpx
from websockets.asyncio.client import connect

from surtitle import __version__
from surtitle.captions.transcript import EXPORT_FORMATS
from tests.support import Running, put, readers, running


async def test_health_names_engine_and_version(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        answer = (await client.get("/healthz")).json()
    assert answer == {
        "status": "ok",
        "version": __version__,
        "engine": "pocketsphinx",
        "model": "en-us",
        "notice": "",
        "choice": "",
        "recipient": "",
    }


async def test_channels_and_their_sources(service: Running) -> None:
    async with service.publisher("listed") as socket, httpx.AsyncClient(base_url=service.url) as client:
        await socket.send('{"op":"start","source":"Host\\u0007 <b>"}')
        await socket.recv()
        channel = (await client.get("/api/channels/listed")).json()
        assert [source["name"] for source in channel["sources"]] == ["Host <b>"]
        assert set(channel["sources"][0]) >= {"engine", "language", "level", "lag", "skipped", "speaking", "state"}
        names = [channel["name"] for channel in (await client.get("/api/channels")).json()["channels"]]
        assert "listed" in names


async def test_a_channel_that_is_only_read_is_not_listed_until_somebody_publishes(service: Running) -> None:
    async def listed() -> set[str]:
        return {channel["name"] for channel in (await client.get("/api/channels")).json()["channels"]}

    async with httpx.AsyncClient(base_url=service.url) as client:
        for path in ("transcript.json", "", "hls/original/playlist.m3u8"):
            assert (await client.get(f"/api/channels/typo/{path}".rstrip("/"))).status_code == 200
        async with service.reader("early") as reader:
            await readers(service, "early", 1)
            assert not {"typo", "early"} & await listed()
            async with service.publisher("early") as socket:
                await socket.send('{"op":"start","source":"Host"}')
                status = json.loads(await asyncio.wait_for(reader.recv(), 30))
                assert (status["event"], status["data"]["source"]) == ("status", "Host")
            assert "early" in await listed()


async def test_transcripts_have_their_types(service: Running) -> None:
    types = {form: known.media_type for form, known in EXPORT_FORMATS.items()}
    async with httpx.AsyncClient(base_url=service.url) as client:
        for form, media_type in types.items():
            answer = await client.get(f"/api/channels/fresh/transcript.{form}")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == media_type


async def test_words_of_transcripts_have_times_if_asked(service: Running) -> None:
    put(service, "timed", "c1", 1, "one two", final=True)
    async with httpx.AsyncClient(base_url=service.url) as client:
        assert "one two" in (await client.get("/api/channels/timed/transcript.ass")).text
        assert r"{\k0}one {\k100}two" in (await client.get("/api/channels/timed/transcript.ass?words=1")).text
        first = (await client.get("/api/channels/timed/transcript.json")).json()["captions"][0]
        later = (await client.get("/api/channels/timed/transcript.json?offset=5")).json()["captions"][0]
        assert later["start"] == first["start"] + 5
        assert (await client.get("/api/channels/timed/transcript.srt?offset=-3600")).text == ""
        for wrong in ("version=polished", "clock=foo", "words=true"):
            answer = await client.get(f"/api/channels/timed/transcript.srt?{wrong}")
            assert answer.status_code == 400
            assert answer.json()["message"].endswith(".")
        unknown = await client.get("/api/channels/timed/transcript.doc")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "no_such_form")


async def test_the_dashboard_gets_the_state(service: Running) -> None:
    async with connect(f"{service.sockets}/api/status", proxy=None) as socket:
        state = json.loads(await socket.recv())
    parts = {"engine", "model", "notice", "choice", "recipient", "loading", "demo", "channels", "alerts", "program"}
    assert set(state) == parts


async def test_all_dashboards_get_a_change(service: Running) -> None:
    url = f"{service.sockets}/api/status"
    async with (
        connect(url, proxy=None) as first,
        connect(url, proxy=None) as second,
        httpx.AsyncClient(base_url=service.url) as client,
    ):
        await client.patch("/api/channels/pushed/settings", json={"paused": True})
        for socket in (first, second):
            async with asyncio.timeout(20):
                paused: list[bool] = []
                while paused != [True]:
                    channels = json.loads(await socket.recv())["channels"]
                    paused = [channel["paused"] for channel in channels if channel["name"] == "pushed"]


async def test_the_main_channel_comes_first() -> None:
    async with running() as service, httpx.AsyncClient(base_url=service.url) as client:
        for name in ("zoo", "main", "aula"):
            service.services.hub.channel(name)
        listed = (await client.get("/api/channels")).json()["channels"]
    assert [channel["name"] for channel in listed] == ["main", "zoo", "aula"]


async def test_an_address_that_does_not_exist_is_a_page_for_browsers_and_json_for_programs(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        page = await client.get("/nosuch", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "There is nothing at &#39;/nosuch&#39;: check the address." in page.text
        assert "<a href='/'>Go to the dashboard</a>" in page.text
        slash = await client.get("/view/a/b")
        assert slash.json()["message"] == "There is nothing at '/view/a/b': a channel's name has no slash."
        assert (await client.get("/nosuch")).json()["code"] == "no_such_channel"
