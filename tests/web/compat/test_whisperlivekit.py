"""WhisperLiveKit's protocol, with its own headless client on real weights, and message by message."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from surtitle.demo import SAMPLE
from tests.peers import need_wheel
from tests.support import (
    TRANSLATION_MODEL,
    Running,
    error_rate,
    need,
    running,
    sample_text,
    silence,
    sources,
    speak,
    until,
)

WHEEL = "whisperlivekit==0.2.26"
TEXT = "The old clock on the wall has not worked for many years."
Message = dict[str, Any]


@pytest.fixture(scope="module")
def peer() -> ModuleType:
    """WhisperLiveKit's test client, of which only that file is loaded: the package needs torch."""
    need("ffmpeg")
    path = need_wheel(WHEEL) / "whisperlivekit" / "test_client.py"
    spec = importlib.util.spec_from_file_location("whisperlivekit_test_client", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest_asyncio.fixture(scope="module")
async def whisper(whisper_tiny: Path) -> AsyncIterator[Running]:
    async with running(engine="whisper", model=str(whisper_tiny), language="en") as service:
        yield service


@pytest.fixture
def webm(tmp_path: Path) -> Path:
    """The demo's sample in WebM."""
    file = tmp_path / "talk.webm"
    command = [need("ffmpeg"), "-v", "error", "-i", str(SAMPLE), "-c:a", "libopus", str(file)]
    subprocess.run(command, check=True, timeout=60)
    return file


async def test_its_client_in_full_with_webm(whisper: Running, peer: ModuleType, webm: Path) -> None:
    result = await peer.transcribe_audio(str(webm), f"{whisper.sockets}/asr?language=en", speed=4.0)
    assert error_rate(sample_text(), result.committed_text) < 0.2
    assert all(set(state) >= {"status", "lines", "buffer_transcription"} for state in result.responses)
    assert any(state["buffer_transcription"] for state in result.responses)
    assert [line["speaker"] for line in result.lines] == [1] * len(result.lines)
    assert result.lines[-1]["start"] > "0:00:20.00"


async def test_its_client_in_diff_with_raw_samples(
    whisper: Running, peer: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: list[str] = []
    rebuild = peer.reconstruct_state

    def check(message: Message, lines: list[Message]) -> Message:
        state: Message = rebuild(message, lines)
        kinds.append(message["type"])
        assert message.get("n_lines", len(lines)) == len(lines)
        assert len({line["start"] for line in lines}) == len(lines)  # none is there twice
        return state

    monkeypatch.setattr(peer, "reconstruct_state", check)
    url = f"{whisper.sockets}/api/channels/wlk/asr?format=pcm16le&mode=diff"
    result = await peer.transcribe_audio(str(SAMPLE), url, speed=8.0, mode="diff")
    assert error_rate(sample_text(), result.committed_text) < 0.2
    assert kinds[0] == "snapshot"
    assert set(kinds[1:]) == {"diff"}
    assert len(whisper.services.hub.channel("wlk").original.captions) == len(result.lines)


def asr(service: Running, query: str = "", channel: str = "") -> Any:
    place = f"/api/channels/{channel}" if channel else ""
    return connect(f"{service.sockets}{place}/asr{query}", proxy=None)


async def receive(socket: ClientConnection) -> Message:
    return dict(json.loads(await asyncio.wait_for(socket.recv(), 60)))


async def until_ready_to_stop(socket: ClientConnection) -> list[Message]:
    """All messages before the one that ends the audio."""
    messages = [await receive(socket)]
    while messages[-1].get("type") != "ready_to_stop":
        messages.append(await receive(socket))
    return messages[:-1]


async def until_shown(socket: ClientConnection, text: str) -> Message:
    """The first state that has this text in its last line."""
    state = await receive(socket)
    while not [line for line in state["lines"][-1:] if line["text"] == text]:
        state = await receive(socket)
    return state


async def test_the_order_of_messages(service: Running) -> None:
    async with asr(service, "?mode=diff&mode=full", "order") as socket:
        assert await receive(socket) == {"type": "config", "useAudioWorklet": False, "mode": "full"}
        assert sources(service, "order") == []  # pages open the microphone after this
        await socket.send(bytes(RATE))
        assert (await receive(socket))["status"] == "no_audio_detected"
        speak(service, "order", "c1", 1, "The old", "clock")
        state = await until_shown(socket, "The old")
        assert (state["status"], state["buffer_transcription"]) == ("active_transcription", "clock")
        speak(service, "order", "c1", 2, TEXT, final=True)
        await socket.send(b"")
        await socket.send(b"a piece of WebM that comes too late")
        states = await until_ready_to_stop(socket)
    assert not any("type" in state for state in states)
    assert [line["text"] for line in states[-1]["lines"]] == [TEXT]
    assert states[-1]["buffer_transcription"] == ""
    await until(lambda: sources(service, "order") == [])


async def test_tiny_pieces_and_no_audio_at_all(service: Running) -> None:
    for pieces in ([], [b"\0"] * 7, [bytes(3)] * 3000):
        async with asr(service, channel="tiny") as socket:
            await receive(socket)
            for piece in pieces:
                await socket.send(piece)
            await socket.send(b"")
            states = await until_ready_to_stop(socket)
        assert {state["status"] for state in states} == {"no_audio_detected"}


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("?mode=loud", "mode"),
        ("?format=webm", "format"),
        ("?language=%3F", "language"),
        ("?language=xx", "language"),
        ("?target_language=klingonese", "language"),
    ],
)
async def test_a_bad_parameter(service: Running, query: str, part: str) -> None:
    async with asr(service, query) as socket:
        message = await receive(socket)
        await socket.wait_closed()
    assert (message["type"], socket.close_code) == ("error", 4400)
    assert part in message["error"]


