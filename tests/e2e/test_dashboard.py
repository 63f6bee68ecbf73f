"""The dashboard's settings in a real browser: models and vocabulary of a channel."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from surtitle.audio import RATE
from surtitle.audio.pcm import to_pcm
from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from tests.hub import FakeHub
from tests.support import Running, publish, running, silence, speech, until

APPLY = ".setup button[type=submit]"


async def opened(window: Any, service: Running) -> Any:
    """The dashboard with the settings of the channel `main` open."""
    service.services.hub.channel("main")
    dashboard = await window(f"{service.url}/")
    await dashboard.until("document.querySelector('.channel') !== null")
    await dashboard.page.click(".setup summary")
    await dashboard.until("document.querySelector('#models').childElementCount > 5")
    await dashboard.until("!document.querySelector('.setup form').inert")
    return dashboard


async def test_a_model_is_chosen_fetched_before_ones_eyes_and_takes_over(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, window: Any
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)
    hub.open.clear()
    async with running() as service, service.publisher("main") as socket:
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "test"}))
        dashboard = await opened(window, service)
        names = await dashboard.page.evaluate("[...document.querySelectorAll('#models option')].map(o => o.value)")
        assert {"base.en", "large-v3-turbo", "pocketsphinx"} <= set(names)
        await dashboard.page.fill("[name=model]", "base.en")
        await dashboard.page.click(APPLY)
        await dashboard.until("document.querySelector('.form-status').textContent === 'Applied.'")
        await dashboard.until("/base.en is being fetched: [45]\\d %/.test(document.querySelector('.switch').innerText)")
        assert 0.4 <= await dashboard.page.evaluate("document.querySelector('.switch progress').value") <= 0.6
        assert await dashboard.text(".source .engine") == "pocketsphinx, en"
        hub.open.set()
        await dashboard.until("document.querySelector('.switch').hidden")
        await socket.send(to_pcm(silence(0.5)))  # it takes over with the audio that comes next
        await dashboard.until("document.querySelector('.source .engine').textContent.startsWith('whisper base.en')")


async def test_a_model_that_cannot_be_had_is_told_and_nothing_changes(tmp_path: Path, window: Any) -> None:
    (tmp_path / "model.bin").write_bytes(b"this is no model")
    async with running() as service:
        dashboard = await opened(window, service)
        await dashboard.page.fill("[name=model]", "medium.klingon")
        await dashboard.page.click(APPLY)
        await dashboard.until("document.querySelector('.form-status').textContent.includes('is not a known model')")
        await dashboard.page.fill("[name=model]", str(tmp_path))
        await dashboard.page.click(APPLY)
        await dashboard.until("document.querySelector('.switch').dataset.state === 'failed'")
        told = await dashboard.text(".switch")
        assert "has no config.json" in told
        assert "continue with the previous model" in told
        dashboard.errors.clear()  # a browser logs every answer that is an error


async def test_the_vocabulary_is_entered_as_lines_and_comes_back(window: Any) -> None:
    async with running() as service:
        dashboard = await opened(window, service)
        for name, text in {
            "prompt": "Ada and Grace speak.",
            "hotwords": "Ada\nGrace",
            "blocked": "darn*",
            "replacements": "sir title = Surtitle\n\num =",
        }.items():
            await dashboard.page.fill(f"[name={name}]", text)
        await dashboard.page.fill("[name=language]", "EN")
        await dashboard.page.click(APPLY)
        await dashboard.until("document.querySelector('.form-status').textContent === 'Applied.'")
        settings = service.services.hub.channel("main").settings
        assert settings.language == "en"
        assert settings.vocabulary.replacements == {"sir title": "Surtitle", "um": ""}
        assert settings.vocabulary.blocked == ("darn*",)
        assert settings.hints.hotwords == ("Ada", "Grace")
        again = await opened(window, service)
        await again.until("document.querySelector('[name=replacements]').value.includes('sir title = Surtitle')")
        await again.page.fill("[name=replacements]", "no equals sign")
        await again.page.click(APPLY)
        await again.until("document.querySelector('.form-status').textContent.includes('write heard = written')")


async def test_the_first_model_shows_how_far_it_is(hub: FakeHub, window: Any) -> None:
    """Nobody asked for anything: `auto` fetches a model, and captions run meanwhile."""
    hub.repositories["Systran/faster-whisper-base"] = next(iter(hub.repositories.values()))
    hub.open.clear()
    async with running(engine="auto") as service:
        dashboard = await window(f"{service.url}/")
        await dashboard.until("document.querySelector('#notice').innerText.includes('“base” is downloaded')")
        await dashboard.until("!document.querySelector('#notice progress').hidden")
        source = await publish(service, speech("Good evening."))
        assert source.of("ready")[0]["engine"] == "pocketsphinx"
        hub.open.set()
        await dashboard.until("document.querySelector('#service').textContent.includes('whisper')", seconds=30)
        await dashboard.until("document.querySelector('#notice').hidden")


async def test_the_settings_fit_a_phone(window: Any) -> None:
    async with running() as service:
        dashboard = await opened(window, service)
        await dashboard.page.set_viewport_size({"width": 360, "height": 740})
        assert await dashboard.page.evaluate("document.documentElement.scrollWidth") <= 360


def said(service: Running, key: str, text: str, *, source: str = "Host") -> None:
    words = tuple(Word(part, float(at), at + 0.8) for at, part in enumerate(text.split()))
    service.services.hub.channel("main").original.put(Caption(key, 1, source, "en", words, (), True))


async def test_a_dashboard_opened_during_a_session_begins_with_the_newest_captions(window: Any) -> None:
    async with running() as service:
        for number in range(70):
            said(service, f"c{number}", f"Sentence {number}.")
        dashboard = await window(f"{service.url}/")
        await dashboard.until("document.querySelectorAll('.captions .committed').length === 60")
        assert "No captions yet" not in await dashboard.text(".captions")
        await until(lambda: service.services.hub.readers.of("main") >= 1)
        said(service, "c69", "Sentence 69, corrected.")
        said(service, "c70", "The next one.")
        await dashboard.until("document.querySelector('.captions li:last-child').innerText.includes('The next one.')")
        newest = await dashboard.page.evaluate(
            "[...document.querySelectorAll('.captions .committed')].slice(-3).map((text) => text.textContent)"
        )
        assert [text.strip() for text in newest] == ["Sentence 68.", "Sentence 69, corrected.", "The next one."]


async def test_the_newest_captions_stay_visible_in_a_narrower_window(window: Any) -> None:
    async with running() as service:
        for number in range(30):
            said(service, f"c{number}", f"This is sentence number {number}, which has several lines on a phone.")
        dashboard = await window(f"{service.url}/")
        at_end = "(({scrollTop, clientHeight, scrollHeight}) => scrollTop + clientHeight >= scrollHeight - 2)"
        at_end = f"{at_end}(document.querySelector('.captions'))"
        await dashboard.until(f"document.querySelectorAll('.captions li').length === 30 && {at_end}")
        await dashboard.page.set_viewport_size({"width": 390, "height": 844})
        await dashboard.until(f"innerWidth === 390 && {at_end}")


async def test_a_caption_is_corrected_where_it_stands(window: Any) -> None:
    """The word changes on the overlay and in the viewer, and is written like this from then on."""
    async with running() as service:
        service.services.hub.channel("main")
        dashboard = await window(f"{service.url}/")
        overlay = await window(f"{service.url}/overlay/main?fade=0&names=always")
        await until(lambda: service.services.hub.readers.of("main") >= 2)
        said(service, "c1", "Welcome to sir title.")
        said(service, "c2", "Good evening.", source="Guest")
        await dashboard.until("document.querySelectorAll('.captions .edit').length === 2")
        await dashboard.page.focus(".captions .edit >> nth=0")
        await dashboard.page.keyboard.press("Enter")
        await dashboard.page.fill("[name=text]", "Welcome to Surtitle.")
        await dashboard.page.fill("[name=speaker]", "Ada")
        await dashboard.page.check("[name=remember]")
        await dashboard.page.keyboard.press("Enter")
        await overlay.until("document.querySelector('#captions').textContent.includes('Welcome to Surtitle.')")
        await dashboard.until(
            "document.querySelector('.captions li').textContent.startsWith('AdaWelcome to Surtitle.')"
        )
        settings = service.services.hub.channel("main").settings
        assert settings.vocabulary.replacements == {"sir title": "Surtitle"}
        await until(lambda: service.services.hub.channel("main").settings.names == {"Host": "Ada"})
        await dashboard.page.click(".captions .edit >> nth=1", force=True)
        await dashboard.page.keyboard.press("Escape")
        await dashboard.until("document.querySelectorAll('.correction').length === 0")
        assert "Guest" in await dashboard.text(".captions li:nth-of-type(2)")


async def test_a_look_is_tried_and_then_saved_for_all_overlays(window: Any) -> None:
    async with running() as service:
        service.services.hub.channel("main")
        overlay = await window(f"{service.url}/overlay/main")
        dashboard = await window(f"{service.url}/")
        await dashboard.until("document.querySelector('.channel') !== null")
        await dashboard.page.click(".style-editor summary")
        await dashboard.until("document.querySelector('.style-editor [data-theme=neon]') !== null")
        preview = dashboard.page.frame_locator(".picture iframe")
        await preview.locator(".line").first.wait_for()
        await dashboard.page.click(".style-editor [data-theme=neon]")
        await dashboard.page.select_option(".style-editor [name=position]", "top")
        await dashboard.page.locator(".style-editor [name=lines]").fill("3")
        await preview.locator("html[data-theme=neon][data-position=top]").wait_for()
        assert await overlay.page.evaluate("document.documentElement.dataset.theme") == "studio"
        await dashboard.page.click(".style-editor .save")
        await overlay.until("document.documentElement.dataset.theme === 'neon'")
        await dashboard.until("document.querySelector('.style-editor .form-status').textContent.startsWith('Saved')")
        style = service.services.hub.channel("main").styles["default"]
        assert style.as_json() == {"theme": "neon", "position": "top", "lines": 3}
        dashboard.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept("game")))
        await dashboard.page.click(".style-editor .save-as")
        await dashboard.until(
            "document.querySelector('.style-editor .address').textContent.endsWith('/main?style=game')"
        )
        assert set(service.services.hub.channel("main").styles) == {"default", "game"}
        await dashboard.page.click(".style-editor .forget")
        await until(lambda: set(service.services.hub.channel("main").styles) == {"default"})


async def test_problems_are_told_in_words_and_captions_can_be_paused_and_cleared(window: Any) -> None:
    async with running() as service, service.publisher("main") as socket:
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "Mic"}))
        dashboard = await window(f"{service.url}/")
        await socket.send(to_pcm(silence(12)))
        await dashboard.until("document.querySelector('.problems').textContent.startsWith('Mic sends no sound')")
        await dashboard.page.click(".pause")
        await dashboard.until("document.querySelector('.problems').textContent.startsWith('Paused')")
        assert await dashboard.text(".pause") == "Resume"
        await dashboard.page.click(".pause")
        await dashboard.until("document.querySelector('.pause').textContent === 'Pause'")
        said(service, "c1", "Away with this.")
        await dashboard.until("document.querySelector('.captions').textContent.includes('Away')")
        dashboard.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        await dashboard.page.click(".clear")
        await dashboard.until("!document.querySelector('.captions').textContent.includes('Away')")
        assert service.services.hub.channel("main").original.captions == []


async def test_the_dashboard_speaks_the_browsers_language(window: Any) -> None:
    async with running() as service:
        service.services.hub.channel("main")
        dashboard = await window(f"{service.url}/?hl=de")
        await dashboard.until("document.querySelector('.channel') !== null")
        assert await dashboard.text("#demo") == "Demo abspielen"
        assert await dashboard.text(".pause") == "Pause"
        assert "Lesende: 0" in await dashboard.text(".readers")
        assert await dashboard.page.evaluate("document.documentElement.lang") == "de"
