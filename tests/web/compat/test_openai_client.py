"""OpenAI's own client against the real service, with real weights."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from surtitle.access.tokens import Scope
from surtitle.audio import Samples
from surtitle.audio.pcm import to_pcm
from surtitle.core.settings import Limits
from tests.support import TRANSLATION_MODEL, Running, blocks, error_rate, running, speech
from tests.web.compat.clients import TEXT, guarded, recognizing, sound, token

TRANSCRIPTION = "conversation.item.input_audio_transcription"
ORDER = [
    "input_audio_buffer.speech_started",
    f"{TRANSCRIPTION}.delta",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    f"{TRANSCRIPTION}.completed",
]


@pytest_asyncio.fixture(scope="module")
async def service(whisper_tiny: Path) -> AsyncIterator[Running]:
    async with recognizing(whisper_tiny) as service:
        yield service


def client(service: Running, key: str = "unused", path: str = "") -> Any:
    openai = pytest.importorskip("openai")
    return openai.AsyncOpenAI(base_url=f"{service.url}{path}/v1", api_key=key, max_retries=0)


def encode(samples: Samples) -> str:
    return base64.b64encode(to_pcm(samples)).decode()


async def events_until(connection: Any, kind: str) -> list[Any]:
    """All events up to the first of this kind."""
    events: list[Any] = []
    async with asyncio.timeout(60):
        while not events or events[-1].type != kind:
            events.append(await connection.recv())
    return events


def kinds(events: list[Any]) -> list[str]:
    """The kinds of events without repetitions in a row."""
    found: list[str] = []
    for event in events:
        if found[-1:] != [event.type]:
            found.append(event.type)
    return found


def configuration(**given: Any) -> dict[str, Any]:
    audio_format = {"type": "audio/pcm", "rate": 16_000}
    return {"type": "transcription", "audio": {"input": {"format": audio_format} | given}}


async def test_a_session_with_turns(service: Running) -> None:
    async with client(service).realtime.connect(extra_query={"intent": "transcription"}) as connection:
        created = await connection.recv()
        assert created.type == "session.created"
        detection = {"type": "server_vad", "silence_duration_ms": 1500}
        transcription = {"model": "gpt-4o-transcribe", "language": "en", "keywords": ["Surtitle"]}
        await connection.session.update(session=configuration(turn_detection=detection, transcription=transcription))
        updated = await connection.recv()
        assert updated.type == "session.updated"
        assert updated.session.audio.input.turn_detection.silence_duration_ms == 1500
        for block in blocks(np.concatenate((sound(), np.zeros(24_000, np.float32))), 1600):
            await connection.input_audio_buffer.append(audio=encode(block))
        events = await events_until(connection, f"{TRANSCRIPTION}.completed")
    assert kinds(events) == ORDER
    assert error_rate(TEXT, events[-1].transcript) < 0.3
    assert "".join(event.delta for event in events if event.type.endswith(".delta")) == events[-1].transcript
    assert events[-1].usage.type == "duration"
    assert 5 < events[-1].usage.seconds < 10
    assert all(event.event_id for event in events)


async def test_a_session_without_turns_and_errors_that_do_not_end_it(service: Running) -> None:
    async with client(service, path="/api/channels/stage").realtime.connect(model="whisper-1") as connection:
        await connection.recv()
        await connection.session.update(session=configuration(turn_detection=None))
        await connection.recv()
        for wrong in ({"format": {"type": "audio/pcm", "rate": 1}}, {"transcription": {"language": "de"}}):
            await connection.session.update(session=configuration(**wrong))
            assert (await connection.recv()).error.type == "invalid_request_error"
        await connection.input_audio_buffer.commit()
        assert (await connection.recv()).error.code == "input_audio_buffer_commit_empty"
        await connection.response.create(event_id="mine")
        refused = await connection.recv()
        assert refused.error.type == "invalid_request_error"
        assert refused.error.event_id == "mine"
        await connection.input_audio_buffer.append(audio=encode(sound()[:8000]))
        await connection.input_audio_buffer.clear()
        assert (await connection.recv()).type == "input_audio_buffer.cleared"
        for block in blocks(sound(), 8000):
            await connection.input_audio_buffer.append(audio=encode(block))
        await connection.input_audio_buffer.commit()
        events = await events_until(connection, f"{TRANSCRIPTION}.completed")
        assert error_rate(TEXT, events[-1].transcript) < 0.3
        assert [kind for kind in kinds(events) if "speech" in kind] == []
        await connection.session.update(session=configuration(transcription={"language": "xx"}))
        assert "language" in (await connection.recv()).error.message
    assert service.services.hub.find_channel("stage") is not None


async def test_the_interface_of_the_beta(service: Running) -> None:
    """Over a plain socket, as its clients are no longer distributed."""
    headers = {"OpenAI-Beta": "realtime=v1"}
    async with connect(f"{service.sockets}/v1/realtime", proxy=None, additional_headers=headers) as socket:
        created = json.loads(await socket.recv())
        assert created["type"] == "transcription_session.created"
        assert created["session"]["input_audio_format"] == "pcm16"
        session = {"input_audio_format": "g711_ulaw", "turn_detection": None}
        await socket.send(json.dumps({"type": "transcription_session.update", "session": session}))
        updated = json.loads(await socket.recv())
        assert updated["type"] == "transcription_session.updated"
        assert updated["session"]["turn_detection"] is None
        audio = base64.b64encode(b"\xff" * 8000).decode()  # silence
        await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        told = [json.loads(await socket.recv())["type"] for _ in range(3)]
        assert told == ["input_audio_buffer.committed", "conversation.item.created", f"{TRANSCRIPTION}.completed"]


async def test_a_translation_session() -> None:
    text, translation = "We must open the door today.", "Nous devons ouvrir la porte aujourd'hui."
    async with running(translation_model=TRANSLATION_MODEL) as service:
        place = f"{service.sockets}/v1/realtime/translations?model=gpt-realtime-translate"
        async with connect(place, proxy=None) as socket:
            created = json.loads(await socket.recv())
            assert created["session"]["type"] == "translation"
            audio = {"output": {"language": "fr"}, "input": {"transcription": {"model": "x"}}}
            await socket.send(json.dumps({"type": "session.update", "session": {"audio": audio}}))
            assert json.loads(await socket.recv())["session"]["audio"]["output"]["language"] == "fr"
            await socket.send(json.dumps({"type": "session.update", "session": {"audio": {"output": {"language": 1}}}}))
            assert json.loads(await socket.recv())["type"] == "error"
            for block in blocks(speech(text).repeat(3)[::2], 2400):  # 24 kHz
                event = {"type": "session.input_audio_buffer.append", "audio": encode(block)}
                await socket.send(json.dumps(event))
            await socket.send('{"type":"session.close"}')
            async with asyncio.timeout(60):
                events = [json.loads(message) async for message in socket]
        assert socket.close_code == 1000
    assert events[-1]["type"] == "session.closed"
    heard, translated = (
        "".join(event["delta"] for event in events if event["type"] == f"session.{kind}_transcript.delta")
        for kind in ("input", "output")
    )
    assert error_rate(text, heard) < 0.3
    assert error_rate(translation, translated) < 0.3


@pytest.mark.parametrize("kind", ["realtime", "realtime/translations"])
async def test_refused_handshakes_have_a_status(tmp_path: Path, kind: str) -> None:
    async with guarded(tmp_path, Limits(sources=0, failures=1000)) as service:
        for path, key, status, code in (
            ("/v1", "wrong", 401, "invalid_api_key"),
            ("/v1", token(Scope.VIEW), 403, "forbidden"),
            ("/api/channels/stage/v1", token(channel="main"), 403, "forbidden"),
            ("/api/channels/" + "x" * 200 + "/v1", token(), 404, "no_such_channel"),
            ("/v1", token(), 429, "rate_limit_exceeded"),
        ):
            with pytest.raises(InvalidStatus) as refusal:
                await connect(
                    f"{service.sockets}{path}/{kind}", proxy=None, additional_headers={"Authorization": f"Bearer {key}"}
                )
            assert refusal.value.response.status_code == status
            error = json.loads(refusal.value.response.body or b"")["error"]
            assert error["code"] == code
            assert error["message"].endswith(".")


async def test_openai_is_told_the_status(tmp_path: Path) -> None:
    async with guarded(tmp_path) as service:
        with pytest.raises(InvalidStatus) as refusal:
            async with client(service, "wrong").realtime.connect(model="whisper-1"):
                pass
        assert refusal.value.response.status_code == 401


async def test_a_browser_sends_its_token_in_a_subprotocol(tmp_path: Path) -> None:
    async with guarded(tmp_path) as service:
        offered: Any = ["realtime", f"openai-insecure-api-key.{token()}", "openai-beta.realtime-v1"]
        async with connect(f"{service.sockets}/v1/realtime", proxy=None, subprotocols=offered) as socket:
            assert socket.subprotocol == "realtime"
            assert json.loads(await socket.recv())["type"] == "transcription_session.created"
