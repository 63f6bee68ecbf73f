"""Known voices on the dashboard, in a real browser."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np

from surtitle.channels.voice_store import KnownVoice
from surtitle.speakers.voice_encoder import SIZE
from surtitle.speakers.voice_tracker import Voice
from tests.support import running, until

VOICE = Voice(np.full(SIZE, 1 / 16, dtype=np.float32), 12.4)


async def test_known_voices_are_switched_on_listed_and_deleted(window: Any, tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service:
        hub = service.services.hub
        channel, store = hub.channel("main"), hub.known_voices._store
        dashboard = await window(f"{service.url}/")
        page = dashboard.page
        page.on("dialog", lambda dialog: dialog.accept())
        await page.click(".speakers summary")
        await dashboard.until("!document.querySelector('.speakers form').inert")
        assert not await page.is_visible(".known-voices")
        await page.check(".speakers [name=enabled]")
        await page.check(".speakers [name=known-voices]")
        await page.click(".speakers form [type=submit]")
        await dashboard.until_text(".speakers form .form-status", "Applied.")
        assert channel.settings.diarization.knows_voices
        await dashboard.until_text(".known-voices .nobody", "Nobody yet: give a speaker a name.")

        for key, name in (("1", "Ada"), ("2", "Grace"), ("3", "<b>Alan</b>")):
            await asyncio.to_thread(store.save, "main", KnownVoice(key, name, 1.7e9, VOICE))
        hub.change("main", {"names": {"Speaker 7": "Bob"}})  # meanwhile, as if a voice had been recognized
        hub.known_voices._note(channel)
        await dashboard.until("document.querySelectorAll('.known-voices li').length === 3")
        row = await page.inner_text(".known-voices li:nth-child(2)")
        assert row.startswith("Ada")
        assert "12 s of speech" in row
        await page.fill(".speakers [name=names]", "mic = Host")
        await page.click(".speakers form [type=submit]")
        await until(lambda: channel.settings.names == {"Speaker 7": "Bob", "mic": "Host"})

        await page.set_viewport_size({"width": 360, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.click("[aria-label='Delete: Ada']")
        await dashboard.until("document.querySelectorAll('.known-voices li').length === 2")
        await page.click(".known-voices .delete-all")
        await dashboard.until("document.querySelectorAll('.known-voices li').length === 0")
        assert await asyncio.to_thread(store.load, "main") == []
        assert await page.is_visible(".known-voices .nobody")
        await page.goto("about:blank")  # or it would ask the service while that stops, which is refused
