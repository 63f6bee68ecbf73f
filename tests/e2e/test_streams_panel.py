"""Streams on the dashboard, in a real browser: ffmpeg is the encoder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from surtitle.core.settings import Access
from tests.support import as_wav, free_port, need, running, sources, speech, until

TEXT = "The old clock on the wall has not worked for many years."


async def test_a_stream_is_added_captioned_and_removed(window: Any, tmp_path: Path) -> None:
    talk, url = tmp_path / "talk.wav", f"rtmp://127.0.0.1:{free_port()}/live/secret-key"
    talk.write_bytes(as_wav(speech(TEXT)))
    async with running(language="en", access=Access(private_ingest=True)) as service:
        dashboard = await window(f"{service.url}/")
        page = dashboard.page
        page.on("dialog", lambda dialog: dialog.accept())
        await page.click(".ingests summary")
        await page.fill("[name=address]", "https://example.org/live.m3u8")
        await page.fill("[name=stream-language]", "no language")
        await page.click(".ingests [type=submit]")
        await dashboard.until("document.querySelector('.ingests .form-status').textContent.includes('not a language')")
        assert await page.input_value("[name=address]") == "https://example.org/live.m3u8"

        await page.fill("[name=address]", url)
        await page.fill("[name=stream-name]", "Stage")
        await page.fill("[name=stream-language]", "")
        await page.check("[name=listen]")
        await page.click(".ingests [type=submit]")
        await dashboard.until_text(".ingests .state", "Stage: waiting for an encoder")
        assert await page.input_value("[name=address]") == ""
        assert "secret-key" not in await page.content()

        command = [need("ffmpeg"), "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(talk)]
        encoder = await asyncio.create_subprocess_exec(*command, "-c:a", "aac", "-f", "flv", url)
        try:
            await dashboard.until_text(".ingests .state", "Stage: receiving")
            await dashboard.until("document.querySelector('.captions').textContent.includes('clock')")
            assert await page.inner_text(".sources .source-name") == "Stage"
            await page.set_viewport_size({"width": 360, "height": 740})
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        finally:
            encoder.terminate()
            await encoder.wait()
        await dashboard.until_text(".ingests .state", "Stage: waiting for an encoder")
        await page.click("[aria-label='Remove: Stage']")
        await dashboard.until("document.querySelectorAll('.ingests li').length === 0")
        await until(lambda: not sources(service, "main"))
        dashboard.errors.clear()  # a browser logs every answer that is an error
