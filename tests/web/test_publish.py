"""The publish protocol as the contract has it, on real speech."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import soxr

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from tests.support import (
    PublisherReplies,
    Running,
    blocks,
    error_rate,
    listen,
    need,
    publish,
    running,
    silence,
    speech,
    until,
)

TEXT = "The old clock on the wall has not worked for many years."


async def test_start_partial_final_end(service: Running) -> None:
    said = await publish(service, speech(TEXT), channel="contract", source="tab", lang="en")
    ready, *rest, end = said.messages
    resume = ready.pop("resume")
    assert len(resume) >= 16
    assert ready == {
        "type": "ready",
        "channel": "contract",
        "source": "tab",
        "engine": "pocketsphinx",
        "recipient": "",
        "language": "en",
        "resumed": False,
        "received": 0.0,
        "clock": 0.0,
    }
    assert end == {"type": "end"}
    assert said.code == 1000
    assert {message["type"] for message in rest} <= {"partial", "final", "lag"}
    assert said.of("partial")
    check_revisions(said)
    for final in said.of("final"):
        assert set(final) == {"type", "id", "rev", "text", "ts", "te", "words"}
        assert " ".join(word["w"] for word in final["words"]) == final["text"]
        assert final["ts"] == final["words"][0]["s"]
        assert final["te"] == final["words"][-1]["e"]
        times = [time for word in final["words"] for time in (word["s"], word["e"])]
        assert times == sorted(times)
        assert all(0 <= word["p"] <= 1 for word in final["words"])
    assert error_rate(TEXT, said.text) < 0.2


async def test_sources_that_send_what_they_have_kept_stay_on_one_clock(service: Running) -> None:
    """Both speak now, but begin at different times: one of them before the channel's clock began."""
    sounds = {
        "a": (5.0, np.concatenate((silence(3.0), speech(TEXT)))),
        "b": (7.0, np.concatenate((silence(5.0), speech(TEXT)))),
    }
    said = {}
    for name, (age, samples) in sounds.items():
        said[name] = await publish(service, samples, channel="ages", source=name, age=age)
    began = {name: one.of("final")[0]["ts"] for name, one in said.items()}
    clock = {name: one.of("ready")[0]["clock"] for name, one in said.items()}
    assert clock["a"] == 0
    later = clock["b"] + 2.0  # seconds from one connection to the next
    assert began["a"] == pytest.approx(3.5, abs=0.5)
    assert began["b"] == pytest.approx(began["a"] + later, abs=0.3)
    assert (await publish(service, silence(0.1), channel="ages", age=-1)).error == "bad_request"


@pytest.mark.alone
async def test_words_come_while_they_are_spoken(service: Running) -> None:
    """Paced as live speech is: words are shown, and some are committed, before their sentence ends."""
    samples = np.concatenate((speech("Good morning."), speech(TEXT)))
    async with service.publisher() as socket:
        await socket.send(json.dumps({"op": "start", "source": "live"}))
        listening = asyncio.create_task(listen(socket))
        for block in blocks(samples, RATE // 10):
            await socket.send(to_pcm(block))
            await asyncio.sleep(0.1)
        await socket.send('{"op":"end"}')
        said = await listening
    assert len(said.of("partial")) > 5
    assert any(0 < message["stable"] < len(message["text"]) for message in said.of("partial"))


def check_revisions(said: PublisherReplies) -> None:
    """Revisions count up, and the stable beginning of a text never changes again."""
    stable: dict[str, str] = {}
    revisions: dict[str, int] = {}
    for message in said.messages:
        if message["type"] not in ("partial", "final"):
            continue
        key = message["id"]
        assert message["rev"] > revisions.get(key, 0)
        assert message["text"].startswith(stable.get(key, ""))
        revisions[key] = message["rev"]
        stable[key] = message["text"][: message.get("stable", len(message["text"]))]


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 1), (192_000, 2)])
async def test_any_rate_and_stereo(service: Running, rate: int, channels: int) -> None:
    samples = np.asarray(soxr.resample(speech(TEXT), RATE, rate), dtype=np.float32)
    data = to_pcm(np.repeat(samples, channels))
    async with service.publisher() as socket:
        await socket.send(json.dumps({"op": "start", "rate": rate, "channels": channels}))
        listening = asyncio.create_task(listen(socket))
        for at in range(0, len(data), 60_001):  # cut inside samples
            await socket.send(data[at : at + 60_001])
        await socket.send('{"op":"end"}')
        said = await listening
    # 8 kHz is telephone quality: it only has to be understood somehow
    assert error_rate(TEXT, said.text) < (0.7 if rate == 8_000 else 0.25)


