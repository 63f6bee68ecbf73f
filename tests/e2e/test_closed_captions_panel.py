"""Closed captions on the dashboard, in a real browser."""

from __future__ import annotations

from typing import Any

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
