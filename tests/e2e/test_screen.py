"""The viewer keeps a phone's screen on, which Chromium's headless shell cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.chromium import launch_browser
from tests.e2e.test_view import PHONE, viewer
from tests.support import Running, need, put


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launch_browser(path=need("chromium")) as browser:
        yield browser


async def test_a_phones_screen_stays_on_while_captions_run(service: Running, window: Any) -> None:
    page = await viewer(service, window, "awake", has_touch=True, is_mobile=True, **PHONE)
    assert not await page.page.is_visible("#screen-state")
    put(service, "awake", "c1", 1, "Good evening.")
    await page.until("document.querySelector('#screen-state').textContent === 'Screen stays on'")
    await page.page.click("[popovertarget=reading]")
    await page.page.uncheck("#screen-on")
    await page.until("document.querySelector('#screen-state').hidden")
    await page.page.reload()
    assert not await page.page.is_checked("#screen-on")


async def test_where_the_screen_cannot_stay_on_the_page_says_why(service: Running, window: Any) -> None:
    page = await window("about:blank", **PHONE)
    await page.page.add_init_script(
        "delete Navigator.prototype.wakeLock; Object.defineProperty(window, 'isSecureContext', {value: false})"
    )
    await page.page.goto(f"{service.url}/view/awake")
    await page.page.click("[popovertarget=reading]")
    await page.until("document.querySelector('#screen-hint').textContent.includes('https')")
    assert await page.page.is_disabled("#screen-on")
    await page.page.add_init_script("window.obsstudio = {}")
    await page.page.goto(f"{service.url}/view/awake")
    await page.until("document.querySelector('#screen-setting').hidden")
