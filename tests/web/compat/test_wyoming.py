"""The Wyoming protocol, with the library's own client, and with clients that break it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from surtitle.demo import SAMPLE
from tests.support import Running, blocks, error_rate, free_port, load, running, sample_text, silence, sources, until


@pytest_asyncio.fixture(scope="module")
async def home(whisper_tiny: Path) -> AsyncIterator[Running]:
    async with running(engine="whisper", model=str(whisper_tiny), language="en", wyoming_port=free_port()) as service:
        yield service


def port(service: Running) -> int:
    return int(service.services.settings.wyoming_port)


def client(service: Running) -> Any:
    return AsyncClient.from_uri(f"tcp://127.0.0.1:{port(service)}")


async def read(connection: Any) -> Event:
    event = await asyncio.wait_for(connection.read_event(), 60)
    assert isinstance(event, Event)
    return event


async def transcribe(connection: Any, pcm: bytes, *, start: bool = True) -> list[Event]:
    """All events up to the end of the transcript."""
    if start:
        await connection.write_event(AudioStart(rate=RATE, width=2, channels=1).event())
    for at in range(0, len(pcm), RATE):
        await connection.write_event(AudioChunk(RATE, 2, 1, pcm[at : at + RATE]).event())
    await connection.write_event(AudioStop().event())
    events = [await read(connection)]
    while not Transcript.is_type(events[-1].type):
        events.append(await read(connection))
    return events


async def test_the_librarys_client(home: Running) -> None:
    pcm = b"".join(to_pcm(block) for block in blocks(load(SAMPLE), RATE))
    async with client(home) as connection:
        await connection.write_event(Describe().event())
        info = Info.from_event(await read(connection))
        assert info.asr[0].supports_transcript_streaming
        assert info.asr[0].models[0].languages == ["en"]
        await connection.write_event(Ping(text="here?").event())
        assert Pong.from_event(await read(connection)).text == "here?"
        await connection.write_event(Transcribe(language="en", transcript_terms=["stream"]).event())
        events = await transcribe(connection, pcm)
        transcript = Transcript.from_event(events[-1])
        assert error_rate(sample_text(), transcript.text) < 0.2
        assert transcript.language == "en"
        assert [event.type for event in events[:2]] == ["transcript-start", "transcript-chunk"]
        assert "".join(event.data["text"] for event in events[1:-1]) == transcript.text
        assert (await read(connection)).type == "transcript-stop"
        silent = await transcribe(connection, to_pcm(silence(0.5)), start=False)  # the next one on this connection
        assert [event.data["text"] for event in silent] == [""]
    assert home.services.hub.find_channel("main") is None  # nobody's overlay shows it


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "bad_request"),
        (b"[]\n", "bad_request"),
        (b'{"type":"audio-start"}\n', "bad_request"),
        (b'{"type":"audio-start","data":{"rate":16000,"width":4,"channels":1}}\n', "unsupported_format"),
        (b'{"type":"audio-start","data":{"rate":1,"width":2,"channels":1}}\n', "unsupported_format"),
        (b'{"type":"transcribe","data":{"language":"xx"}}\n', "bad_request"),
        (b'{"type":"x","payload_length":99999999999}\n', "bad_request"),
        (b'{"type":"x","data_length":-1}\n', "bad_request"),
        (b'{"type":"x","data_length":2}\n[]', "bad_request"),
        (b"x" * 200_000, "too_large"),
    ],
)
async def test_what_breaks_the_protocol(home: Running, sent: bytes, code: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port(home))
    writer.write(sent)
    header = json.loads(await asyncio.wait_for(reader.readline(), 30))
    error = json.loads(await reader.readexactly(header["data_length"]))
    assert (header["type"], error["code"]) == ("error", code)
    assert error["text"]
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_goes_away_leaves_nothing(home: Running) -> None:
    async with client(home) as connection:
        await connection.write_event(AudioStart(rate=RATE, width=2, channels=1).event())
        await connection.write_event(AudioChunk(RATE, 2, 1, bytes(RATE)).event())
        await until(lambda: sources(home, "api") == ["Wyoming client"])
    await until(lambda: sources(home, "api") == [])


async def test_clients_learn_that_the_service_stops() -> None:
    async with running(wyoming_port=free_port()) as service:
        connection = client(service)
        await connection.connect()
        await connection.write_event(AudioStart(rate=RATE, width=2, channels=1).event())
        await until(lambda: sources(service, "api") == ["Wyoming client"])
    assert (await read(connection)).data["code"] == "shutting_down"
    await connection.disconnect()
