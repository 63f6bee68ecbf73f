"""Recording by the real service: the audio of its sources is on disk, at the right time."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio

from surtitle.audio import RATE
from surtitle.recordings.repair import inspect
from tests.audio.test_stream_clock import encode
from tests.recordings.test_audio_file import decode_file, tone
from tests.support import Running, as_wav, free_port, publish, running, silence, speech, until


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(data_dir=tmp_path) as service:
        yield service


def recordings(folder: Path) -> list[Path]:
    return sorted((folder / "recordings").glob("*/*"))


def pcm(frames: Any) -> bytes:
    return (np.asarray(frames) * 32768).astype("<i2").tobytes()


async def start(client: httpx.AsyncClient, channel: str) -> None:
    assert (await client.post(f"/api/channels/{channel}/recording")).json()["on"]


async def test_a_source_is_recorded_in_its_own_format(service: Running, tmp_path: Path) -> None:
    said = tone(2.0, 48_000, 2)
    async with httpx.AsyncClient(base_url=service.url) as client:
        await start(client, "full")
        await client.post(
            "/api/channels/full/audio?rate=48000&channels=2&source=H%C3%B6st/1", content=pcm(said), timeout=60
        )
    await until(lambda: len(recordings(tmp_path)) == 1)
    (path,) = recordings(tmp_path)
    await until(lambda: inspect(path).seconds == 2.0)
    frames, rate = decode_file(path)
    assert path.name == "1-Höst-1.flac"
    assert rate == 48_000
    assert np.abs(frames - said).max() < 2 / 32768
    assert inspect(path).tags["SURTITLE_SOURCE"] == "Höst/1"


async def test_a_container_is_recorded_too(service: Running, tmp_path: Path) -> None:
    said = speech("Good evening, and welcome to the show.")
    async with httpx.AsyncClient(base_url=service.url) as client:
        await start(client, "wav")
        await client.post("/api/channels/wav/audio?format=auto", content=as_wav(said), timeout=60)
    (path,) = recordings(tmp_path)
    await until(lambda: inspect(path).seconds == len(said) / RATE)
    assert np.abs(decode_file(path)[0][:, 0] - said).max() < 2 / 32768


async def test_a_gap_in_a_container_is_silence_in_its_recording(service: Running, tmp_path: Path) -> None:
    data = encode("matroska", "flac", time=lambda time: time if time < 1.0 else time + 5.0)
    async with httpx.AsyncClient(base_url=service.url) as client:
        await start(client, "gap")
        answer = await client.post("/api/channels/gap/audio?format=auto", content=data, timeout=60)
    assert answer.json()["seconds"] == pytest.approx(7.0, abs=0.1)
    (path,) = recordings(tmp_path)
    frames, rate = decode_file(path)
    assert len(frames) / rate == pytest.approx(7.0, abs=0.1)
    assert not frames[round(1.2 * rate) : round(5.8 * rate)].any()


async def test_recording_starts_and_stops_in_the_middle(service: Running, tmp_path: Path) -> None:
    """Each file has its beginning on the channel's clock in its tags."""
    async with httpx.AsyncClient(base_url=service.url) as client, service.publisher("middle") as socket:
        await socket.send('{"op":"start","source":"Host"}')
        clock = json.loads(await socket.recv())["clock"]
        second = silence(1.0) + 0.1

        async def send(count: int) -> None:
            before = service.services.hub.sources.position(service.services.hub.channel("middle"), "Host")
            for _ in range(count):
                await socket.send(pcm(second))
            await until(
                lambda: (
                    service.services.hub.sources.position(service.services.hub.channel("middle"), "Host")
                    >= before + count - 0.01
                )
            )

        await send(2)
        await start(client, "middle")
        await send(3)
        stopped = (await client.delete("/api/channels/middle/recording")).json()
        assert [one["seconds"] for one in stopped["ended"]] == [3.0]
        assert not stopped["on"]
        await send(1)
        await start(client, "middle")
        await send(2)
        state = (await client.get("/api/channels/middle")).json()["recording"]
        assert (state["on"], state["seconds"], state["files"], state["problem"]) == (True, 2.0, 1, "")
        await client.delete("/api/channels/middle/recording")
    found = [inspect(path) for path in recordings(tmp_path)]
    assert [round(one.seconds, 3) for one in found] == [3.0, 2.0]
    offsets = [float(one.tags["SURTITLE_CLOCK"]) - clock for one in found]
    assert offsets == pytest.approx([2.0, 6.0], abs=0.01)


