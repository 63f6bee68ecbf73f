"""The Vosk server's protocol: with clients that people have on real weights, and reply by reply."""

from __future__ import annotations

import asyncio
import json
import wave
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path
from queue import Queue
from typing import Any, cast

import pytest
import pytest_asyncio
import srt
from vosk.transcriber.transcriber import Transcriber
from websockets.asyncio.client import ClientConnection, connect

from surtitle.audio.pcm import to_pcm
from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.demo import SAMPLE
from surtitle.web.compat.live_source import LiveSource
from surtitle.web.compat.transcript import CaptionChange, Change, SpeechEnded
from surtitle.web.compat.vosk import Config, Results
from tests.support import (
    Running,
    as_wav,
    error_rate,
    free_port,
    load,
    need,
    running,
    sample_text,
    silence,
    sources,
    speak,
    until,
)

TEXT = "The old clock on the wall has not worked for many years."
Reply = dict[str, Any]


@pytest_asyncio.fixture(scope="module")
async def whisper(whisper_tiny: Path) -> AsyncIterator[Running]:
    async with running(engine="whisper", model=str(whisper_tiny), language="en", vosk_port=free_port()) as service:
        yield service


def vosk(service: Running, channel: str = "") -> Any:
    place = f"/api/channels/{channel}" if channel else ""
    return connect(f"{service.sockets}{place}/vosk", proxy=None)


def waiting(service: Running, channel: str) -> float:
    """Seconds of audio that are not recognized yet."""
    hub = service.services.hub
    return float(sum(source.input.waiting for source in hub.sources.of(hub.channel(channel))))


async def ask(socket: ClientConnection, message: str | bytes) -> Reply:
    """Send one message, and wait for the only reply."""
    await socket.send(message)
    return dict(json.loads(await asyncio.wait_for(socket.recv(), 60)))


async def test_a_client_that_does_what_the_servers_own_test_does(whisper: Running, tmp_path: Path) -> None:
    """As alphacep/vosk-server's websocket/test.py: the same messages, in the same order, at the same port."""
    file = tmp_path / "talk16k.wav"
    file.write_bytes(as_wav(load(SAMPLE)))
    replies = []
    port = whisper.services.settings.vosk_port
    with wave.open(str(file), "rb") as wav:
        async with connect(f"ws://localhost:{port}", proxy=None) as socket:
            await socket.send(f'{{ "config" : {{ "sample_rate" : {wav.getframerate()} }} }}')
            while data := wav.readframes(int(wav.getframerate() * 0.2)):
                replies.append(await ask(socket, data))
                await until(lambda: waiting(whisper, "main") < 1.0)  # as if the audio were live
            assert sources(whisper, "main") == ["Vosk client"]
            replies.append(await ask(socket, '{"eof" : 1}'))
            await socket.wait_closed()
    assert socket.close_code == 1000
    assert all(set(reply) in ({"partial"}, {"text"}, {"text", "result"}) for reply in replies)
    assert any(reply.get("partial") for reply in replies)
    assert error_rate(sample_text(), " ".join(filter(None, (reply.get("text") for reply in replies)))) < 0.2
    words = [word for reply in replies for word in reply.get("result", [])]
    assert [word["start"] for word in words] == sorted(word["start"] for word in words)
    assert set(words[0]) == {"conf", "end", "start", "word"}
    assert error_rate(sample_text(), " ".join(word["word"] for word in words)) < 0.2
    assert len([reply for reply in replies if reply.get("result")]) > 1  # utterances, not all at the end


async def test_the_client_of_the_vosk_package(whisper: Running, tmp_path: Path) -> None:
    need("ffmpeg")
    client = Transcriber.__new__(Transcriber)  # which would load a model that only its own recognizer needs
    client.args = Namespace(server=f"{whisper.sockets}/api/channels/package/vosk", output_type="srt", tasks=1)
    client.queue = Queue()
    await asyncio.to_thread(client.process_task_list, [(str(SAMPLE), str(tmp_path / "talk.srt"))])
    subtitles = list(srt.parse((tmp_path / "talk.srt").read_text(encoding="utf-8")))
    assert error_rate(sample_text(), " ".join(subtitle.content for subtitle in subtitles)) < 0.2
    assert 24 < subtitles[-1].end.total_seconds() < 28


