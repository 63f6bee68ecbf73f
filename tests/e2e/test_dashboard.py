"""The dashboard's settings in a real browser: models and vocabulary of a channel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.audio import RATE
from service.audio.pcm import to_pcm
from tests.hub import FakeHub
from tests.support import Running, publish, running, silence, speech

APPLY = ".setup button[type=submit]"


async def opened(window: Any, service: Running) -> Any:
    """The dashboard with the settings of the channel `main` open."""
    service.app.state.hub.channel("main")
    dashboard = await window(f"{service.url}/")
    await dashboard.until("document.querySelector('.channel') !== null")
    await dashboard.page.click(".setup summary")
    await dashboard.until("document.querySelector('#models').childElementCount > 5")
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
        await dashboard.until("document.querySelector('.said').textContent === 'Applied.'")
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
        await dashboard.until("document.querySelector('.said').textContent.includes('is no model\\'s name')")
        await dashboard.page.fill("[name=model]", str(tmp_path))
        await dashboard.page.click(APPLY)
        await dashboard.until("document.querySelector('.switch').dataset.state === 'failed'")
        told = await dashboard.text(".switch")
        assert "cannot be loaded" in told
        assert "go on as before" in told
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
        await dashboard.until("document.querySelector('.said').textContent === 'Applied.'")
        settings = service.app.state.hub.channel("main").settings
        assert settings.language == "en"
        assert settings.vocabulary.replacements == {"sir title": "Surtitle", "um": ""}
        assert settings.vocabulary.blocked == ("darn*",)
        assert settings.hints.hotwords == ("Ada", "Grace")
        again = await opened(window, service)
        await again.until("document.querySelector('[name=replacements]').value.includes('sir title = Surtitle')")
        await again.page.fill("[name=replacements]", "no equals sign")
        await again.page.click(APPLY)
        await again.until("document.querySelector('.said').textContent.includes('write heard = written')")


async def test_the_first_model_shows_how_far_it_is(hub: FakeHub, window: Any) -> None:
    """Nobody asked for anything: `auto` fetches a model, and captions run meanwhile."""
    hub.repositories["Systran/faster-whisper-base"] = next(iter(hub.repositories.values()))
    hub.open.clear()
    async with running(engine="auto") as service:
        dashboard = await window(f"{service.url}/")
        await dashboard.until("document.querySelector('#notice').innerText.includes('“base” is fetched')")
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