async def test_audio_during_a_pause_is_recorded_as_silence(service: Running, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client, service.publisher("paused") as socket:
        assert (await client.patch("/api/channels/paused/settings", json={"record": True})).json()["record"]
        await socket.send('{"op":"start","source":"Host"}')
        await socket.recv()
        hub = service.services.hub
        for number, paused in enumerate((False, True, False), start=1):
            await client.patch("/api/channels/paused/settings", json={"paused": paused})
            await socket.send(pcm(silence(1.0) + 0.1))
            await until(lambda number=number: hub.sources.of(hub.channel("paused"))[0].input.received >= number)  # type: ignore[misc]
        await socket.send('{"op":"end"}')
        async for _ in socket:
            pass
    (path,) = recordings(tmp_path)
    await until(lambda: inspect(path).seconds == 3.0)
    frames = decode_file(path)[0][:, 0]
    assert [float(np.abs(frames[at : at + RATE]).max()) > 0.05 for at in (0, RATE, 2 * RATE)] == [True, False, True]


async def test_the_clock_is_right_after_a_lost_connection(service: Running, tmp_path: Path) -> None:
    """The file continues where the service had got to; another rate begins another file."""
    async with httpx.AsyncClient(base_url=service.url) as client:
        await start(client, "lost")
        resume, received = "", 0.0
        for number in range(3):
            async with service.publisher("lost") as socket:
                more = {"resume": resume} if resume else {}
                rate = 44_100 if number < 2 else 48_000
                await socket.send(json.dumps({"op": "start", "rate": rate, "source": "Host", **more}))
                ready = json.loads(await socket.recv())
                assert ready["resumed"] == bool(number)
                resume = ready["resume"]
                assert ready["received"] >= received
                received = ready["received"]
                await socket.send(pcm(tone(1.0, rate, 1)))
                hub = service.services.hub
                source = hub.sources.of(hub.channel("lost"))[0]
                await until(lambda: source.input.received >= received + 0.9)  # noqa: B023 - used at once
        total = source.input.received
        await client.delete("/api/channels/lost/recording")
    first, second = (inspect(path) for path in recordings(tmp_path))
    assert (first.rate, second.rate) == (44_100, 48_000)
    begins = float(second.tags["SURTITLE_CLOCK"]) - float(first.tags["SURTITLE_CLOCK"])
    assert first.seconds == pytest.approx(begins, abs=0.05)  # but for what the last resampler still held
    assert begins + second.seconds == pytest.approx(total, abs=0.05)


async def test_a_service_without_a_data_folder_refuses_to_record() -> None:
    async with running() as service, httpx.AsyncClient(base_url=service.url) as client:
        answer = await client.post("/api/channels/main/recording")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
        assert not (await client.get("/api/channels/main/recording")).json()["possible"]


async def test_captions_continue_when_the_disk_fails(service: Running, tmp_path: Path) -> None:
    (tmp_path / "recordings").touch()  # where a folder should be
    async with httpx.AsyncClient(base_url=service.url) as client:
        await start(client, "broken")
        said = await publish(service, speech("Good evening, and welcome to the show."), channel="broken", pace=4)
        state = (await client.get("/api/channels/broken/recording")).json()
        assert "evening" in said.text.lower()
        assert not state["on"]
        assert "fix it and start it again" in state["problem"]
        (tmp_path / "recordings").unlink()
        await start(client, "broken")
        assert (await client.get("/api/channels/broken/recording")).json()["problem"] == ""


async def test_recordings_are_finished_when_the_service_stops(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        await start(client, "stop")
        socket = await service.publisher("stop")
        await socket.send('{"op":"start","source":"Host"}')
        await socket.send(pcm(silence(1.5)))
        hub = service.services.hub
        await until(lambda: bool(hub.sources.of(hub.channel("stop"))))
        await until(lambda: hub.sources.of(hub.channel("stop"))[0].input.received >= 1.5)
        await asyncio.sleep(0)
    assert [inspect(path).seconds for path in recordings(tmp_path)] == [1.5]


async def test_a_source_that_continues_after_a_restart_has_a_second_recording(tmp_path: Path) -> None:
    """In the same session and on the same clock; the channel is still being recorded."""
    port, resume = free_port(), "a-resume-id-of-the-client"
    for number in range(2):
        async with running(data_dir=tmp_path, port=port) as service:
            async with httpx.AsyncClient(base_url=service.url) as client:
                await client.patch("/api/channels/again/settings", json={"record": True} if not number else {})
            socket = await service.publisher("again")
            await socket.send(json.dumps({"op": "start", "source": "Host", "resume": resume}))
            ready = json.loads(await socket.recv())
            hub = service.services.hub
            source = hub.sources.of(hub.channel("again"))[0]
            await socket.send(pcm(speech("The weather is fine today.")))
            await until(lambda source=source, ready=ready: source.input.received > ready["received"] + 2)  # type: ignore[misc]
            await asyncio.sleep(1.0)  # what it said is written down
            session = hub.channel("again").session.current.id
    assert ready["resumed"]
    first, second = (inspect(path) for path in sorted((tmp_path / "recordings" / session).iterdir()))
    clocks = [float(one.tags["SURTITLE_CLOCK"]) for one in (first, second)]
    assert clocks[1] - clocks[0] == pytest.approx(ready["received"], abs=0.01)


async def test_the_setting_applies_as_soon_as_it_is_changed(service: Running, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client, service.publisher("auto") as socket:
        await socket.send('{"op":"start","source":"Host"}')
        await socket.recv()
        recorder, channel = service.services.recorder, service.services.hub.channel("auto")

        async def say(files: int) -> None:
            await socket.send(pcm(silence(0.5)))
            await until(lambda: recorder.describe(channel)["recording"]["files"] == files)

        await say(0)
        await client.patch("/api/channels/auto/settings", json={"record": True})
        await say(1)
        await client.delete("/api/channels/auto/recording")
        await say(0)
        await client.patch("/api/channels/auto/settings", json={"record": True})  # is nothing new
        await say(0)
        await client.patch("/api/channels/auto/settings", json={"record": False})
        await client.patch("/api/channels/auto/settings", json={"record": True})
        await say(1)
        await client.patch("/api/channels/auto/settings", json={"record": False})
        await say(0)
    assert len(recordings(tmp_path)) == 2


async def test_a_locked_database_does_not_delay_a_recording(service: Running, tmp_path: Path) -> None:
    """It is stopped in time, its file is complete, and it is saved once the database is unlocked."""
    recording_files, hub = service.services.sessions.recording_files, service.services.hub
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        await start(client, "locked")
        with closing(sqlite3.connect(tmp_path / "surtitle.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            async with service.publisher("locked") as socket:
                await socket.send('{"op":"start","source":"Host"}')
                await socket.recv()
                await socket.send(pcm(silence(1.0)))
                await until(lambda: service.services.recorder.is_recording(hub.channel("locked").session.current.id))
                stopped = (await client.delete("/api/channels/locked/recording")).json()
            assert [one["seconds"] for one in stopped["ended"]] == [1.0]
            (path,) = recordings(tmp_path)
            assert inspect(path).seconds == 1.0
            other.execute("ROLLBACK")
        session = hub.channel("locked").session.current.id
        await until(lambda: [one.seconds for one in recording_files.recordings(session)] == [1.0])
