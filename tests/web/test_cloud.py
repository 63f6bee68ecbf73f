"""A service whose recognizer is a cloud says so to everybody, and counts what it sends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from surtitle.conformance import read_sample
from tests.speech.cloud.fakes import FakeCloud, running_cloud, serve_deepgram
from tests.speech.cloud.test_conformance import know_text
from tests.support import Running, running, silence, until

KEY = "a-key-that-is-secret"


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeCloud]:
    with running_cloud(serve_deepgram) as cloud:
        cloud.recognize = know_text
        yield cloud


@pytest_asyncio.fixture(scope="module")
async def near(cloud: FakeCloud) -> AsyncIterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SURTITLE_DEEPGRAM_URL", cloud.url)
        patch.setenv("DEEPGRAM_API_KEY", KEY)
        async with running(engine="deepgram", model="deepgram:a-model") as service:
            await until(lambda: service.services.engines.settled, timeout=60)
            yield service


async def test_everybody_is_told_where_the_sound_goes(cloud: FakeCloud, near: Running) -> None:
    recipient = f"Deepgram (127.0.0.1:{cloud.port})"
    sound = to_pcm(read_sample())
    async with httpx.AsyncClient(base_url=near.url) as http, near.publisher("stage") as publisher:
        assert (await http.get("/healthz")).json()["recipient"] == recipient
        await publisher.send(json.dumps({"op": "start", "lang": "en", "source": "Host"}))
        ready = json.loads(await publisher.recv())
        assert (ready["engine"], ready["recipient"]) == ("deepgram", recipient)
        await publisher.send(sound)
        (source,) = near.services.hub.sources.of(near.services.hub.channel("stage"))
        await publisher.send(to_pcm(silence(3.0)))
        await until(lambda: source.stats.captions > 0)
        await until(lambda: source.recognized > 10.5)
        (shown,) = (await http.get("/api/channels/stage")).json()["sources"]
        assert shown["remote"]["recipient"] == recipient
        assert shown["remote"]["lost"] == 0.0
        assert 5.0 < shown["remote"]["sent"] < len(sound) / 2 / RATE + 2
        await publisher.send(json.dumps({"op": "end"}))
        async with asyncio.timeout(60):
            messages = [json.loads(message) async for message in publisher]
        text = " ".join(message["text"] for message in messages if message["type"] == "final")
        assert text.startswith("Good evening and welcome to the show")
        metrics = (await http.get("/metrics")).text
    sent = re.search(r'surtitle_cloud_audio_seconds_total\{channel="stage",engine="deepgram"\} (\S+)', metrics)
    assert sent is not None
    assert float(sent[1]) == pytest.approx(shown["remote"]["sent"], abs=0.2)
    assert KEY not in metrics


async def keep_speaking(publisher: Any) -> None:
    while True:
        await publisher.send(to_pcm(read_sample()[: 2 * RATE]))
        await asyncio.sleep(0.3)


async def test_a_source_says_why_there_are_no_captions_until_there_are(cloud: FakeCloud, near: Running) -> None:
    async with httpx.AsyncClient(base_url=near.url) as http, near.publisher("refused") as publisher:
        cloud.refusal = (429, {"Retry-After": "1"}, "")
        await publisher.send(json.dumps({"op": "start", "lang": "en"}))
        await publisher.send(to_pcm(read_sample()))
        notice = ""
        async with asyncio.timeout(60):
            while not notice:
                message = json.loads(await publisher.recv())
                notice = message.get("notice", "")
        assert "allows no more requests at the moment" in notice
        (shown,) = (await http.get("/api/channels/refused")).json()["sources"]
        assert "allows no more requests at the moment" in shown["notice"]
        assert shown["remote"]["lost"] > 0
        cloud.refusal = None
        speaking = asyncio.create_task(keep_speaking(publisher))
        async with asyncio.timeout(60):
            while message.get("type") not in ("partial", "final"):
                message = json.loads(await publisher.recv())
        speaking.cancel()
        (source,) = near.services.hub.sources.of(near.services.hub.channel("refused"))
        await until(lambda: source.snapshot()["notice"] == "")


async def test_a_refused_key_is_said_at_the_start(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURTITLE_DEEPGRAM_URL", cloud.url)
    monkeypatch.setenv("DEEPGRAM_API_KEY", KEY)
    cloud.refusal = (401, {}, "")
    async with running(engine="deepgram", model="deepgram:a-model") as service:
        await until(lambda: service.services.engines.settled, timeout=60)
        description = service.services.engines.description
    cloud.refusal = None
    assert description["engine"] == "pocketsphinx"
    assert description["recipient"] == ""
    assert "refuses the key: set a valid one in DEEPGRAM_API_KEY" in description["notice"]
    assert KEY not in description["notice"]
