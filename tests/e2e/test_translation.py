"""Translations in a real browser: overlays, the viewer's menu, the dashboard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest_asyncio

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from tests.e2e.conftest import Watched
from tests.e2e.extension import Extension, play, shown
from tests.e2e.site import Site
from tests.support import TRANSLATION_MODEL, Running, error_rate, publish, put, readers, running, silence, speech, until

ENGLISH = "We must open the door today."
FRENCH = "Nous devons ouvrir la porte aujourd'hui."
GERMAN = "Wir müssen die Tür heute öffnen."


@pytest_asyncio.fixture(scope="module")
async def translating() -> AsyncIterator[Running]:
    async with running(translation_model=TRANSLATION_MODEL) as service:
        yield service


async def shows(page: Watched, selector: str, text: str) -> None:
    await page.until(
        "([selector, text]) => document.querySelector(selector).textContent.includes(text)", [selector, text]
    )


async def translated(service: Running, channel: str, language: str, count: int) -> list[str]:
    """Wait until that many captions of a translation are final; their texts, which are not those that were spoken."""
    found = service.services.hub.channel(channel)
    track = found.translation(language)
    await until(lambda: sum(caption.final for caption in track.captions) >= count)
    texts = [caption.text for caption in track.captions if caption.final]
    assert all(texts)
    assert set(texts).isdisjoint(caption.text for caption in found.original.captions)
    return texts


async def test_overlays_and_viewer_in_three_languages(translating: Running, window: Any) -> None:
    french = await window(f"{translating.url}/overlay/many?lang=fr")
    spanish = await window(f"{translating.url}/overlay/many?lang=es")
    german = await window(f"{translating.url}/view/many?lang=de")
    original = await window(f"{translating.url}/overlay/many")
    await readers(translating, "many", 4)
    put(translating, "many", "c1", 1, ENGLISH, final=True)
    await shows(original, "#captions", ENGLISH)
    await shows(french, "#captions", FRENCH)
    await shows(spanish, "#captions", "Debemos abrir la puerta hoy.")
    await shows(german, "#transcript", GERMAN)
    assert await german.page.get_attribute("#transcript .caption", "lang") == "de"
    assert await german.text("#language") == "German"
    assert await french.page.get_attribute("#captions", "lang") == "fr"


async def test_the_original_above_its_translation(translating: Running, window: Any) -> None:
    page = await window(f"{translating.url}/overlay/stacked?lang=original,fr&lines=2")
    await readers(translating, "stacked", 2)
    put(translating, "stacked", "c1", 1, ENGLISH, final=True)
    await shows(page, ".captions:nth-of-type(3)", FRENCH)
    await shows(page, "#captions", ENGLISH)
    above, below = [await box.bounding_box() for box in await page.page.query_selector_all(".captions")]
    assert above["y"] + above["height"] <= below["y"]
    before = above["y"]
    put(translating, "stacked", "c2", 1, "The teacher saw my sister in the garden", start=3.0, final=True)
    await shows(page, ".captions:nth-of-type(3)", "Le professeur")
    again = await (await page.page.query_selector("#captions")).bounding_box()
    assert again["y"] == before  # each keeps its place


async def test_a_reader_chooses_a_language(translating: Running, window: Any) -> None:
    put(translating, "menu", "c1", 1, ENGLISH, final=True)
    page = await window(f"{translating.url}/view/menu?hl=fr")
    await shows(page, "#transcript", ENGLISH)
    await page.page.click("#language")
    await page.until("document.querySelectorAll('#language-list li').length > 200")
    assert await page.page.inner_text("#language-list li:first-child") == "Telle que parlée"
    await page.page.fill("#language-search", "allem")
    await page.until("document.querySelectorAll('#language-list li:not([hidden])').length === 1")
    async with page.page.expect_navigation():
        await page.page.press("#language-search", "Enter")
    await shows(page, "#transcript", GERMAN)
    assert page.page.url.endswith("lang=de")
    assert await page.text("#language") == "allemand"
    assert "lang=de" in await page.page.get_attribute(".downloads a", "href")
    again = await window(f"{translating.url}/view/menu")
    await until(lambda: not again.errors)
    assert await again.text("#language") == "German"


async def test_a_language_from_right_to_left(translating: Running, window: Any) -> None:
    page = await window(f"{translating.url}/overlay/arabic?lang=ar")
    await readers(translating, "arabic", 1)
    words = (Word("مرحبا", 1.0, 2.0), Word("بالجميع", 2.0, 3.0))
    translating.services.hub.channel("arabic").original.put(Caption("c1", 1, "Host", "ar", words, final=True))
    await shows(page, "#captions", "مرحبا بالجميع")
    assert await page.page.get_attribute(".line", "dir") == "rtl"
    assert await page.page.get_attribute("#captions", "lang") == "ar"


async def test_the_viewer_says_why_there_is_nothing(service: Running, window: Any) -> None:
    page = await window(f"{service.url}/view/without?lang=fr")
    await shows(page, "#translation", "Translations need a model")
    await page.page.click("#language")
    await shows(page, "#language-hint", "no translation model")


async def test_pinned_languages_on_the_dashboard(translating: Running, window: Any) -> None:
    page = await window(f"{translating.url}/")
    card = page.page.locator(".channel", has=page.page.get_by_role("heading", name="main", exact=True))
    box = card.locator(".translation")
    form = box.locator("form")

    async def says(place: str, text: str) -> None:
        async with asyncio.timeout(30):
            while text not in (await box.locator(place).inner_text()):
                await asyncio.sleep(0.05)

    await box.locator("summary").click()
    await says(".licence", "non-commercial")
    async with asyncio.timeout(30):
        while await form.evaluate("form => form.inert"):
            await asyncio.sleep(0.05)
    await form.locator("[name=translations]").fill("French, xx")
    await form.locator("button").click()
    await says(".form-status", "'xx' is not a language")
    page.errors.clear()  # the browser's own note of the refusal
    await form.locator("[name=translations]").fill("French, german")
    await form.locator("button").click()
    await says(".form-status", "Applied.")
    assert await form.locator("[name=translations]").input_value() == "fr, de"
    await says(".running", "French: live, always")
    async with httpx.AsyncClient(base_url=f"{translating.url}/api/channels/main") as client:
        await client.patch("/settings", json={"translations": []})


async def test_speech_into_french_and_on_after_a_minute_of_silence(whisper_tiny: Path, window: Any) -> None:
    """From sound to translated words in a browser; the minute passes faster than in life."""
    async with running(
        engine="whisper", model=str(whisper_tiny), language="en", translation_model=TRANSLATION_MODEL
    ) as service:
        page = await window(f"{service.url}/view/spoken?lang=fr")
        await readers(service, "spoken", 1)
        truth = ("We must open the door.", "The teacher will close the window.")
        sound = np.concatenate((speech(truth[0]), silence(60.0), speech(truth[1], "awb")))
        said = await publish(service, sound, channel="spoken")
        assert error_rate(" ".join(truth), said.text) < 0.3
        french = await translated(service, "spoken", "fr", len({one["id"] for one in said.of("final")}))
        assert len(french) > 1
        for text in french:
            await shows(page, "#transcript", text)


async def test_the_extensions_box_in_french(whisper_tiny: Path, chrome: Extension, web: Site) -> None:
    async with running(
        engine="whisper", model=str(whisper_tiny), language="en", translation_model=TRANSLATION_MODEL
    ) as service:
        await chrome.settle(server=service.url, channel="boxed", translation="fr")
        page = await chrome.open(web.speaks("Door", speech("We must open the door.")))
        popup = await chrome.start(page)
        assert await popup.run("document.querySelector('#translation').value") == "fr"
        assert await popup.run("document.querySelector('#viewer').href") == f"{service.url}/view/boxed?lang=fr"
        await page.bring_to_front()
        await play(page)
        (*_, french) = await translated(service, "boxed", "fr", 1)
        await shown(page, french)
        await chrome.stop(page)
        await page.close()
    await chrome.settle(translation="")
