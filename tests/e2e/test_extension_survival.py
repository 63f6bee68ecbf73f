"""What else happens to tabs and services, and what the button and the popup say of it."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from playwright.async_api import Error, Page

from surtitle.audio import RATE, Samples
from tests.e2e.extension import Extension, box, shown
from tests.e2e.site import Site
from tests.e2e.tap import Tap, tap
from tests.support import Running, free_port, running, silence, sources, until

AUTOPLAY = "<script>addEventListener('load', () => document.querySelector('#sound').play())</script>"


def tone(seconds: float) -> Samples:
    return np.float32(0.3) * np.sin(np.arange(round(seconds * RATE), dtype=np.float32) * 2 * np.pi * 440 / RATE)


def loud(service: Tap, source: str) -> bool:
    """Whether the last tenth of a second is to be heard."""
    return bool((np.abs(service.heard(source)[-RATE // 10 :]) > 0.2).any())


async def test_a_page_that_crashes_is_told_and_goes_on_when_it_is_loaded_again(chrome: Extension, web: Site) -> None:
    async with tap() as service:
        await chrome.settle(server=service.url)
        page = await chrome.open(web.speaks("Crash", tone(120), body=AUTOPLAY))
        await chrome.start(page)
        await until(lambda: loud(service, "Crash"))
        tab = await chrome.active_tab()
        with suppress(Error):
            await page.goto("chrome://crash")
        await chrome.until_badge(tab, "!")
        await chrome.reload(tab)
        await until(lambda: loud(service, "Crash"))
        await chrome.until_badge(tab, "box")
        await chrome.close_tab(tab)
        assert len(service.starts) == 1


async def test_a_discarded_tab_ends_its_source(chrome: Extension, web: Site) -> None:
    async with tap() as service:
        await chrome.settle(server=service.url)
        page = await chrome.open(web.speaks("Discarded", silence(1.0)))
        await chrome.start(page)
        await chrome.discard(await chrome.active_tab())
        await until(lambda: "Discarded" in service.ended)


async def test_when_the_offscreen_page_is_lost_one_click_starts_again(chrome: Extension, web: Site) -> None:
    async with tap() as service:
        await chrome.settle(server=service.url)
        page = await chrome.open(web.speaks("Lost", tone(60), body=AUTOPLAY))
        await chrome.start(page)
        await until(lambda: loud(service, "Lost"))
        await chrome.lose_offscreen_page()
        await chrome.until_badge(page, "!")
        assert await box(page) is None
        popup = await chrome.popup(page)
        assert "start them again" in await popup.text("#problem")
        await popup.press("live")
        await until(lambda: len(service.starts) == 2 and loud(service, "Lost"))
        assert await chrome.badge(page) == "on"
        await chrome.stop(page)
        await page.close()


async def test_the_first_time_and_without_a_service(chrome: Extension, web: Site) -> None:
    """The popup says what to download and start, notices when it runs, and captions."""
    port = free_port()
    await chrome.settle(server=f"http://127.0.0.1:{port}", channel="first")
    page = await chrome.open(web.speaks("First", silence(1.0)))
    popup = await chrome.popup(page)
    await popup.until("!document.querySelector('#help').hidden")
    assert "Download Surtitle and start it" in await popup.text("#help")
    assert "make run" not in await popup.text()
    link = await popup.run("document.querySelector('#download').href")
    assert link == "https://github.com/surtitle/surtitle/releases/latest"
    assert await popup.run("document.querySelector('#toggle').checkVisibility()") is False  # only one thing to do
    async with running(port=port) as service:
        await popup.press("live")
        assert await popup.run("document.querySelector('#help').hidden")
        assert sources(service, "first") == ["First"]
        assert await popup.run("document.querySelector('#viewer').href") == f"{service.url}/view/first"
        assert await popup.run("document.querySelector('#overlay').href") == f"{service.url}/overlay/first"
    await popup.until("document.querySelector('#tab').dataset.phase === 'reconnecting'")
    await popup.press("off")
    assert popup.errors == []
    await page.close()


async def test_what_the_service_refuses_is_said_in_a_sentence(service: Running, chrome: Extension, web: Site) -> None:
    page = await chrome.open(web.speaks("Refused", silence(1.0)))
    await chrome.settle(server=service.url, channel="main", language="english")
    popup = await chrome.popup(page)
    await popup.press("failed")
    assert "language" in await popup.text("#problem")
    assert await chrome.badge(page) == "!"
    await chrome.stop(page)
    await chrome.settle(language="", channel="no such channel")
    popup = await chrome.popup(page)
    await popup.run("document.querySelector('#toggle').click()")
    await popup.until("document.querySelector('#problem').innerText.includes('letters, digits')")
    await chrome.settle(channel="main")
    await page.close()


async def test_the_browsers_own_pages_can_be_heard_but_have_no_box(service: Running, chrome: Extension) -> None:
    await chrome.settle(server=service.url)
    page = await chrome.open("chrome://version")
    popup = await chrome.start(page)
    await popup.until("document.querySelector('#boxNote').innerText.includes('Not possible on this page')")
    await popup.press("off")
    await page.close()


async def test_the_token_is_sent_and_never_enters_a_page(chrome: Extension, web: Site) -> None:
    async with tap() as service:
        await chrome.settle(server=service.url, token="a-secret")
        page = await chrome.open(web.speaks("Secret", silence(1.0)))
        popup = await chrome.start(page)
        await shown(page, "appear here")
        assert service.starts[0]["token"] == "a-secret"
        assert "a-secret" not in await popup.run("[document.querySelector('#viewer').href, overlay.href].join()")
        assert "a-secret" not in await page.content()
        assert await stored_for_content_scripts(page) is None
        await chrome.stop(page)
        await chrome.settle(token="")
        await page.close()


async def test_the_options_are_kept_when_they_are_right(service: Running, chrome: Extension) -> None:
    options = await chrome.page("options/options.html")
    await options.fill("#server", service.url.removeprefix("http://"))
    await options.press("#server", "Tab")
    await options.wait_for_selector("#service[data-state=live]")
    assert await chrome.kept("server") == service.url
    await options.fill("#channel", "two words")
    await options.press("#channel", "Tab")
    await options.wait_for_selector("#channel[aria-invalid=true]")
    assert "letters, digits" in await options.inner_text("#saved")
    assert await chrome.kept("channel") == "main"
    await options.fill("#microphoneName", "Ada")
    await options.press("#microphoneName", "Tab")
    await options.select_option("#theme", "2")
    await chrome.until_kept("look", "theme", 2)
    assert await chrome.kept("microphoneName") == "Ada"
    await chrome.settle(look={}, microphoneName="")
    await options.close()


async def test_the_keyboard_has_a_way(chrome: Extension) -> None:
    assert await chrome.shortcuts() == {"_execute_action": "Alt+Y", "toggle": "Alt+Shift+Y"}


async def stored_for_content_scripts(page: Page) -> str | None:
    """What the caption box's own world can read of the extension's storage."""
    session = await page.context.new_cdp_session(page)
    worlds: list[int] = []
    session.on(
        "Runtime.executionContextCreated",
        lambda event: (
            worlds.append(event["context"]["id"]) if event["context"]["auxData"]["type"] == "isolated" else None
        ),
    )
    await session.send("Runtime.enable")
    read = "globalThis.surtitleBox && chrome.storage.local.get('token').then((kept) => kept.token, () => null)"
    found = None
    for world in worlds:
        answer = await session.send(
            "Runtime.evaluate", {"expression": read, "contextId": world, "awaitPromise": True, "returnByValue": True}
        )
        found = found or answer["result"].get("value")
    await session.detach()
    assert worlds
    return found
