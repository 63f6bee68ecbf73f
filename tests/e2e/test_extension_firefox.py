"""The extension in a real Firefox: a channel's captions on a page, and a popup that says what is impossible."""

from __future__ import annotations

from tests.e2e.firefox import firefox
from tests.e2e.site import STRICT, Site
from tests.support import publish, running, silence, sources, speech

FIRST = "She has worked in the same office for eleven years."
SECOND = "The train was late because of the heavy snow."


async def test_captions_of_a_channel_on_a_page(web: Site) -> None:
    async with running() as service, firefox() as browser:
        await browser.settle(server=service.url)
        page = web.speaks("Reading", silence(1.0), policy=STRICT)
        await browser.open(page)
        await browser.open_popup()
        await browser.until_popup("document.querySelector('#toggle').disabled === false")
        assert await browser.in_popup("document.querySelector('#toggle').innerText") == "Captions on this page"
        text = await browser.in_popup("document.body.innerText")
        assert "Firefox does not let extensions capture a tab’s sound" in text
        assert "My microphone too" not in text
        assert await browser.in_popup("document.querySelector('#speak').href") == f"{service.url}/speak/main"
        await browser.in_popup("document.querySelector('#toggle').click()")
        await browser.until_popup("document.querySelector('#tab').dataset.phase === 'live'")
        assert sources(service, "main") == []  # nothing is captured
        heard = await publish(service, speech(FIRST), channel="main")
        await browser.shown(heard.text)
        await browser.stop_background()  # nothing is lost
        heard = await publish(service, speech(SECOND), channel="main")
        await browser.shown(heard.text)
        assert await browser.badge() == "on"
        await browser.open(page)  # another page, on which nobody has clicked
        assert await browser.box() is None
        await browser.open_popup()
        await browser.shown(heard.text)
        await browser.in_popup("document.querySelector('#toggle').click()")
        await browser.until_popup("document.querySelector('#tab').dataset.phase === 'off'")
        await browser.gone()
        assert await browser.badge() == ""