async def test_a_bad_channel(service: Running) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await asr(service, channel="-no-")
    assert refusal.value.response.status_code == 404


async def test_an_error_keeps_what_was_shown(service: Running) -> None:
    async with asr(service, channel="text") as socket:
        await receive(socket)
        await socket.send(to_pcm(silence(1.0)))
        state = await receive(socket)
        await socket.send("text")
        message = state
        while message["status"] != "error":
            message = await receive(socket)
        await socket.wait_closed()
    assert message["lines"] == state["lines"]
    assert "binary" in message["error"]
    assert socket.close_code == 4400


async def test_what_cannot_be_decoded(service: Running) -> None:
    async with asr(service, channel="broken") as socket:
        await receive(socket)
        await socket.send(b"OggS" + bytes(2000))
        await socket.send(b"")
        message = await receive(socket)
        while "error" not in message:
            message = await receive(socket)
        await socket.wait_closed()
    assert "WebM" in message["error"]


async def test_a_client_that_does_not_close(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.web.compat.whisperlivekit._CLOSE_TIMEOUT", 0.1)
    async with asr(service) as socket:
        await receive(socket)
        await socket.send(b"")
        await until_ready_to_stop(socket)
        await asyncio.wait_for(socket.wait_closed(), 10)
    assert socket.close_code == 1000


async def test_a_correction_reaches_the_client(service: Running) -> None:
    channel = service.services.hub.channel("corrected")
    async with asr(service, "?mode=diff", "corrected") as socket:
        await receive(socket)
        await socket.send(bytes(RATE))
        await receive(socket)
        for text in (TEXT, "A person knows better."):
            if text is TEXT:
                speak(service, "corrected", "c1", 1, text, final=True)
            else:
                channel.correct("c1", text, None)
            message = await receive(socket)
            while not message.get("new_lines"):
                message = await receive(socket)
            assert [line["text"] for line in message["new_lines"]] == [text]
    assert (message["lines_pruned"], message["n_lines"]) == (1, 1)


async def test_a_long_transcript_is_sent_less_often(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surtitle.web.compat.whisperlivekit._MAX_RATE", 400)
    async with asr(service, channel="long") as socket:
        await receive(socket)
        await socket.send(bytes(RATE))
        await receive(socket)
        for count in range(1, 11):
            speak(service, "long", "c1", count, "word " * count, final=count == 10)
            await asyncio.sleep(0.05)
        await socket.send(b"")
        states = await until_ready_to_stop(socket)
    assert len(states) < 8
    assert states[-1]["lines"][0]["text"] == "word " * 9 + "word"


async def test_lines_are_translated() -> None:
    text = "We must open the door today."
    async with running(translation_model=TRANSLATION_MODEL) as service:
        async with asr(service, "?target_language=German&mode=diff") as socket:
            await receive(socket)
            await socket.send(bytes(RATE))
            await receive(socket)
            speak(service, "main", "c1", 1, text, final=True)
            await socket.send(b"")
            messages = await until_ready_to_stop(socket)
        (line,) = [line for message in messages for line in message.get("new_lines", [])]
        assert (line["text"], line["translation"]) == (text, "Wir müssen die Tür heute öffnen.")
        assert messages[-1]["buffer_translation"] == ""


async def test_health(service: Running) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        answer = (await client.get("/health")).json()
    assert answer == {"status": "ok", "backend": "surtitle", "ready": True}
