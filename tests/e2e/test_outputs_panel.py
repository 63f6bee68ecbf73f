"""Outputs on the dashboard, in a real browser."""

from __future__ import annotations

from typing import Any

from tests.outputs.fake_targets import SECRET, FakeYouTube, new_port, serving
from tests.support import put, running, until


async def test_an_output_is_added_seen_switched_off_and_removed(window: Any) -> None:
    fake = FakeYouTube(new_port())
    async with running(private_outputs=True) as service, serving(fake):
        channel = service.services.hub.channel("main")
        dashboard = await window(f"{service.url}/")
        page = dashboard.page
        await dashboard.until("document.querySelector('.ways-out') !== null")
        assert await page.evaluate("document.querySelector('.ways-out .list').hidden")
        await page.click(".ways-out summary")
        await page.select_option("[name=output-kind]", "webhook")
        assert not await page.is_visible("[data-field=dialect]")
        await page.select_option("[name=output-kind]", "caption_url")
        await page.fill(".ways-out [data-field=url]", fake.url)
        await page.click(".ways-out button[type=submit]")
        problem = "document.querySelector('.ways-out .form-status').textContent"
        await dashboard.until(f"{problem}.includes('is not a host of YouTube')")
        await page.select_option("[data-field=dialect]", "youtube")
        await page.click(".ways-out button[type=submit]")
        await dashboard.until(f"{problem} === 'Added.'")
        await dashboard.until("document.querySelector('.output-state')?.textContent === 'ready'")
        put(service, "main", channel.session.new_caption_id(), 1, "Good evening.", final=True)
        await until(lambda: fake.texts == ["Good evening."])
        await dashboard.until("document.querySelector('.ways-out summary').textContent.includes('sending: 1')")
        fake.statuses = [403]
        put(service, "main", channel.session.new_caption_id(), 1, "And welcome.", start=3.0, final=True)
        await dashboard.until("document.querySelector('.output-message').textContent.includes('copy the link again')")
        assert SECRET not in await page.content()
        await page.set_viewport_size({"width": 360, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.click(".switch-output")
        await dashboard.until("document.querySelector('.output-state').textContent === 'off'")
        page.on("dialog", lambda dialog: dialog.accept())
        await page.click(".remove-output")
        await dashboard.until("document.querySelector('.ways-out .list').hidden")
        assert channel.settings.outputs == ()
        dashboard.errors.clear()  # a browser logs every answer that is an error
