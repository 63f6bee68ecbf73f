"""Outputs and alerts on the dashboard, in a real browser."""

from __future__ import annotations

import json
from typing import Any

from surtitle.audio.pcm import to_pcm
from tests.outputs.fake_targets import SECRET, FakeTarget, FakeYouTube, new_port, serving
from tests.support import put, running, silence, until


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
        await page.click(".edit-output")
        await dashboard.until("document.querySelector('.ways-out .cancel').hidden === false")
        assert await page.input_value("[data-field=dialect]") == "youtube"
        assert await page.get_attribute(".ways-out [data-field=url]", "placeholder") == "unchanged"
        await page.fill("[name=output-delay]", "1.5")
        await page.click(".ways-out button[type=submit]")
        await dashboard.until(f"{problem} === 'Applied.'")
        (changed,) = channel.settings.outputs
        assert (changed.delay, changed.dialect, changed.url) == (1.5, "youtube", fake.url)
        await page.click(".edit-output")
        await dashboard.until("document.querySelector('[name=output-delay]').value === '1.5'")
        await page.click(".ways-out .cancel")
        assert await page.inner_text(".ways-out button[type=submit]") == "Add"
        assert await page.input_value("[name=output-delay]") == "0"
        await page.set_viewport_size({"width": 360, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.click(".switch-output")
        await dashboard.until("document.querySelector('.output-state').textContent === 'off'")
        page.on("dialog", lambda dialog: dialog.accept())
        await page.click(".remove-output")
        await dashboard.until("document.querySelector('.ways-out .list').hidden")
        assert channel.settings.outputs == ()
        dashboard.errors.clear()  # a browser logs every answer that is an error


async def test_alerts_take_no_space_until_there_is_one_and_are_sent_where_the_form_says(window: Any) -> None:
    fake = FakeTarget(new_port(), path="/topic")
    async with running(private_outputs=True) as service, serving(fake):
        hub = service.services.hub
        hub.channel("main")
        dashboard = await window(f"{service.url}/?hl=de")
        page = dashboard.page
        await dashboard.until("document.querySelector('.alert-settings') !== null")
        height = "document.querySelector('.channel .alerts').offsetHeight"
        assert await page.evaluate(height) <= 1
        await page.click(".alert-settings summary")
        await dashboard.until("document.querySelector('[name=alert-silence]').value === '30'")
        await page.fill("[name=alert-url]", fake.url)
        await page.fill("[name=alert-silence]", "3.5")
        await page.click(".alert-settings [type=submit]")
        await dashboard.until("document.querySelector('[name=alert-url]').placeholder === 'gesetzt: 127.0.0.1'")
        await page.click(".alert-settings .test")
        await dashboard.until_text(".alert-settings .form-status", "Der Test wurde gesendet.")
        assert fake.requests[0].headers["tags"] == "white_check_mark"
        async with service.publisher("main") as publisher:
            await publisher.send(json.dumps({"op": "start", "source": "Host"}))
            await publisher.send(to_pcm(silence(1.0)))
            await dashboard.until_text(
                ".channel .alerts", "Host sendet keinen Ton: Ist die Quelle stumm, oder ist es das falsche Gerät?"
            )
            await publisher.send('{"op":"end"}')
            await dashboard.until(f"{height} <= 1")
        await until(lambda: len(fake.requests) == 3)
        await page.click(".alert-settings .forget")
        await until(lambda: not hub.channel("main").settings.alerts.url)
        assert SECRET not in await page.content()
