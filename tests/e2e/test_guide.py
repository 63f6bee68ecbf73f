"""What somebody sees on the dashboard who comes for the first time, from a choice to captions, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from tests.support import Running, as_wav, publish, running, silence, speech

SENTENCE = "We walked along the river until the sun went down."


async def choosing(window: Any, service: Running, choice: str) -> Any:
    """The dashboard after that choice."""
    dashboard = await window(f"{service.url}/")
    await dashboard.until("document.querySelector('#service').dataset.state === 'live'")
    await dashboard.page.click(f"[data-choice={choice}]")
    return dashboard


def state(name: str) -> str:
    return f"document.querySelector('[data-step={name}]').dataset.state"


async def test_each_step_to_a_tab_s_captions_is_checked(window: Any) -> None:
    async with running() as service:
        dashboard = await choosing(window, service, "tab")
        await dashboard.until(f"{state('service')} === 'done' && {state('model')} === 'done'")
        await dashboard.until(f"{state('install')} === 'current' && {state('words')} === 'waiting'")
        assert await dashboard.page.get_attribute("[data-choice=tab]", "aria-expanded") == "true"
        assert await dashboard.page.is_hidden(".guide .finished")
        assert await dashboard.page.is_visible(".guide .extension")
        assert str(await dashboard.page.get_attribute(".guide .extension", "href")).endswith("extension.md#install")
        await publish(service, speech(SENTENCE), source="Tab")
        await dashboard.until(f"{state('sound')} === 'done' && {state('words')} === 'done'")
        await dashboard.until("document.querySelector('.guide .finished').checkVisibility()")
        assert await dashboard.page.is_hidden(".guide .extension")
        await dashboard.page.click(".guide .close")
        await dashboard.until("!document.querySelector('.guide .panel').checkVisibility()")


async def test_a_microphone_that_sends_only_silence(window: Any) -> None:
    async with running() as service, service.publisher() as socket:
        dashboard = await choosing(window, service, "microphone")
        assert await dashboard.page.get_attribute(".guide .speak", "href") == "/speak/main"
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "Guest"}))
        await socket.send(to_pcm(silence(4)))
        await dashboard.until(f"{state('open')} === 'done' && {state('sound')} === 'problem'")
        assert "Only silence comes from Guest" in await dashboard.text("[data-step=sound] .advice")
        await socket.send(to_pcm(speech(SENTENCE)))
        await dashboard.until(f"{state('sound')} === 'done'")
        await dashboard.until("document.querySelector('[data-step=sound] .advice').hidden")


async def test_the_overlay_is_seen_in_obs(window: Any) -> None:
    async with running() as service:
        dashboard = await choosing(window, service, "obs")
        address = f"{service.sockets}/api/channels/main/captions"
        async with connect(address, proxy=None, user_agent_header="Mozilla/5.0 Chrome/103.0.5060.134 OBS/30.0.2"):
            await dashboard.until(f"{state('overlay')} === 'done'")
        assert await dashboard.page.evaluate(state("start")) == "waiting"


async def test_a_file_becomes_subtitles(window: Any, tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(as_wav(speech(SENTENCE)))
    (tmp_path / "notes.wav").write_text("this is no sound")
    async with running() as service:
        dashboard = await choosing(window, service, "file")
        await dashboard.page.set_input_files(".guide [name=file]", tmp_path / "talk.wav")
        await dashboard.page.click(".guide .file button")
        await dashboard.until("document.querySelector('.guide .result').checkVisibility()", seconds=60)
        assert await dashboard.text(".guide .result") == "Save talk.srt"
        async with dashboard.page.expect_download() as download:
            await dashboard.page.click(".guide .result")
        await (await download.value).save_as(tmp_path / "talk.srt")
        subtitles = (tmp_path / "talk.srt").read_text("utf-8")
        assert subtitles.startswith("1\n00:00:0")
        assert "river" in subtitles
        await dashboard.page.set_input_files(".guide [name=file]", tmp_path / "notes.wav")
        await dashboard.page.click(".guide .file button")
        await dashboard.until("document.querySelector('.file-status').textContent.includes('cannot be read as audio')")
        assert await dashboard.page.is_hidden(".guide .result")
        assert await dashboard.page.get_attribute(".guide .file-status", "data-state") == "problem"
        dashboard.errors.clear()  # a browser logs every answer that is an error


async def test_the_service_stops_and_it_fits_a_phone(window: Any) -> None:
    async with running() as service:
        dashboard = await choosing(window, service, "obs")
        await dashboard.page.set_viewport_size({"width": 360, "height": 740})
        assert await dashboard.page.evaluate("document.documentElement.scrollWidth") <= 360
    await dashboard.until(f"{state('service')} === 'problem'")
    assert "start Surtitle again" in await dashboard.text("[data-step=service] .advice")
    dashboard.errors.clear()