@pytest.mark.parametrize(
    ("form", "arguments"),
    [
        ("webm", ["-c:a", "libopus", "-f", "webm"]),
        ("ogg", ["-c:a", "libopus", "-f", "ogg"]),
        ("auto", ["-c:a", "flac", "-f", "flac"]),
        ("auto", ["-c:a", "libmp3lame", "-b:a", "96k", "-f", "mp3"]),
    ],
)
async def test_container_streams(service: Running, tmp_path: Path, form: str, arguments: list[str]) -> None:
    data = convert(tmp_path, arguments)
    async with service.publisher() as socket:
        await socket.send(json.dumps({"op": "start", "format": form}))
        listening = asyncio.create_task(listen(socket))
        for at in range(0, len(data), 1000):
            await socket.send(data[at : at + 1000])
        await socket.send('{"op":"end"}')
        said = await listening
    assert said.code == 1000
    assert error_rate(TEXT, said.text) < 0.25


async def test_chunked_post(service: Running) -> None:
    data = to_pcm(speech(TEXT))

    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 4096):
            yield data[at : at + 4096]

    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        answer = await client.post(
            "/api/channels/posted/audio?source=obs&format=pcm16le&rate=16000&channels=1&lang=en", content=body()
        )
        assert answer.status_code == 200
        summary = answer.json()
        assert (summary["type"], summary["source"], summary["skipped"]) == ("end", "obs", 0.0)
        assert summary["seconds"] == pytest.approx(len(data) / 2 / RATE, abs=0.01)
        transcript = await client.get("/api/channels/posted/transcript.txt")
    assert error_rate(TEXT, transcript.text) < 0.2


async def test_ffmpeg_and_curl_need_no_client(service: Running, tmp_path: Path) -> None:
    """What OBS's own ffmpeg output and a shell do: a body of unknown length, from a program."""
    curl = need("curl")
    (tmp_path / "speech.ogg").write_bytes(convert(tmp_path, ["-c:a", "libopus", "-f", "ogg"]))
    ffmpeg = [need("ffmpeg"), "-v", "error", "-i", "speech.ogg", "-f", "s16le", "-ar", "48000", "-ac", "2", "-"]
    url = f"{service.url}/api/channels/shell/audio?rate=48000&channels=2&source=shell"

    def pipe() -> Any:
        sending = subprocess.Popen(ffmpeg, cwd=tmp_path, stdout=subprocess.PIPE)
        command = [curl, "-s", "-X", "POST", "--noproxy", "*", "-T", "-", url]
        try:
            answer = subprocess.run(command, stdin=sending.stdout, capture_output=True, timeout=60, check=True)
        finally:
            assert sending.stdout is not None
            sending.stdout.close()
            sending.wait(10)
        return json.loads(answer.stdout)

    assert (await asyncio.to_thread(pipe))["captions"] >= 1


async def test_two_sources_in_one_channel_keep_their_names(service: Running) -> None:
    host, guest = await asyncio.gather(
        publish(service, speech("Most of the people in this town work at the hospital."), channel="two", source="Host"),
        publish(
            service, speech("He opened the window because the room was warm.", "awb"), channel="two", source="Guest"
        ),
    )
    assert {message["id"] for message in host.of("final")}.isdisjoint(message["id"] for message in guest.of("final"))
    async with httpx.AsyncClient(base_url=service.url) as client:
        captions = (await client.get("/api/channels/two/transcript.json")).json()["captions"]
        srt = (await client.get("/api/channels/two/transcript.srt")).text
    by_source = {name: " ".join(c["text"] for c in captions if c["source"] == name) for name in ("Host", "Guest")}
    assert "hospital" in by_source["Host"]
    assert "window" in by_source["Guest"]
    assert "Host: Most" in srt
    assert "Guest: He" in srt


