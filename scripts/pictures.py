"""Renew the pictures of the documents: the dashboard, the extension, and closed captions on the dashboard.

Runs a real service on port 8000 with the weights of Whisper base, and a real Chromium with the extension; only OBS is
a stand-in, whose own windows are pictured by hand. flite speaks.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from playwright.async_api import Page, async_playwright

from tests.closed_captions.fake_obs import PASSWORD, fake_obs
from tests.e2e.extension import Extension, Popup, extension, shown
from tests.e2e.site import site
from tests.support import Running, need, publish, running, silence, speech
from tests.weights import required_weights

FOLDER = Path(__file__).parents[1] / "docs" / "images"
PORT = 8000  # is read on the pictures
TALK = [
    "Good evening, and welcome to the show.",
    "We walked along the river until the sun went down.",
    "The train was late because of the heavy snow.",
]
SENTENCES = [
    "The farmer sold his horse and bought a new truck.",
    "Please close the door when you leave the room.",
    "The meeting will begin at nine in the morning.",
]
TITLE = "A walk along the river"
BODY = f"""<header>Field Notes</header><main><div id=video><svg viewBox='0 0 852 452' preserveAspectRatio='none'>
<linearGradient id=sky x2=0 y2=1><stop stop-color='#7fa3bf'/><stop offset=1 stop-color='#e0bc98'/></linearGradient>
<linearGradient id=land x2=0 y2=1><stop stop-color='#33523c'/><stop offset=1 stop-color='#22322a'/></linearGradient>
<rect width=852 height=452 fill='url(#sky)'/><circle cx=579 cy=135 r=48 fill='#f2c98a'/>
<path d='M0 278 111 178 203 243 295 162 450 300 450 330 0 330Z' fill='#4c6852'/>
<rect y=262 width=852 height=190 fill='url(#land)'/></svg><i></i></div><aside>{"<b></b>" * 5}</aside>
<h2>{TITLE}</h2><p>Episode 12</p></main>"""
STYLE = """body{margin:0!important;background:#f6f4f0;color:#1d1f22;font:16px sans-serif!important}h1{display:none}
header{background:#fff;padding:14px 28px;font-weight:700;border-bottom:1px solid #dddad3}
main{position:relative;padding:20px 28px}#video{position:relative;width:852px;height:452px;border-radius:12px;
overflow:hidden}#video i{position:absolute;left:22px;right:22px;bottom:16px;height:5px;border-radius:3px;
background:linear-gradient(90deg,#f7c443 34%,#8a9890 34%)}aside{position:absolute;left:902px;top:20px;width:250px}
aside b{display:block;height:78px;margin-bottom:12px;border-radius:8px;background:#e6e1d7}
h2{font-size:21px}p{color:#666}"""


async def main() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1100, "height": 880})
        async with service() as surtitle:
            await picture_dashboard(surtitle, page)
            await picture_closed_captions(surtitle, page)
        await picture_extension(page)
        await browser.close()


@asynccontextmanager
async def service() -> AsyncIterator[Running]:
    model = str(required_weights("base"))
    with tempfile.TemporaryDirectory() as folder:
        async with running(engine="whisper", model=model, language="en", port=PORT, data_dir=Path(folder)) as surtitle:
            yield surtitle


async def picture_dashboard(surtitle: Running, page: Page) -> None:
    await page.goto(surtitle.url)
    await page.click("#demo")
    await until(page, "document.querySelector('.captions').innerText.includes('sent away')")
    await page.screenshot(path=FOLDER / "dashboard.png")
    await until(page, "!document.querySelector('#demo').disabled", seconds=60)
    await page.locator(".clear").first.click()


async def picture_closed_captions(surtitle: Running, page: Page) -> None:
    async with fake_obs() as obs:
        card = page.locator(".channel").first
        await card.locator(".outputs summary").first.click()
        await card.locator(".outputs [name=port]").fill(str(obs.port))
        await card.locator(".outputs [name=password]").fill(PASSWORD)
        await card.locator(".outputs [name=enabled]").check()
        await card.locator(".outputs button[type=submit]").click()
        await until(page, "document.querySelector('.outputs .state').textContent === 'sending'")
        samples = np.concatenate([speech(sentence, "slt") for sentence in SENTENCES])
        speaking = asyncio.create_task(publish(surtitle, samples, source="OBS", pace=1.0))
        await until(page, "document.querySelector('.captions').innerText.includes('nine')")
        await page.evaluate(
            "port => { for (const field of document.querySelectorAll('[name=port]')) field.value = port }", 4455
        )
        await page.set_viewport_size({"width": 1100, "height": 1600})
        await page.evaluate("document.activeElement.blur()")
        await card.screenshot(path=FOLDER / "obs-dashboard.png")
        await speaking
    await page.set_viewport_size({"width": 1100, "height": 880})


async def picture_extension(page: Page) -> None:
    """The three states of the popup beside each other, and the box on a page."""
    popups: list[bytes] = []
    talk = np.concatenate([silence(1.0), *(speech(sentence, "slt") for sentence in TALK), silence(8.0)])
    size = {"width": 1180, "height": 640}
    with site() as web:
        async with extension(viewport=size, color_scheme="light") as light:
            shows = await light.open(web.speaks(TITLE.replace(" ", "-"), talk, body=BODY, style=STYLE))
            await shows.evaluate("title => { document.title = title }", TITLE)
            await light.settle(server=f"http://127.0.0.1:{PORT}", box=True)
            popup = await light.popup(shows)
            await popup.until("!document.querySelector('#help').hidden")
            popups.append(await picture_of(popup))
            await popup.close()
            async with service():
                popup = await light.popup(shows)
                await popup.until("document.querySelector('#toggle').disabled === false")
                popups.append(await picture_of(popup))
                await popup.press("live")
                await popup.close()
                await shows.evaluate("void document.querySelector('#sound').play()")
                await shown(shows, "heavy snow", seconds=60)
                box = await box_center(light, shows)
                await shows.mouse.move(*box)
                await asyncio.sleep(1.0)  # the tools fade in
                await shows.screenshot(path=FOLDER / "extension-box.png")
                dark = await light.popup(shows)
                await dark.send(
                    "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
                )
                await dark.until("document.querySelector('#tab').dataset.phase === 'live'")
                popups.append(await picture_of(dark))
    images = "".join(f"<img src='data:image/png;base64,{base64.b64encode(one).decode()}'>" for one in popups)
    style = "body{margin:0;padding:30px;display:flex;gap:60px;align-items:flex-start;background:#cdcdcd;width:1200px}"
    await page.set_content(f"<style>{style}</style>{images}")
    await page.set_viewport_size({"width": 1260, "height": 562})
    await page.screenshot(path=FOLDER / "extension-popup.png", full_page=True)


async def box_center(chrome: Extension, page: Page) -> tuple[float, float]:
    """The middle of the caption box, in pixels of the page."""
    session = await page.context.new_cdp_session(page)
    box = await page.evaluate(
        "(() => { const { x, y, width, height } = document.querySelector('surtitle-captions').getBoundingClientRect();"
        " return [x + width / 2, y + height / 2]; })()"
    )
    await session.detach()
    return box[0], box[1]


async def picture_of(popup: Popup) -> bytes:
    answer = await popup.send("Page.captureScreenshot", {"format": "png"})
    return base64.b64decode(answer["data"])


async def until(page: Page, expression: str, *, seconds: float = 60) -> None:
    """Wait until it is true. (Playwright's own waiting needs eval, which the pages' policy forbids.)"""
    async with asyncio.timeout(seconds):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main())
