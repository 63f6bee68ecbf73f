"""OBS's own recordings, as the service notes them from obs-websocket, and transcripts that fit them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from surtitle.channels.channel import Channel
from surtitle.closed_captions.record_clock import RecordStatus
from tests.closed_captions.fake_obs import PASSWORD, fake_obs
from tests.support import Running, put, running, until


async def session(client: httpx.AsyncClient) -> dict[str, Any]:
    (one,) = (await client.get("/api/sessions")).json()["sessions"]
    return dict((await client.get(f"/api/sessions/{one['id']}")).json())


def note(service: Running, *statuses: tuple[float, RecordStatus]) -> None:
    """Note statuses at times on the channel's clock."""
    channel: Channel = service.services.hub.channel("main")
    clock = channel.session.clock
    for time, status in statuses:
        channel.session.clock = lambda ago=0.0, time=time: time  # type: ignore[method-assign, misc]
        service.services.obs_recordings.note(channel, status)
    channel.session.clock = clock  # type: ignore[method-assign]


async def test_a_transcript_fits_the_recording(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        service.services.hub.channel("main").begin()
        for number, (text, start) in enumerate([("Before.", 2.0), ("Begin.", 12.0), ("Pause.", 25.0), ("End.", 40.0)]):
            put(service, "main", f"c{number}", 1, text, start=start, final=True)
        first = [(10.0, 0.0), (19.0, 9.0), (20.0, 9.5), (30.0, 9.5), (31.0, 10.0), (45.0, 24.0)]
        statuses = [(clock, RecordStatus(True, position == 9.5, position)) for clock, position in first]
        note(service, *statuses, (46.0, RecordStatus(active=False, file="/home/ada/talk.mkv")))
        note(service, (50.0, RecordStatus(True, False, 0.3)))
        recordings: list[dict[str, Any]] = []

        async def load() -> int:
            recordings[:] = (await session(client))["obs_recordings"]
            return len(recordings)

        async with asyncio.timeout(30):
            while await load() < 2:
                await asyncio.sleep(0.02)
        assert recordings == [
            {"number": 1, "file": "/home/ada/talk.mkv", "start": 10.0, "seconds": 25.0},
            {"number": 2, "file": "", "start": 49.7, "seconds": None},
        ]
        address = f"/api/sessions/{(await session(client))['id']}/transcript.timed.txt?clock=obs"
        assert (await client.get(f"{address}&recording=1")).text == "[0:00:02] Begin.\n[0:00:19] End.\n"
        assert (await client.get(f"{address}&recording=1&offset=60")).text.startswith("[0:01:02] Begin.")
        assert (await client.get(address)).text == ""
        assert (await client.get(f"{address}&recording=3")).json()["code"] == "no_such_session"
        assert (await client.get(f"{address}&recording=x")).json()["code"] == "bad_request"


async def test_obs_is_asked_and_a_restart_of_the_service_is_survived(tmp_path: Path) -> None:
    async with fake_obs(recording=(False, 100.0), streaming=False) as obs:
        settings = {"closed_captions": {"enabled": True, "port": obs.port, "password": PASSWORD}}
        for seconds in (100.0, 101.0):
            obs.recording = (False, seconds)
            async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
                channel = service.services.hub.channel("main")
                channel.begin()
                put(service, "main", "c1", 1, "Good evening.", final=True)
                await client.patch("/api/channels/main/settings", json=settings)
                newest = service.services.obs_recordings._newest
                await until(lambda newest=newest: "main" in newest and newest["main"].saved)  # type: ignore[misc]
                (recording,) = (await session(client))["obs_recordings"]
                assert -101.0 < recording["start"] < -90.0
                assert (recording["number"], recording["seconds"]) == (1, None)
