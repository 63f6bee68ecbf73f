"""Sessions in a real browser: found, heard, read along, transcribed again, deleted; and the dashboard's button."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.captions.fit import Piece
from surtitle.store.records import POLISHED, ObsRecording
from tests.e2e.test_accessibility import SCHEMES, opened, violations
from tests.recordings.talk import Talk, talk
from tests.support import Running, put, running, until


@pytest_asyncio.fixture(scope="module")
async def service(whisper_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("data")
    async with running(data_dir=folder, engine="whisper", model=str(whisper_tiny), language="en") as service:
        yield service


@pytest_asyncio.fixture(scope="module")
async def spoken(service: Running) -> Talk:
    return await talk(service, "main", pace=1.5)


def heard(service: Running) -> str:
    """Some word that the recognizer wrote."""
    words: list[str] = [
        word.text.strip(".,?!") for word in service.services.hub.channel("main").original.captions[0].words
    ]
    return max(words, key=len)


async def test_what_was_said_is_found_and_heard_from_there(service: Running, spoken: Talk, window: Any) -> None:
    """Whatever the recognizer made of it: two words of one caption, the second only by its beginning."""
    captions = service.services.hub.channel("main").original.captions
    words = {
        word.text.strip(".,?!").lower(): caption.id
        for caption in captions
        if caption.source == "Host" and 8 < caption.start < 13
        for word in caption.words
    }
    one, other, *_ = sorted((word for word in words if words[word] == max(words.values())), key=len, reverse=True)
    page = await window(f"{service.url}/sessions")
    await page.until("document.querySelectorAll('.card').length === 1")
    assert "recorded" in await page.text(".card .facts")
    await page.page.fill("[name=q]", f"{one.upper()} {other[:-1]}")
    await page.page.keyboard.press("Enter")
    await page.until("document.querySelectorAll('.hits mark').length >= 2")
    marked = await page.page.evaluate(
        "[...document.querySelectorAll('mark')].map(one => one.textContent.toLowerCase())"
    )
    assert {one, other} <= set(marked)
    await page.page.click(".hits a")
    await page.until("document.querySelector('audio')?.readyState > 1")
    place = await page.page.evaluate("document.querySelector('audio').currentTime")
    assert 8 < place < 13
    await page.until("document.querySelector('.word.now') !== null")
    assert one in (await page.page.evaluate("document.querySelector('.now').closest('p').textContent")).lower()


async def test_the_transcript_follows_the_sound_word_by_word(service: Running, spoken: Talk, window: Any) -> None:
    page = await window(f"{service.url}/sessions/{spoken.session}")
    await page.until("document.querySelector('audio').readyState > 1")
    length = await page.page.evaluate("document.querySelector('audio').duration")
    async with httpx.AsyncClient(base_url=service.url) as client:
        recordings = (await client.get(f"/api/sessions/{spoken.session}")).json()["recordings"]
    (host,) = (one for one in recordings if one["source"] == "Host")
    assert host["seconds"] == pytest.approx(len(spoken.host) / 16_000, abs=0.1)
    starts, ends = zip(*((one["start"], one["start"] + one["seconds"]) for one in recordings), strict=True)
    assert length == pytest.approx(max(ends) - min(starts), abs=0.1)  # on a busy machine, one begins later
    await page.page.click(".paragraph:nth-of-type(2) .word:last-of-type")
    await page.until("document.querySelector('.now')?.matches('.paragraph:nth-of-type(2) .word:last-of-type')")
    await page.until("document.querySelector('.now')?.matches('.paragraph:nth-of-type(3) .word')", seconds=20)
    await page.page.focus(".jump")
    await page.page.keyboard.press("Enter")
    await page.until("document.querySelector('audio').currentTime < 3")


async def test_a_second_pass_is_asked_for_and_compared(service: Running, spoken: Talk, window: Any) -> None:
    page = await window(f"{service.url}/sessions/{spoken.session}")
    await page.until("!document.querySelector('#second').hidden")
    assert await page.page.evaluate("document.querySelector('#versions').hidden")
    await page.page.click("#polish")
    await page.until("!document.querySelector('#stop').hidden")
    await page.until("!document.querySelector('#versions').hidden", seconds=240)
    pressed = "document.querySelector('#versions [aria-pressed=true]').dataset.version"
    assert await page.page.evaluate(pressed) == "polished"
    await page.until("document.querySelector('#exports a').search === '?version=polished&clock=audio'")
    await page.page.fill("#exports input[type=number]", "-2.5")
    assert (await page.page.evaluate("document.querySelector('#exports a').search")).endswith("&offset=-2.5")
    sessions = service.services.sessions
    better = sessions.transcripts.captions(spoken.session, POLISHED)
    await asyncio.to_thread(sessions.transcripts.replace, spoken.session, POLISHED, better[:-1])
    await page.page.click("[data-version=difference]")
    await page.until("document.querySelectorAll('#transcript del').length > 0")
    assert "were removed" in await page.text("#summary")
    await page.page.click("[data-version=live]")
    await page.until("document.querySelectorAll('#transcript .word').length > 0")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("language", ["en", "de"])
async def test_everybody_can_use_the_pages(
    service: Running, spoken: Talk, window: Any, scheme: str, language: str
) -> None:
    page = await opened(window, f"{service.url}/sessions?hl={language}&q={heard(service)}", scheme)
    await page.until("document.querySelectorAll('mark').length > 0")
    assert await violations(page) == []
    page = await opened(window, f"{service.url}/sessions/{spoken.session}?hl={language}", scheme)
    await page.until("document.querySelector('audio').readyState > 1")
    await page.page.click(".word")
    await page.until("document.querySelector('.now') !== null")
    await page.page.evaluate(
        "document.querySelectorAll('#follow, #stop, #versions').forEach(one => { one.hidden = false })"
    )
    assert await violations(page) == []


async def test_a_translation_is_chosen(service: Running, window: Any) -> None:
    channel = service.services.hub.channel("several")
    channel.begin()
    put(service, "several", "c1", 1, "Good evening.", final=True)
    (said,) = channel.original.captions
    channel.translation("fr").put(replace(said, language="fr", words=(replace(said.words[0], text="Bonsoir."),)))
    page = await window(f"{service.url}/sessions/{channel.session.current.id}")
    await page.until("document.querySelector('#transcript').textContent.includes('Good evening.')")
    assert await page.page.evaluate("document.querySelector('#language').textContent") == "originalFrench"
    await page.page.select_option("#language", "fr")
    await page.until("document.querySelector('#transcript').textContent.includes('Bonsoir.')")
    await page.until("document.querySelector('#exports a').search === '?version=live&lang=fr'")


async def test_the_times_of_a_recording_by_obs_are_chosen(service: Running, window: Any) -> None:
    channel = service.services.hub.channel("obs")
    channel.begin()
    put(service, "obs", "c1", 1, "Good evening.", final=True)
    await service.services.journal_writer.flush()
    session = channel.session.current.id
    recording = ObsRecording(session, 1, r"C:\Videos\talk.mkv", (Piece(0.5, 0.0),))
    await asyncio.to_thread(service.services.transcripts.save_obs_recording, recording)
    page = await window(f"{service.url}/sessions/{session}")
    await page.until("document.querySelectorAll('#exports option').length === 2")
    assert (
        await page.page.evaluate("document.querySelector('#exports select').textContent")
        == "the session's soundtalk.mkv"
    )
    await page.page.select_option("#exports select", "1")
    address = await page.page.evaluate("document.querySelector('#exports a').search")
    assert address.endswith("&clock=obs&recording=1")


async def test_text_is_never_markup(service: Running, window: Any) -> None:
    attack = "<img/src=x/onerror=document.title='owned'>"
    channel = service.services.hub.channel("xss")
    channel.begin()
    put(service, "xss", "c1", 1, attack, source=attack, final=True)
    session = channel.session.current.id
    for path in ("/sessions?q=onerror", f"/sessions/{session}"):
        page = await window(f"{service.url}{path}")
        await page.until("document.querySelector('main').textContent.includes('onerror')")
        assert await page.page.evaluate("document.querySelectorAll('main img').length") == 0
        assert "owned" not in await page.page.title()


async def test_a_session_fits_a_phone(service: Running, spoken: Talk, window: Any) -> None:
    for path in (f"/sessions?q={heard(service)}", f"/sessions/{spoken.session}"):
        page = await window(f"{service.url}{path}", viewport={"width": 360, "height": 740})
        await page.until("document.querySelectorAll('mark, .word').length > 0")
        assert await page.page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_the_dashboard_records_and_says_how_long(service: Running, window: Any) -> None:
    page = await window(f"{service.url}/")
    await page.until("document.querySelector('.record') !== null")
    button = page.page.locator(".channel", has_text="main").locator(".record").first
    await button.click()
    await page.until("document.querySelector('.recording .state').textContent === 'waiting for a source'")
    async with service.publisher("main") as socket:
        await socket.send('{"op":"start","source":"Host"}')
        for _ in range(4):
            await socket.send(bytes(16_000))
            await asyncio.sleep(0.3)
        await page.until("/0:00:0\\d, 0.\\d MB/.test(document.querySelector('.recording .state').textContent)")
        await button.click()
        await page.until("document.querySelector('.record').textContent === 'Record'")
    await page.page.locator(".automatic").first.check()
    channel = service.services.hub.channel("main")
    await until(lambda: bool(channel.settings.record))
    await page.page.locator(".automatic").first.uncheck()
    await until(lambda: not channel.settings.record)


async def test_what_is_wrong_with_a_recording_is_told(service: Running, window: Any) -> None:
    page = await window(f"{service.url}/")
    recorder = service.services.recorder
    channel = service.services.hub.channel("main")
    recorder._fail(channel, "The disk is full.")
    await page.until("document.querySelector('.problems').textContent.startsWith('The disk is full.')")
    recorder.start(channel)
    await page.until("!document.querySelector('.problems').textContent.includes('disk')")
    await recorder.stop(channel)


async def test_a_session_is_deleted_after_a_question(service: Running, spoken: Talk, window: Any) -> None:
    page = await window(f"{service.url}/sessions/{spoken.session}")
    await page.until("document.querySelectorAll('.word').length > 0")
    page.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.dismiss()))
    await page.page.click("#delete")
    page.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.page.click("#delete")
    await page.page.wait_for_url("**/sessions")
    assert service.services.sessions.transcripts.session(spoken.session) is None


async def test_speakers_of_an_old_session_are_renamed(service: Running, window: Any) -> None:
    channel = service.services.hub.channel("old")
    channel.begin()
    put(service, "old", "r1", 1, "Good evening", final=True, speaker="Speaker 1")
    put(service, "old", "r2", 1, "and welcome", start=3.0, final=True)
    session = channel.session.current.id
    channel.clear()
    page = await window(f"{service.url}/sessions/{session}")
    await page.until("document.querySelectorAll('#speakers input').length === 2")
    await page.page.click("#speakers summary")
    await page.page.fill("#speakers [name='Speaker 1']", "Ada")
    await page.page.click("#speakers [type=submit]")
    await page.until("document.querySelector('#transcript h3').textContent === 'Ada'")
    assert await page.page.input_value("#speakers [name='Speaker 1']") == "Ada"
