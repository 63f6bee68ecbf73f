"""The extension in a real Chromium, against the real service: a person clicks once, and reads."""

from __future__ import annotations

import asyncio

import numpy as np

from tests.e2e.extension import Extension, box, play, shown
from tests.e2e.site import STRICT, Site, site
from tests.support import Running, error_rate, publish, settled, sources, speech, transcript, until

TALK = [
    "She has worked in the same office for eleven years.",
    "The train was late because of the heavy snow.",
    "He opened the door and walked into the room.",
    "They are going to build a new house near the river.",
    "The children played in the garden this afternoon.",
    "My brother found the key under the table.",
    "We have seven books in the library.",
]
VOICES = ("slt", "rms", "awb")


async def test_one_click_captions_a_tab(service: Running, chrome: Extension, web: Site) -> None:
    """On the page, on the readers' page and in the transcript; about as right as the same speech sent directly."""
    talk = np.concatenate([speech(line, VOICES[at % 3]) for at, line in enumerate(TALK)])
    await chrome.settle(server=service.url, channel="captured")
    page = await chrome.open(web.speaks("Talk", talk))
    await chrome.start(page)
    viewer = await chrome.context.new_page()
    await viewer.goto(f"{service.url}/view/captured")
    await page.bring_to_front()
    _, direct = await asyncio.gather(play(page), publish(service, talk, channel="direct", pace=1.0))
    captured = await settled(service, "captured")
    truth = " ".join(TALK)
    assert error_rate(truth, captured) <= error_rate(truth, direct.text) + 0.05
    assert error_rate(captured, await viewer.inner_text("#transcript section p")) == 0
    assert error_rate(captured, await box(page) or "") == 0
    assert await chrome.badge(page) == "on"
    assert sources(service, "captured") == ["Talk"]
    popup = await chrome.stop(page)
    await until(lambda: not sources(service, "captured"))
    assert await box(page) is None
    assert popup.errors == []
    assert await chrome.badge(page) == ""
    await page.close()
    await viewer.close()


async def test_two_tabs_at_once_are_two_sources(whisper: Running, chrome: Extension, web: Site) -> None:
    await chrome.settle(server=whisper.url, channel="two")
    first = await chrome.open(web.speaks("First", speech(TALK[0], "slt")))
    await chrome.start(first)
    second = await chrome.open(web.speaks("Second", speech(TALK[1], "rms")))
    await chrome.start(second)
    assert sources(whisper, "two") == ["First", "Second"]
    await asyncio.gather(play(first), play(second))
    await settled(whisper, "two")
    for page, line in ((first, TALK[0]), (second, TALK[1])):
        assert error_rate(line, await box(page) or "") < 0.4  # and nothing of the other's
    assert [await chrome.badge(page) for page in (first, second)] == ["on", "on"]
    await first.close()
    await until(lambda: sources(whisper, "two") == ["Second"])
    await second.close()


async def test_a_closed_tab_ends_its_source_and_its_last_words_are_kept(
    whisper: Running, chrome: Extension, web: Site
) -> None:
    await chrome.settle(server=whisper.url, channel="closed")
    page = await chrome.open(web.speaks("Closing", speech(TALK[2], "awb")))
    await chrome.start(page)
    await play(page)
    await page.close()
    await until(lambda: not sources(whisper, "closed"))
    assert error_rate(TALK[2], await transcript(whisper, "closed")) < 0.4


async def test_the_box_on_a_page_of_the_strictest_policy(whisper: Running, chrome: Extension, web: Site) -> None:
    await chrome.settle(server=whisper.url, channel="strict")
    page = await chrome.open(web.speaks("Strict", speech(TALK[1], "slt"), policy=STRICT))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    await chrome.start(page)
    await play(page)
    captions = await settled(whisper, "strict")
    assert error_rate(captions, await box(page) or "") == 0
    assert complaints == []
    await page.close()


async def test_a_killed_worker_interrupts_nothing(whisper: Running, chrome: Extension, web: Site) -> None:
    await chrome.settle(server=whisper.url, channel="killed")
    page = await chrome.open(web.speaks("Killed", np.concatenate([speech(TALK[0], "slt"), speech(TALK[1], "rms")])))
    await chrome.start(page)
    playing = asyncio.create_task(play(page))
    await until(lambda: bool(whisper.services.hub.channel("killed").original.captions))
    await chrome.kill_worker()
    await playing
    captions = await settled(whisper, "killed")
    assert error_rate(captions, await box(page) or "") == 0
    assert error_rate(" ".join(TALK[:2]), captions) < 0.3
    popup = await chrome.popup(page)
    await popup.until("document.querySelector('#tab').dataset.phase === 'live'")
    assert await chrome.badge(page) == "on"
    await chrome.stop(page)
    assert await box(page) is None
    await page.close()


async def test_the_box_follows_the_tab(whisper: Running, chrome: Extension, web: Site) -> None:
    """New content, a reload, another page of the site; and after another site's page, one click."""
    await chrome.settle(server=whisper.url, channel="follow")
    page = await chrome.open(web.speaks("Here", speech(TALK[0], "slt")))
    there = web.speaks("There", speech(TALK[1], "rms"))
    await chrome.start(page)
    await play(page)
    before = await settled(whisper, "follow")
    await page.evaluate("history.pushState({}, '', '/elsewhere'); document.body.replaceChildren()")
    await page.evaluate("document.querySelector('surtitle-captions').remove()")
    await shown(page, before)
    await page.goto(there)
    await shown(page, before)  # what was said is still there
    await play(page)
    before = await settled(whisper, "follow")
    await shown(page, before)
    await page.reload()
    await shown(page, before)
    with site() as other:
        await page.goto(other.speaks("Abroad", speech(TALK[2], "awb")))
        assert await box(page) is None
        assert await chrome.badge(page) == "box"
        await play(page)
        popup = await chrome.popup(page)
        said = await shown(page, await settled(whisper, "follow"))
        assert popup.errors == []
    assert error_rate(" ".join(TALK[:3]), said) < 0.3
    assert await chrome.badge(page) == "on"
    assert sources(whisper, "follow") == ["Here"]
    await page.close()