async def test_two_sources_of_one_name_get_different_ones(service: Running) -> None:
    async with service.publisher("names") as one, service.publisher("names") as two:
        for socket in (one, two):
            await socket.send('{"op":"start","source":"tab"}')
        names = {json.loads(await socket.recv())["source"] for socket in (one, two)}
    assert names == {"tab", "tab 2"}


async def test_a_lost_connection_resumes_on_the_same_clock(service: Running) -> None:
    first = speech("The price of gas has gone up again this week.")
    second = speech("We need to talk about the money before we decide.")
    async with service.publisher("resumed") as socket:
        await socket.send('{"op":"start","source":"tab"}')
        ready = json.loads(await socket.recv())
        for block in blocks(first, RATE // 10):
            await socket.send(to_pcm(block))
        while json.loads(await socket.recv())["type"] != "final":
            pass
        socket.transport.abort()
    async with service.publisher("resumed") as socket:
        await socket.send(json.dumps({"op": "start", "source": "tab", "resume": ready["resume"]}))
        listening = asyncio.create_task(listen(socket))
        for block in blocks(second, RATE // 10):
            await socket.send(to_pcm(block))
        await socket.send('{"op":"end"}')
        said = await listening
    again = said.of("ready")[0]
    assert (again["resumed"], again["resume"], again["source"]) == (True, ready["resume"], "tab")
    assert again["received"] == pytest.approx(len(first) / RATE, abs=0.2)
    assert said.of("final")[0]["ts"] > len(first) / RATE
    async with httpx.AsyncClient(base_url=service.url) as client:
        text = (await client.get("/api/channels/resumed/transcript.txt")).text
    assert text.lower().count("price") == 1
    assert "money" in text


async def test_resuming_takes_the_source_from_a_dead_connection(service: Running) -> None:
    async with service.publisher("taken") as old, service.publisher("taken") as new:
        await old.send('{"op":"start"}')
        ready = json.loads(await old.recv())
        await new.send(json.dumps({"op": "start", "resume": ready["resume"]}))
        assert json.loads(await new.recv())["resumed"]
        said = await listen(old, timeout=10)
        assert (said.error, said.code) == ("replaced", 4408)
        await new.send(to_pcm(speech("Please send me the report.")))
        await new.send('{"op":"end"}')
        assert "report" in (await listen(new)).text


async def test_a_client_that_comes_twice_while_its_source_is_opened_has_one_source(service: Running) -> None:
    start = json.dumps({"op": "start", "resume": str(uuid.uuid4())})
    async with service.publisher("twice") as first, service.publisher("twice") as second:
        await asyncio.gather(first.send(start), second.send(start))
        ready = [json.loads(await asyncio.wait_for(socket.recv(), 20)) for socket in (first, second)]
        assert sorted(one["resumed"] for one in ready) == [False, True]
        assert len({one["source"] for one in ready}) == len({one["clock"] for one in ready}) == 1
        assert len(service.services.hub.sources.of(service.services.hub.channel("twice"))) == 1


async def test_a_post_resumes_by_an_id_of_its_own(service: Running) -> None:
    """A client that cannot read `ready`, like OBS's ffmpeg output, brings its own id from the beginning."""
    path = f"/api/channels/own/audio?source=obs&resume={uuid.uuid4()}"
    first = to_pcm(speech("The price of gas has gone up again this week."))
    _, writer = await post_begun(service, path, first)
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:

        async def sources() -> list[dict[str, Any]]:
            return list((await client.get("/api/channels/own")).json()["sources"])

        async with asyncio.timeout(20):
            while not (found := await sources()) or found[0]["seconds"] < len(first) / 2 / RATE - 0.1:
                await asyncio.sleep(0.05)
            writer.transport.abort()
            while (await sources())[0]["state"] != "away":
                await asyncio.sleep(0.05)
        answer = (await client.post(path, content=to_pcm(speech("We need to talk about the money.")))).json()
        captions = (await client.get("/api/channels/own/transcript.json")).json()["captions"]
    assert answer["resumed"]
    assert [caption["source"] for caption in captions] == ["obs"] * len(captions)
    assert captions[-1]["start"] > len(first) / 2 / RATE
    assert "money" in captions[-1]["text"]


def _encode_tracks(count: int, container: str) -> bytes:
    """Two seconds of silence on each of some audio tracks."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        streams: list[Any] = [file.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in range(count)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 2 * RATE), dtype=np.int16), format="s16", layout="mono")
            frame.sample_rate = RATE
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize("container", ["matroska", "mov"])
async def test_audio_tracks_that_are_not_heard_are_told(service: Running, container: str) -> None:
    url = f"/api/channels/tracks-{container}/audio?format=auto&lang=en"
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        summary = (await client.post(url, content=_encode_tracks(3, container))).json()
        assert "3 tracks, and only the first is captioned" in summary["notice"]
        assert summary["seconds"] == pytest.approx(2, abs=0.1)
        assert "notice" not in (await client.post(url, content=_encode_tracks(1, container))).json()


async def test_a_language_that_the_engine_does_not_speak_is_told(service: Running) -> None:
    async with service.publisher() as socket:
        await socket.send('{"op":"start","lang":"fr"}')
        assert json.loads(await socket.recv())["language"] == "en"
        status = json.loads(await socket.recv())
    assert status["type"] == "status"
    assert "French (fr)" in status["notice"]


def convert(folder: Path, arguments: list[str]) -> bytes:
    """The test sentence in another container, by ffmpeg."""
    ffmpeg = need("ffmpeg")
    command = [ffmpeg, "-v", "error", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-", *arguments, "-"]
    done = subprocess.run(command, input=to_pcm(speech(TEXT)), capture_output=True, check=True, timeout=60, cwd=folder)
    return done.stdout


async def test_a_service_that_stops_tells_its_publishers_and_keeps_no_one_waiting() -> None:
    async with running() as service:
        answer, writer = await post_begun(service, "/api/channels/a/audio", to_pcm(speech(TEXT)))
        socket = await service.publisher("b")
        await socket.send('{"op":"start"}')
        await until(lambda: sum(len(channel["sources"]) for channel in service.services.hub.snapshot()) == 2)
        service.server.should_exit = True
        said = await listen(socket, timeout=10)
        status = await asyncio.wait_for(answer.readline(), 10)
        writer.close()
    assert (said.error, said.code) == ("shutting_down", 1012)
    assert status.startswith(b"HTTP/1.1 503")


async def post_begun(service: Running, path: str, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Start a chunked POST whose body is still being sent."""
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode() + f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()
    return reader, writer


@pytest.mark.parametrize("language", ["en-US", "en_gb", "EN", "eng"])
async def test_a_language_keeps_its_code_without_the_region(service: Running, language: str) -> None:
    said = await publish(service, silence(0.5), channel="region", lang=language.replace("_", "-"))
    assert said.messages[0]["language"] == "en"
    assert not [notice for notice in said.of("status") if "notice" in notice]


@pytest.mark.parametrize(("language", "name"), [("de-DE", "German (Germany)"), ("tlh", "Klingon"), ("nb", "Norwegian")])
async def test_a_language_that_the_model_does_not_know_is_said(service: Running, language: str, name: str) -> None:
    async with service.publisher("unknown") as socket:
        await socket.send(json.dumps({"op": "start", "lang": language}))
        messages = [json.loads(await socket.recv()) for _ in range(2)]
        assert messages[0]["type"] == "ready"
        assert "recognizes English only" in messages[1]["notice"]
        assert name in messages[1]["notice"]
        async with httpx.AsyncClient(base_url=service.url) as client:
            (source,) = (await client.get("/api/channels/unknown")).json()["sources"]
        assert source["notice"] == messages[1]["notice"]
        await socket.send('{"op":"end"}')
        await listen(socket)
