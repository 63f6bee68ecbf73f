"""Speakers through the whole service: real recognizer, real speaker model, real process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.core.settings import Limits
from tests.speakers.talk import MODEL, turns
from tests.support import PATIENT, PublisherReplies, Running, error_rate, publish, running, until

pytestmark = pytest.mark.torch

PACE = 0.5  # times real time: on a busy machine, speakers would be found too late


@pytest_asyncio.fixture(scope="module")
async def service(whisper_tiny: Path) -> AsyncIterator[Running]:
    async with running(engine="whisper", model=str(whisper_tiny), language="en", speaker_model=str(MODEL)) as service:
        yield service


async def settle(service: Running, channel: str, **changes: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=service.url) as client:
        answer = await client.patch(f"/api/channels/{channel}/settings", json=changes)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def warmed(service: Running, channel: str, **diarization: Any) -> None:
    """The channel tells speakers apart, and the model is loaded."""
    await settle(service, channel, diarization={"enabled": True, **diarization})
    await settle(service, "warm", diarization={"enabled": True})
    await publish(service, turns(("slt", "Good morning.")), channel="warm", source="warm")
    await until(lambda: is_ready(service.services.hub._diarizer), timeout=300)


def is_ready(diarizer: Any) -> bool:
    """Whether the model is loaded. Its process gets the usual priority, because a busy machine serves no lower one."""
    if diarizer._runner is not None:
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, diarizer._runner.process.pid, 0)
    return bool(diarizer.state.name == "ready")


def finals(said: PublisherReplies) -> list[tuple[str | None, str]]:
    """The speaker and the text of each caption, in its newest revision."""
    newest = {message["id"]: message for message in said.of("final")}
    return [(message.get("speaker"), message["text"]) for message in newest.values()]


async def test_a_caption_splits_at_the_word_at_which_another_speaks(service: Running) -> None:
    await warmed(service, "split")
    sound = turns(
        ("rms", "The train was late because"),
        ("slt", "of the heavy snow."),
        ("rms", "He opened the door and walked into the room."),
    )
    said = await publish(service, sound, channel="split", pace=PACE)
    heard = [(speaker, text.strip(".").lower().split()) for speaker, text in finals(said)]
    assert [(speaker, words[0], words[-1]) for speaker, words in heard] == [
        ("Speaker 1", "the", "because"),
        ("Speaker 2", "of", "snow"),
        ("Speaker 1", "he", "room"),
    ]
    words = [word for message in said.of("final") for word in message["words"]]
    assert all(word["speaker"] in ("Speaker 1", "Speaker 2") for word in words)


async def test_a_shown_speaker_does_not_change(service: Running) -> None:
    said = await publish(
        service,
        turns(("awb", "We walked along the river."), ("slt", "The sun went down."), ("awb", "It was cold."), pause=0.4),
        channel="split",
        pace=PACE,
    )
    shown: dict[str, str] = {}
    for message in said.messages:
        if message["type"] in ("partial", "final") and message.get("speaker"):
            assert shown.setdefault(message["id"], message["speaker"]) == message["speaker"]
    assert shown


async def test_speakers_are_named_in_every_export(service: Running) -> None:
    await settle(service, "split", names={"Speaker 1": "Ada", "Speaker 2": "Grace"})
    async with httpx.AsyncClient(base_url=f"{service.url}/api/channels/split") as client:
        srt, vtt, txt = [(await client.get(f"/transcript.{form}")).text for form in ("srt", "vtt", "txt")]
        captions = (await client.get("/transcript.json")).json()["captions"]
    assert "Ada: The train was" in srt
    assert "<v Grace>" in vtt
    assert "Grace:\n" in txt
    assert {"Ada", "Grace"} <= {word["speaker"] for caption in captions for word in caption["words"]}


async def test_with_the_longest_latency_captions_get_their_speakers_later(service: Running) -> None:
    await warmed(service, "late", latency=10.0)
    sound = turns(("rms", "The train was late because of the heavy snow."), ("slt", "He opened the door."), pause=1.0)
    async with service.reader("late") as reader:
        said = await publish(service, sound, channel="late", pace=PACE)
        first = [message for message in said.of("final") if "speaker" not in message]
        assert first
        assert [speaker for speaker, _ in finals(said)] == ["Speaker 1", "Speaker 2"]
        texts: dict[str, set[str]] = {}
        while True:
            event = json.loads(await reader.recv())
            if event["event"] == "caption" and event["data"]["final"]:
                texts.setdefault(event["data"]["id"], set()).add(event["data"]["text"])
                if len(texts) == 2 and event["data"]["speaker"] == "Speaker 2":
                    break
    assert all(len(versions) == 1 for versions in texts.values())


async def test_a_model_that_hangs_does_not_affect_words(service: Running) -> None:
    await warmed(service, "slow")
    text = "The train was late because of the heavy snow. He opened the door and walked into the room."
    process = service.services.hub._diarizer._runner.process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        said = await publish(service, turns(("rms", text)), channel="slow", pace=PACE)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert error_rate(text, said.text) < 0.2
    assert all("speaker" not in message for message in said.of("final"))


async def test_only_the_selected_sources_are_diarized(service: Running) -> None:
    await warmed(service, "some", sources=["tab"])
    await settle(service, "some", names={"mic": "Host"})
    sound = turns(("rms", "He opened the door and walked into the room."))
    tab = await publish(service, sound, channel="some", source="tab", pace=PACE)
    mic = await publish(service, sound, channel="some", source="mic", pace=PACE)
    assert [speaker for speaker, _ in finals(tab)] == ["Speaker 1"]
    assert [speaker for speaker, _ in finals(mic)] == [None]
    async with httpx.AsyncClient(base_url=service.url) as client:
        captions = (await client.get("/api/channels/some/transcript.json")).json()["captions"]
    assert [caption["speaker"] for caption in captions] == ["Speaker 1", "Host"]


async def test_a_voice_is_known_in_the_next_session(whisper_tiny: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"engine": "whisper", "model": str(whisper_tiny), "language": "en"}
    limits = Limits(lag_budget=PATIENT.lag_budget, session_rest=0.0)
    texts = (
        "The train was late because of the heavy snow. He opened the door and walked into the room.",
        "Please write your name at the top of the page. The garden behind the house was full of flowers.",
    )
    async with running(limits, data_dir=tmp_path, speaker_model=str(MODEL), **options) as service:
        await warmed(service, "people", known_voices=True)
        sound = turns(("rms", texts[0]), ("rms", texts[1]), ("slt", texts[0]), ("slt", texts[1]))
        await publish(service, sound, channel="people", pace=PACE)
        await settle(service, "people", names={"Speaker 1": "Ada", "Speaker 2": "Grace"})
        hub = service.services.hub
        await until(lambda: hub.known_voices.count(hub.channel("people")) == 2)
    async with running(limits, data_dir=tmp_path, speaker_model=str(MODEL), **options) as service:
        await warmed(service, "people")
        sound = turns(("slt", texts[1]), ("slt", texts[0]), ("rms", texts[1]), ("rms", texts[0]))
        await publish(service, sound, channel="people", pace=PACE)
        channel = service.services.hub.channel("people")
        await until(lambda: len(channel.settings.names) == 2)
        assert channel.settings.names == {"Speaker 1": "Grace", "Speaker 2": "Ada"}
