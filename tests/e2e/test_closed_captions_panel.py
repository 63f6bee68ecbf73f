"""Closed captions on the dashboard, in a real browser."""

from __future__ import annotations

from typing import Any

import httpx

from tests.closed_captions.fake_obs import PASSWORD, fake_obs
from tests.support import free_port, running

APPLY = ".outputs button[type=submit]"


async def test_the_connection_to_obs_is_set_and_seen(window: Any) -> None:
    async with running() as service:
        channel = service.services.hub.channel("main")
        dashboard = await window(f"{service.url}/")
        await dashboard.until("document.querySelector('.outputs') !== null")
        await dashboard.until("document.querySelector('.outputs .state').textContent === 'off'")
        await dashboard.page.click(".outputs summary")
        await dashboard.until("document.querySelector('[name=port]').value === '4455'")
        port = free_port()
        await dashboard.page.fill("[name=port]", str(port))
        await dashboard.page.fill("[name=password]", "correct-horse")
        await dashboard.page.check(".outputs [name=enabled]")
        await dashboard.page.click(APPLY)
        await dashboard.until("document.querySelector('.outputs .form-status').textContent === 'Applied.'")
        await dashboard.until("document.querySelector('.outputs .state').textContent === 'not connected'")
        assert f"127.0.0.1:{port}" in await dashboard.text(".outputs .explanation")
        assert (channel.settings.closed_captions.port, channel.settings.closed_captions.password) == (
            port,
            "correct-horse",
        )
        assert await dashboard.page.input_value("[name=password]") == ""
        await dashboard.page.fill("[name=delay]", "1.5")
        await dashboard.page.click(APPLY)
        await dashboard.until("document.querySelector('.outputs .form-status').textContent === 'Applied.'")
        assert channel.settings.closed_captions.delay == 1.5
        assert channel.settings.closed_captions.password == "correct-horse"
        await dashboard.page.fill("[name=cc-language]", "ru")
        await dashboard.page.click(APPLY)
        await dashboard.until("document.querySelector('.outputs .form-status').textContent.includes('translation')")
        await dashboard.page.set_viewport_size({"width": 360, "height": 740})
        assert await dashboard.page.evaluate("document.documentElement.scrollWidth") <= 360
        dashboard.errors.clear()  # a browser logs every answer that is an error


async def test_the_script_is_offered_and_the_overlay_is_added_to_obs(window: Any) -> None:
    async with running() as service, fake_obs() as obs:
        async with httpx.AsyncClient(base_url=service.url) as client:
            changes = {"closed_captions": {"port": obs.port, "password": PASSWORD}}
            await client.patch("/api/channels/main/settings", json=changes)
        dashboard = await window(f"{service.url}/")
        await dashboard.until("document.querySelector('.outputs') !== null")
        await dashboard.page.click(".outputs summary")
        async with dashboard.page.expect_download() as download:
            await dashboard.page.click(".outputs .obs-script a")
        assert (await download.value).suggested_filename == "surtitle.lua"
        await dashboard.page.click(".outputs .add-overlay")
        said = "document.querySelector('.outputs .form-status').textContent"
        await dashboard.until(f"{said} === 'The overlay is in the scene Talk.'")
        assert obs.items == {("Talk", "Surtitle overlay")}
