"""Transcripts that fit a recording of a real OBS that began later and was paused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from surtitle.audio.container import duration
from tests.obs.bed import PASSWORD, obs
from tests.support import free_port, put, running

TOLERANCE = 1.0  # seconds that a busy OBS may take to do what it was asked for; the pause is three times as long


@pytest.mark.parametrize("way", ["obs-websocket", "script"])
async def test_subtitles_fit_a_paused_recording(way: str, tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "obs"
    folder.mkdir()
    script = {"server": f"http://127.0.0.1:{port}"} if way == "script" else None
    async with running(port=port, data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        with obs(folder, script=script) as bed:
            quality = {"parameterCategory": "SimpleOutput", "parameterName": "RecQuality", "parameterValue": "Small"}
            bed.request("SetProfileParameter", quality)  # with that of the stream, OBS cannot pause
            channel = service.services.hub.channel("main")
            channel.begin()
            if way == "obs-websocket":
                settings = {"enabled": True, "port": bed.port, "password": PASSWORD}
                await client.patch("/api/channels/main/settings", json={"closed_captions": settings})
            said: dict[str, float] = {}
            asked: dict[str, float] = {}

            async def say(text: str) -> None:
                said[text] = channel.session.clock()
                put(service, "main", f"c{len(said)}", 1, text, start=said[text], final=True)

            async def ask(name: str, pause: float) -> None:
                await asyncio.to_thread(bed.request, name)
                asked[name] = channel.session.clock()
                await asyncio.sleep(pause)

            await asyncio.sleep(2.5)
            await ask("StartRecord", 3.5)
            await say("First.")
            await asyncio.sleep(1.5)  # words last for a second
            await ask("PauseRecord", 1.0)
            await say("Paused.")
            await asyncio.sleep(2.0)
            await ask("ResumeRecord", 2.5)
            await say("Second.")
            await asyncio.sleep(1.5)
            await ask("StopRecord", 0.0)
            recording: dict[str, Any] = {}
            async with asyncio.timeout(30):
                while recording.get("seconds") is None:
                    await asyncio.sleep(0.1)
                    (session,) = (await client.get("/api/sessions")).json()["sessions"]
                    found = (await client.get(f"/api/sessions/{session['id']}")).json()["obs_recordings"]
                    recording = found[0] if found else {}
        assert len(found) == 1
        (file,) = folder.glob("*.mkv")
        assert recording["file"] in ("", str(file))
        assert recording["seconds"] == pytest.approx(duration(str(file)), abs=1.5)  # its end is seen a second later
        fitted = await client.get(f"/api/sessions/{session['id']}/transcript.json?clock=obs")
        starts = {one["text"]: one["start"] for one in fitted.json()["captions"]}
        pause = asked["ResumeRecord"] - asked["PauseRecord"]
        began = asked["StartRecord"]
        truth = {"First.": said["First."] - began, "Second.": said["Second."] - began - pause}
        assert starts == pytest.approx(truth, abs=TOLERANCE)