async def test_one_reply_to_each_message_and_none_to_a_config(service: Running) -> None:
    async with vosk(service, "replies") as socket:
        await socket.send('{"config":{"model":"/etc/passwd","words":1}}')
        assert await ask(socket, "what?") == {"partial": ""}
        assert await ask(socket, '{"reset":1}') == {"text": ""}
        await socket.send('{"config" : {"sample_rate" : "16000.000000", "phrase_list" : "[\\"clock\\", \\"[unk]\\"]"}}')
        assert sources(service, "replies") == []
        assert await ask(socket, b"") == {"partial": ""}
        assert await ask(socket, bytes(6401)) == {"partial": ""}
        assert await ask(socket, bytes(1)) == {"partial": ""}  # the other half of a sample
        speak(service, "replies", "c1", 1, "The old", "clock")
        assert await ask(socket, bytes(6400)) == {"partial": "The old clock"}
        speak(service, "replies", "c1", 2, TEXT, final=True)
        await socket.send('{"config":{"words":0}}')  # too late, and has no reply either
        first = await ask(socket, '{"reset" : 1}')
        assert first["text"] == TEXT
        assert await ask(socket, '{"what":1}') == {"partial": ""}
        speak(service, "replies", "c2", 1, "Nobody winds it.", start=30.0, final=True)
        second = await ask(socket, '{"eof":1}')
        assert [word["word"] for word in second["result"]] == ["Nobody", "winds", "it."]
        assert second["result"][0]["start"] > first["result"][-1]["end"]
        await socket.wait_closed()
    assert socket.close_code == 1000


async def test_an_end_without_audio(service: Running) -> None:
    async with vosk(service) as socket:
        assert await ask(socket, '{"eof" : 1}') == {"text": ""}
        await socket.wait_closed()
    assert socket.close_code == 1000


async def test_silence_at_8000_hertz_which_is_the_default(service: Running) -> None:
    async with vosk(service, "default") as socket:
        assert await ask(socket, to_pcm(silence(1.0))) == {"partial": ""}
        (source,) = service.services.hub.sources.of(service.services.hub.channel("default"))
        assert source.input.received == pytest.approx(2.0, abs=0.1)
        assert await ask(socket, '{"eof" : 1}') == {"text": ""}


@pytest.mark.parametrize("rate", ['"fast"', "1", "[]", "1e400"])
async def test_a_config_that_is_not_valid(service: Running, rate: str) -> None:
    async with vosk(service) as socket:
        await socket.send(f'{{"config":{{"sample_rate":{rate}}}}}')
        await socket.send(bytes(100))
        await socket.wait_closed()
    assert socket.close_code == 1008
    assert socket.close_reason


class _Scripted:
    """A source whose changes are known."""

    def __init__(self, *steps: list[Change], tentative: str = "") -> None:
        self._steps = list(steps)
        self.follower = Namespace(tentative=tuple(Word(text, 9.0, 9.5) for text in tentative.split()))

    def take_changes(self) -> list[Change]:
        return self._steps.pop(0) if self._steps else []


def said(text: str, start: float) -> CaptionChange:
    words = tuple(Word(part, start + at, start + at + 0.5, 0.75) for at, part in enumerate(text.split()))
    return CaptionChange(Caption("c1", 1, "Host", "en", words), words)


def results(scripted: _Scripted, **config: Any) -> Results:
    return Results(cast(LiveSource, scripted), Config(**config))


def test_an_utterance_that_has_ended_is_one_result() -> None:
    steps: list[Change] = [said("Please close", 1), said("the door.", 3), SpeechEnded(5.0), said("Thank", 6)]
    found = results(_Scripted(steps[:1], steps[1:], tentative="you."))
    assert found.next() == {"partial": "Please close you."}
    reply = found.next()
    assert reply["text"] == "Please close the door."
    assert reply["result"][0] == {"conf": 0.75, "end": 1.5, "start": 1.0, "word": "Please"}
    assert found.next() == {"partial": "Thank you."}
    assert found.rest()["text"] == "Thank"


def test_several_results_come_one_by_one_and_together_at_the_end() -> None:
    steps: list[Change] = [said("One.", 1), SpeechEnded(2), said("Two.", 3), SpeechEnded(4), said("Three.", 5)]
    found = results(_Scripted(list(steps)), words=0)
    assert [found.next() for _ in range(3)] == [{"text": "One."}, {"text": "Two."}, {"partial": "Three."}]
    assert results(_Scripted(list(steps)), words=0).rest() == {"text": "One. Two. Three."}


def test_alternatives() -> None:
    word = {"start": 1.0, "end": 1.5, "word": "One."}
    best = {"confidence": 0.75, "text": "One."}
    assert results(_Scripted([said("One.", 1)]), max_alternatives=3).rest() == {
        "alternatives": [{**best, "result": [word]}]
    }
    assert results(_Scripted([said("One.", 1)]), max_alternatives=3, words=False).rest() == {"alternatives": [best]}
