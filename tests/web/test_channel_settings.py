"""A channel's settings over HTTP, and models that change while captions run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection

from surtitle.audio import RATE, Samples
from surtitle.audio.pcm import to_pcm
from surtitle.channels.channel import Channel
from tests.hub import BASE, FakeHub
from tests.support import Running, blocks, error_rate, listen, publish, running, silence, speech, until
from tests.untrained import untrained_whisper

NOTHING: dict[str, Any] = {"prompt": "", "hotwords": [], "replacements": {}, "blocked": []}
ALERTS: dict[str, Any] = {
    "kind": "webhook",
    "silence": 30.0,
    "wordless": 60.0,
    "lag": 6.0,
    "output": 10.0,
    "host": "",
    "url_set": False,
    "secret_set": False,
}
CLOSED_CAPTIONS: dict[str, Any] = {
    "enabled": False,
    "host": "127.0.0.1",
    "port": 4455,
    "password_set": False,
    "language": None,
    "delay": 0.0,
}

SENTENCES = [
    "She has worked in the same office for eleven years.",
    "The train was late because of the heavy snow.",
    "He opened the door and walked into the room.",
    "They are going to build a new house near the river.",
]


@pytest_asyncio.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        yield client


async def change(client: httpx.AsyncClient, channel: str, **changes: Any) -> dict[str, Any]:
    answer = await client.patch(f"/api/channels/{channel}/settings", json=changes)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def send(socket: ClientConnection, samples: Samples) -> None:
    """At five times the speed at which it was spoken."""
    for block in blocks(samples, RATE // 10):
        await socket.send(to_pcm(block))
        await asyncio.sleep(0.02)


async def state(client: httpx.AsyncClient, channel: str) -> dict[str, Any]:
    return dict((await client.get(f"/api/channels/{channel}")).json())


async def test_settings_begin_empty_and_keep_what_is_not_changed(client: httpx.AsyncClient) -> None:
    empty: dict[str, Any] = {
        "language": None,
        "model": None,
        "vocabulary": NOTHING,
        "names": {},
        "paused": False,
        "record": False,
        "closed_captions": CLOSED_CAPTIONS,
        "pause_scenes": [],
        "backup": {"sources": [], "after": 5.0},
        "alerts": ALERTS,
        "translations": [],
        "translation_model": None,
        "diarization": {"enabled": False, "sources": [], "latency": 1.04, "known_voices": False},
        "switch": None,
    }
    assert (await client.get("/api/channels/fresh/settings")).json() == empty
    await change(client, "fresh", language="EN", vocabulary={"blocked": ["darn"], "prompt": "Ada and Grace."})
    changed = await change(client, "fresh", vocabulary={"replacements": {"sir title": "Surtitle"}})
    assert changed["language"] == "en"
    assert changed["vocabulary"] == {
        "prompt": "Ada and Grace.",
        "hotwords": [],
        "replacements": {"sir title": "Surtitle"},
        "blocked": ["darn"],
    }
    assert (await client.get("/api/channels/fresh/settings")).json()["vocabulary"] == changed["vocabulary"]
    assert (await change(client, "fresh", language=None))["language"] is None
    assert (await client.get("/api/channels/other/settings")).json() == empty


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("nonsense", "Channel settings must be JSON"),
        ('"text"', "Channel settings must be JSON"),
        ('{"colour":"red"}', "colour"),
        ('{"vocabulary":{"colour":"red"}}', "colour"),
        ('{"language":"klingon!"}', "is not a language"),
        ('{"language":7}', "language"),
        ('{"model":"medium.klingon"}', "is not a known model"),
        ('{"model":"/no/such/directory"}', "There is no directory"),
        ('{"model":""}', "is not a known model"),
        ('{"model":"a\\u0000b"}', "is not a known model"),
        ('{"vocabulary":{"blocked":["*"]}}', "no word"),
        ('{"vocabulary":{"blocked":"darn"}}', "blocked"),
        (json.dumps({"vocabulary": {"hotwords": ["x"] * 101}}), "101 entries"),
        ('{"closed_captions":{"colour":"red"}}', "colour"),
        ('{"closed_captions":{"host":"http://obs"}}', "name or address"),
        ('{"closed_captions":{"host":""}}', "name or address"),
        ('{"closed_captions":{"port":0}}', "usually 4455"),
        ('{"closed_captions":{"delay":-1}}', "0 to 60"),
        ('{"closed_captions":{"delay":1e999}}', "Channel settings must be JSON"),
        ('{"closed_captions":{"password":7}}', "password"),
        ('{"closed_captions":{"language":"ru"}}', "translation into a language with Latin letters"),
        ('{"diarization":{"latency":5}}', "0.32, 1.04, 10"),
        ('{"diarization":{"enabled":"yes"}}', "enabled"),
        (json.dumps({"diarization": {"sources": [f"s{n}" for n in range(17)]}}), "at most 16"),
        ("[" * 5000, "Channel settings must be JSON"),
    ],
)
async def test_invalid_settings_are_refused_and_change_nothing(
    client: httpx.AsyncClient, body: str, reason: str
) -> None:
    answer = await client.patch("/api/channels/strict/settings", content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "bad_request"
    assert reason in answer.json()["message"]
    assert (await client.get("/api/channels/strict/settings")).json()["vocabulary"] == NOTHING


async def test_speakers_are_told_apart_where_a_channel_asks_for_it(client: httpx.AsyncClient) -> None:
    told = await change(client, "apart", diarization={"enabled": True, "sources": ["tab", " tab ", ""], "latency": 10})
    expected = {"enabled": True, "sources": ["tab"], "latency": 10.0, "known_voices": False}
    assert told["diarization"] == expected
    told = await change(client, "apart", diarization={"sources": []})
    assert told["diarization"] == {**expected, "sources": []}


async def test_the_password_of_obs_is_taken_and_never_told(client: httpx.AsyncClient) -> None:
    told = await change(client, "secret", closed_captions={"password": "correct-horse", "language": "EN"})
    assert told["closed_captions"] == {**CLOSED_CAPTIONS, "password_set": True, "language": "EN"}
    told = await change(client, "secret", closed_captions={"delay": 1.5})
    assert told["closed_captions"]["password_set"] is True
    for path in ("/settings", ""):
        assert "correct-horse" not in (await client.get(f"/api/channels/secret{path}")).text


async def test_settings_that_are_too_large(client: httpx.AsyncClient) -> None:
    answer = await client.patch("/api/channels/strict/settings", content=b" " * (1 << 21))
    assert answer.status_code == 413


async def test_pages_of_strangers_change_nothing(client: httpx.AsyncClient) -> None:
    headers = {"origin": "https://example.com"}
    answer = await client.patch("/api/channels/main/settings", json={"model": "tiny"}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.usefixtures("hub")
async def test_models_are_listed(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/api/models")).json()
    models = {model["name"]: model for model in listed["models"]}
    whisper = {"engine": "whisper", "here": False, "source": ""}
    assert models["base"] == {"name": "base", "bytes": 148_000_000, "auto": True, **whisper}
    assert "large-v3-turbo" in models
    assert {"name": "whisper", "title": "Whisper", "local": True, "problem": "", "default": ""} in listed["engines"]


async def test_a_model_changes_while_captions_run_and_no_word_is_lost(whisper_tiny: Path, tmp_path: Path) -> None:
    """Another model in the middle of every sentence: it takes over in the pause, and the transcript has all words."""
    copies = [tmp_path / name for name in ("one", "two")]
    for copy in copies:
        copy.symlink_to(whisper_tiny)
    async with (
        running(engine="whisper", model=str(whisper_tiny), language="en") as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as client,
        service.publisher("main") as socket,
    ):
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "test"}))
        await socket.recv()
        listening = asyncio.create_task(listen(socket))
        channel = service.services.hub.channel("main")
        (source,) = service.services.hub.sources.of(channel)
        for number, sentence in enumerate(SENTENCES):
            model = str(copies[number % 2])
            parts = np.array_split(speech(sentence), 2)
            await send(socket, parts[0])
            await until(lambda: source.snapshot()["speaking"])
            await change(client, "main", model=model)
            await until(lambda: channel.model == model)  # noqa: B023
            await send(socket, np.concatenate((parts[1], silence(1.0))))  # long enough for the sentence to end
            await until(lambda: source.model == model)  # noqa: B023
        await socket.send('{"op":"end"}')
        said = await listening
    assert said.code == 1000
    assert error_rate(" ".join(SENTENCES), said.text) < 0.3
    heard = set(said.text.lower().replace(".", "").split())
    for sentence in SENTENCES:
        words = set(sentence.lower().strip(".").split())
        assert len(words & heard) > len(words) / 2, said.text


async def test_a_model_is_fetched_while_captions_run_and_takes_over(
    hub: FakeHub, whisper_tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put(BASE, whisper_tiny)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)
    hub.open.clear()
    async with (
        running() as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as client,
        service.publisher("main") as socket,
    ):
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "test"}))
        await socket.recv()
        listening = asyncio.create_task(listen(socket))
        assert (await change(client, "main", model="base.en"))["switch"]["model"] == "base.en"
        switch: dict[str, Any] = {}
        while (switch.get("done") or 0) < 0.4:
            await asyncio.sleep(0.05)
            switch = (await state(client, "main"))["switch"]
        assert switch == {"model": "base.en", "state": "fetching", "done": pytest.approx(0.5, abs=0.1)} | {
            "message": ""
        }
        assert (await state(client, "main"))["sources"][0]["engine"] == "pocketsphinx"
        hub.open.set()
        channel = service.services.hub.channel("main")
        await until(lambda: channel.model == "base.en")
        await send(socket, speech(SENTENCES[0]))
        await until(lambda: service.services.hub.sources.of(channel)[0].model == "base.en")
        assert (await state(client, "main"))["switch"] is None
        await socket.send('{"op":"end"}')
        said = await listening
    assert error_rate(SENTENCES[0], said.text) < 0.4


async def test_a_model_that_fails_leaves_the_one_that_runs(hub: FakeHub, whisper_tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"this is no model")
    async with (
        running(engine="whisper", model=str(whisper_tiny), language="en") as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as client,
        service.publisher("main") as socket,
    ):
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "test"}))
        await socket.recv()
        listening = asyncio.create_task(listen(socket))
        for model, reason in ((str(tmp_path), "has no config.json"), ("base", "has no model")):
            await change(client, "main", model=model)
            switch: dict[str, Any] = {}
            async with asyncio.timeout(20):
                while not switch.get("message", "").endswith("Captions continue with the previous model."):
                    await asyncio.sleep(0.05)
                    switch = (await state(client, "main"))["switch"]
            assert switch["state"] == "failed"
            assert reason in switch["message"]
            assert (await state(client, "main"))["model"] is None
        await send(socket, speech(SENTENCES[1]))
        assert (await state(client, "main"))["sources"][0]["model"] == "tiny.en"
        await socket.send('{"op":"end"}')
        said = await listening
        assert error_rate(SENTENCES[1], said.text) < 0.4
        assert (await change(client, "main", model=None))["switch"] is None


class ModelObserver:
    """Records the models in the settings that the hub reports."""

    def __init__(self) -> None:
        self.models: list[str | None] = []

    def apply(self, channel: Channel) -> None:
        self.models.append(channel.settings.model)

    def describe(self, channel: Channel) -> dict[str, Any]:
        return {"models": len(self.models)}


async def test_a_model_that_fails_is_not_tried_again_by_the_next_start(tmp_path: Path) -> None:
    model, data = tmp_path / "model", tmp_path / "data"
    model.mkdir()
    (model / "model.bin").write_bytes(b"this is no model")
    observer = ModelObserver()
    async with running(data_dir=data) as service, httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        service.services.hub.register(observer)
        await change(client, "main", language="en", model=str(model))
        await until(lambda: observer.models == [str(model), None])
        assert (await state(client, "main"))["switch"]["state"] == "failed"
        assert (await state(client, "main"))["models"] == 2
    async with running(data_dir=data) as service, httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        settings = (await client.get("/api/channels/main/settings")).json()
        assert (settings["language"], settings["model"], settings["switch"]) == ("en", None, None)


async def test_a_change_while_a_model_is_fetched_does_not_fetch_it_again(hub: FakeHub) -> None:
    hub.open.clear()
    async with running() as service, httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        await change(client, "main", model="base.en")
        await until(lambda: "model.bin" in hub.fetched)
        await change(client, "main", vocabulary={"prompt": "Ada speaks."})
        hub.open.set()
        channel = service.services.hub.channel("main")
        await until(lambda: channel.model == "base.en")
    assert hub.fetched.count("model.bin") == 1


async def test_another_choice_while_a_model_is_fetched_lets_it_go(hub: FakeHub) -> None:
    hub.open.clear()
    async with running() as service, httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        await change(client, "main", model="base.en")
        await until(lambda: "model.bin" in hub.fetched)
        await change(client, "main", model=str(untrained_whisper()))
        channel = service.services.hub.channel("main")
        await until(lambda: channel.model == str(untrained_whisper()))
        assert service.services.engines.library.progress("base.en") is None
        assert (await state(client, "main"))["switch"] is None


async def test_running_sources_take_the_services_model_when_it_is_there(hub: FakeHub, whisper_tiny: Path) -> None:
    hub.put(BASE, whisper_tiny)
    hub.open.clear()
    async with running(engine="auto", model="base.en") as service, service.publisher("main") as socket:
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "test"}))
        assert json.loads(await socket.recv())["engine"] == "pocketsphinx"
        listening = asyncio.create_task(listen(socket))
        hub.open.set()
        await until(lambda: service.services.engines.description["engine"] == "whisper")
        await asyncio.sleep(0.5)
        await send(socket, speech(SENTENCES[0]))
        (source,) = service.services.hub.sources.of(service.services.hub.channel("main"))
        await until(lambda: source.model == "base.en")
        await socket.send('{"op":"end"}')
        said = await listening
    assert error_rate(SENTENCES[0], said.text) < 0.4


async def test_sources_that_come_later_have_the_channels_model_and_language(whisper_base: Path) -> None:
    async with running() as service, httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        await change(client, "main", model=str(whisper_base), language="en")
        said = await publish(service, speech(SENTENCES[2]))
        german = await publish(service, silence(1.0), lang="de")
        other = await publish(service, speech(SENTENCES[2]), channel="other")
    assert (said.of("ready")[0]["engine"], said.of("ready")[0]["language"]) == ("whisper", "en")
    assert german.of("ready")[0]["language"] == "de"
    assert other.of("ready")[0]["engine"] == "pocketsphinx"
    assert error_rate(SENTENCES[2], said.text) < 0.4


async def test_words_are_replaced_and_masked_in_all_that_is_shown(service: Running, client: httpx.AsyncClient) -> None:
    vocabulary = {"replacements": {"the same office": "our office", "eleven": "11"}, "blocked": ["work*"]}
    await change(client, "words", vocabulary=vocabulary)
    said = await publish(service, speech(SENTENCES[0]), channel="words", pace=4)
    assert "our office" in said.text
    assert " 11 " in said.text
    assert "w*****" in said.text
    for caption in (*said.of("partial"), *said.of("final")):
        assert "worked" not in caption["text"].lower()
        assert "eleven" not in caption["text"].lower()


async def test_what_is_said_while_a_channel_is_paused_is_not_captioned(
    service: Running, client: httpx.AsyncClient
) -> None:
    async with service.publisher("pause") as socket:
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "test"}))
        listening = asyncio.create_task(listen(socket, timeout=120))
        await send(socket, speech(SENTENCES[0]))
        await change(client, "pause", paused=True)
        await send(socket, speech(SENTENCES[1]))
        assert (await state(client, "pause"))["paused"]
        await change(client, "pause", paused=False)
        await send(socket, speech(SENTENCES[2]))
        await socket.send('{"op":"end"}')
        said = await listening
    assert error_rate(f"{SENTENCES[0]} {SENTENCES[2]}", said.text) < 0.2
    before, after = len(speech(SENTENCES[0])) / RATE, len(speech(SENTENCES[1])) / RATE
    assert said.of("final")[-1]["ts"] > before + after  # the clock continued
