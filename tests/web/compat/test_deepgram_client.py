"""Deepgram's own client against the real service, with real weights."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from surtitle.access.tokens import Scope
from surtitle.audio.pcm import to_pcm
from surtitle.core.settings import Limits
from surtitle.web.compat import deepgram as endpoint
from tests.support import Running, as_wav, blocks, error_rate, running
from tests.web.compat.clients import TEXT, guarded, recognizing, sound, token

RAW = {"encoding": "linear16", "sample_rate": "16000"}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what the client uses of websockets


@pytest_asyncio.fixture(scope="module")
async def service(whisper_tiny: Path) -> AsyncIterator[Running]:
    async with recognizing(whisper_tiny) as service:
        yield service


def client(service: Running, name: str, key: str = "unused") -> Any:
    deepgram = pytest.importorskip("deepgram")
    from deepgram.environment import DeepgramClientEnvironment

    environment = DeepgramClientEnvironment(
        base=service.url, production=service.sockets, agent=service.sockets, agent_rest=service.url
    )
    return getattr(deepgram, name)(api_key=key, environment=environment)


class Heard:
    """All messages of a connection."""

    def __init__(self, connection: Any) -> None:
        from deepgram.core.events import EventType

        self.messages: list[Any] = []
        self.errors: list[Any] = []
        connection.on(EventType.MESSAGE, self.messages.append)
        connection.on(EventType.ERROR, self.errors.append)

    def of(self, kind: str) -> list[Any]:
        return [message for message in self.messages if message.type == kind]

    @property
    def finals(self) -> list[Any]:
        return [result for result in self.of("Results") if result.is_final]

    @property
    def text(self) -> str:
        return " ".join(result.channel.alternatives[0].transcript for result in self.finals)


def check(heard: Heard) -> None:
    """What is true of every connection that heard the speech."""
    assert heard.errors == []
    assert error_rate(TEXT, heard.text) < 0.3
    assert heard.messages[-1].type == "Metadata"
    assert heard.messages[-1].duration == pytest.approx(len(sound()) / 16_000, abs=0.1)
    end = 0.0
    for result in heard.finals:
        assert result.start == pytest.approx(end, abs=0.002)
        end = result.start + result.duration
        assert result.metadata.request_id == heard.messages[-1].request_id


async def test_the_asynchronous_client(service: Running) -> None:
    options = {"interim_results": "true", "smart_format": "true", "vad_events": "true", "utterance_end_ms": "1000"}
    async with client(service, "AsyncDeepgramClient").listen.v1.connect(
        model="nova-3", language="en-US", keyterm="Surtitle", **RAW, **options
    ) as connection:
        heard = Heard(connection)
        listening = asyncio.create_task(connection.start_listening())
        await connection.send_keep_alive()
        for block in blocks(sound(), 8000):
            await connection.send_media(to_pcm(block))
            await asyncio.sleep(0.1)  # so that there are interim results
        await connection.send_close_stream()
        await asyncio.wait_for(listening, 60)
    check(heard)
    assert {message.type for message in heard.messages} == {"SpeechStarted", "Results", "UtteranceEnd", "Metadata"}
    assert any(not result.is_final for result in heard.of("Results"))
    assert heard.finals[-1].speech_final
    assert heard.finals[0].channel.alternatives[0].words[0].punctuated_word


async def test_the_synchronous_client(service: Running) -> None:
    def run() -> Heard:
        with client(service, "DeepgramClient").listen.v1.connect(
            model="nova-3", diarize="true", punctuate="true", **RAW
        ) as connection:
            heard = Heard(connection)
            listening = threading.Thread(target=connection.start_listening)
            listening.start()
            half = len(sound()) // 2
            connection.send_media(to_pcm(sound()[:half]))
            connection.send_finalize()
            connection.send_media(to_pcm(sound()[half:]))
            connection.send_finalize()
            connection.send_finalize()
            connection.send_close_stream()
            listening.join(60)
            return heard

    heard = await asyncio.to_thread(run)
    check(heard)
    assert sum(bool(result.from_finalize) for result in heard.finals) == 3
    assert all(result.is_final for result in heard.of("Results"))
    assert {word.speaker for result in heard.finals for word in result.channel.alternatives[0].words} == {0}


async def test_a_container_is_recognized_and_an_empty_frame_ends_it(service: Running) -> None:
    async with connect(f"{service.sockets}/v1/listen?model=nova-3", proxy=None) as socket:
        wav = as_wav(sound())
        for at in range(0, len(wav), 30_000):
            await socket.send(wav[at : at + 30_000])
        await socket.send(b"")
        async with asyncio.timeout(60):
            messages = [json.loads(message) async for message in socket]
    assert socket.close_code == 1000
    heard = " ".join(one["channel"]["alternatives"][0]["transcript"] for one in messages if one["type"] == "Results")
    assert error_rate(TEXT, heard) < 0.3
    assert messages[-1]["type"] == "Metadata"


async def test_messages_that_are_no_commands_and_changes_on_the_way() -> None:
    async with running() as service:
        place = f"{service.sockets}/v1/listen?encoding=linear16&sample_rate=16000&replace=mister:Mr."
        async with connect(place, proxy=None) as socket:
            for message in ("hello", '{"type":"Sing"}', "[]"):
                await socket.send(message)
                answer = json.loads(await socket.recv())
                assert (answer["variant"], answer["message"]) == ("SchemaError", message)
            await socket.send('{"type":"Configure","keyterms":["Ada"],"features":{"numerals":true}}')
            answer = json.loads(await socket.recv())
            assert (answer["type"], answer["keyterms"]) == ("ConfigureSuccess", ["Ada"])
            hub = service.services.hub
            (source,) = hub.sources
            vocabulary = hub.sources.options(source).vocabulary
            assert (vocabulary.hotwords, dict(vocabulary.replacements)) == (("Ada",), {"mister": "Mr."})
            await socket.send(json.dumps({"type": "Configure", "keyterms": ["word"] * 101}))
            answer = json.loads(await socket.recv())
            assert (answer["type"], answer["code"]) == ("ConfigureFailure", "CONFIGURE_KEYTERM_LIMIT_EXCEEDED")
            await socket.send('{"type":"Finalize"}')
            assert json.loads(await socket.recv())["from_finalize"]
        async with connect(f"{service.sockets}/v1/listen", proxy=None) as socket:  # no audio at all
            await socket.send('{"type":"CloseStream"}')
            async with asyncio.timeout(60):
                messages = [json.loads(message) async for message in socket]
            assert [(one["type"], one["duration"]) for one in messages] == [("Metadata", 0.0)]
            assert socket.close_code == 1000


async def test_a_client_that_is_silent_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_IDLE_TIMEOUT", 0.3)
    async with running() as service, connect(f"{service.sockets}/v1/listen", proxy=None) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd
        assert (closed.value.rcvd.code, closed.value.rcvd.reason[:8]) == (1011, "NET-0001")


async def test_what_is_no_audio_ends_the_connection() -> None:
    async with running() as service, connect(f"{service.sockets}/v1/listen", proxy=None) as socket:
        with suppress(ConnectionClosed):
            for _ in range(100):
                await socket.send(b"This is not a container. " * 1000)
                await asyncio.sleep(0.05)
        assert (socket.close_code, (socket.close_reason or "")[:9]) == (1008, "DATA-0000")


async def test_refused_handshakes_have_a_status(tmp_path: Path) -> None:
    pytest.importorskip("deepgram")
    from deepgram.core.api_error import ApiError

    async with guarded(tmp_path) as service:
        with pytest.raises(ApiError) as refusal:
            async with client(service, "AsyncDeepgramClient", "wrong").listen.v1.connect(model="nova-3"):
                pass
        assert refusal.value.status_code == 401
        for place, key, status, code in (
            ("/v1/listen", "wrong", 401, "INVALID_AUTH"),
            ("/v1/listen", token(Scope.VIEW), 403, "INSUFFICIENT_PERMISSIONS"),
            ("/api/channels/" + "x" * 200 + "/v1/listen", token(), 404, "NOT_FOUND"),
            ("/v1/listen?callback=http://127.0.0.1/", token(), 400, "Bad Request"),
            ("/v1/listen?language=de", token(), 400, "Bad Request"),
        ):
            with pytest.raises(InvalidStatus) as answer:
                await connect(service.sockets + place, proxy=None, additional_headers={"Authorization": f"Token {key}"})
            body = json.loads(answer.value.response.body or b"")
            assert (answer.value.response.status_code, body["err_code"]) == (status, code)
            assert answer.value.response.headers["dg-request-id"] == body["request_id"]
    async with guarded(tmp_path / "full", Limits(sources=0)) as service:

        def run() -> None:
            with client(service, "DeepgramClient", token()).listen.v1.connect(model="nova-3"):
                pass

        with pytest.raises(InvalidStatus) as full:  # which the synchronous client does not catch
            await asyncio.to_thread(run)
        assert full.value.response.status_code == 429


async def test_a_browser_sends_its_token_in_a_subprotocol(tmp_path: Path) -> None:
    async with guarded(tmp_path) as service:
        for scheme in ("token", "bearer"):
            offered: Any = [scheme, token()]
            async with connect(f"{service.sockets}/v1/listen", proxy=None, subprotocols=offered) as socket:
                assert socket.subprotocol == scheme
