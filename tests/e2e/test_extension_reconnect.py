"""The service is started again, or the network goes: no caption is lost, and none is doubled."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from surtitle.core.settings import Limits
from tests.e2e.extension import Extension, box, play, shown
from tests.e2e.site import Site
from tests.e2e.tap import network
from tests.support import (
    Running,
    error_rate,
    free_port,
    running,
    settled,
    sources,
    speech,
    transcript,
    until,
)

TALK = [
    "She has worked in the same office for eleven years.",
    "The train was late because of the heavy snow.",
    "He opened the door and walked into the room.",
    "The children played in the garden this afternoon.",
]
SOUND = ("slt", "rms", "slt", "awb")


@pytest.mark.alone
async def test_the_service_is_started_again_within_a_sentence(whisper_tiny: Path, chrome: Extension, web: Site) -> None:
    talk = np.concatenate([speech(line, voice) for line, voice in zip(TALK, SOUND, strict=True)])
    port = free_port()
    async with running(engine="whisper", model=str(whisper_tiny), language="en", port=port) as service:
        await chrome.settle(server=service.url, channel="again")
        page = await chrome.open(web.speaks("Again", talk))
        await chrome.start(page)
        playing = asyncio.create_task(play(page))
        await shown(page, "same office")
        await shown(page, "train")
    before = await transcript(service, "again")  # with what became final when it stopped, which is not told again
    assert "same office" in before
    await chrome.until_badge(page, "…")
    assert "same office" in (await box(page) or "")  # what was read stays
    async with running(engine="whisper", model=str(whisper_tiny), language="en", port=port) as service:
        await chrome.until_badge(page, "on")
        await playing
        after = await settled(service, "again")
        said = await box(page) or ""
        await chrome.stop(page)
    truth = " ".join(TALK)
    assert error_rate(truth, said) < 0.25
    assert error_rate(truth, f"{before} {after}") < 0.25
    assert said.lower().count("same office") == 1
    assert "same office" not in after
    await page.close()


async def test_the_network_goes_within_a_sentence(whisper: Running, chrome: Extension, web: Site) -> None:
    talk = np.concatenate([speech(line, voice) for line, voice in zip(TALK, SOUND, strict=True)])
    async with network(whisper.url) as way:
        await chrome.settle(server=way.url, channel="cut")
        page = await chrome.open(web.speaks("Cut", talk))
        await chrome.start(page)
        playing = asyncio.create_task(play(page))
        await shown(page, "train")
        await way.cut()
        await chrome.until_badge(page, "…")
        await asyncio.sleep(4)
        await way.connect()
        await chrome.until_badge(page, "on")
        await playing
        captions = await settled(whisper, "cut")
        assert sources(whisper, "cut") == ["Cut"]
        said = await box(page) or ""
        assert error_rate(captions, said) == 0
        assert error_rate(" ".join(TALK), said) < 0.25
        await chrome.stop(page)
        await until(lambda: not sources(whisper, "cut"))
    await page.close()


async def test_a_source_that_may_not_last_continues_after_a_sentence(chrome: Extension, web: Site) -> None:
    talk = np.concatenate([speech(line, voice) for line, voice in zip(TALK[:2], SOUND, strict=False)])
    async with running(Limits(source_length=1.0)) as service:
        await chrome.settle(server=service.url, channel="long")
        page = await chrome.open(web.speaks("Long", talk))
        await chrome.start(page)
        await until(lambda: len(list(service.services.hub.sources)) == 1)
        first = next(iter(service.services.hub.sources))  # there may have been others before it
        await play(page)
        await until(lambda: first.departed and sources(service, "long") == ["Long"])
        captions = await settled(service, "long")
        await until(lambda: len(list(service.services.hub.sources.of(first.channel))) == 1)  # the next one may begin
        second = next(iter(service.services.hub.sources.of(first.channel)))
        assert second is not first
        assert second.clock == first.clock
        assert len(captions.split()) > 10
        async with asyncio.timeout(30):
            while error_rate(captions, await box(page) or "") > 0:  # it says so while another source begins
                await asyncio.sleep(0.1)
        await chrome.stop(page)
    await page.close()
