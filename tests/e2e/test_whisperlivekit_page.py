"""WhisperLiveKit's own page, in a browser with a microphone that speaks, served by another program than the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from mimetypes import guess_type
from pathlib import Path

import numpy as np
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.chromium import launch_browser, microphone_arguments
from tests.e2e.conftest import Watched
from tests.e2e.site import Site
from tests.peers import need_wheel
from tests.support import Running, as_wav, running, silence, sources, speech, until
from tests.web.compat.test_whisperlivekit import WHEEL

SAID = "She has worked in the same office for eleven years."


@pytest_asyncio.fixture
async def microphone(tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone says something, again and again."""
    file = tmp_path / "microphone.wav"
    file.write_bytes(as_wav(np.concatenate((speech(SAID, "slt"), silence(1.0)))))
    async with launch_browser(*microphone_arguments(file)) as browser:
        yield browser


@pytest_asyncio.fixture
async def service(whisper_tiny: Path, web: Site) -> AsyncIterator[Running]:
    async with running(engine="whisper", model=str(whisper_tiny), language="en", allow_origin=(web.url,)) as service:
        yield service


async def test_its_page_shows_what_is_said(service: Running, microphone: Browser, web: Site) -> None:
    folder = need_wheel(WHEEL) / "whisperlivekit" / "web"
    for file in folder.rglob("*.*"):
        kind = guess_type(file.name)[0] or "text/plain"
        for place in ("", "/web"):
            web.files[f"{place}/{file.relative_to(folder).as_posix()}"] = kind, file.read_bytes(), {}
    web.files["/favicon.ico"] = "image/x-icon", b"", {}
    page = await microphone.new_page()
    await page.goto(f"{web.url}/live_transcription.html")
    watched = Watched(page)
    await page.evaluate(
        """(address) => {
          const input = document.querySelector("#websocketInput");
          input.value = address;
          input.dispatchEvent(new Event("change"));
        }""",
        f"{service.sockets}/asr",
    )
    await page.click("#recordButton")
    await until(lambda: sources(service, "main") == ["WhisperLiveKit client"])
    await watched.until(
        """(words) => {
          const shown = document.querySelector("#linesTranscript").innerText.toLowerCase();
          return words.filter((word) => shown.includes(word)).length >= words.length / 2;
        }""",
        SAID.lower().strip(".").split(),
    )
    await page.click("#recordButton")
    await watched.until("() => document.querySelector('#status').innerText.startsWith('Finished processing audio')")
    await until(lambda: sources(service, "main") == [])
    assert len((await watched.text("#linesTranscript")).split()) > 5
    assert watched.errors == []
