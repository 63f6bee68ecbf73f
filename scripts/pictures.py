"""Make the pictures of README.md, docs and the stores: `python -m scripts.pictures [extension] [firefox] [dashboard]`.

Real browsers with the real extension, and the real service with Whisper base, hear the bundled demo, on a page with a
drawn landscape: what the pictures say is what was recognized. Only the frame of the browser around a page is drawn, and
what answers as OBS is the tests' own. Needs chromium, firefox, ffmpeg, the weights (`python -m tests.weights base`),
and the ports 8000 and 4455, because the pictures show addresses.
"""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from playwright.async_api import FloatRect, Page, async_playwright
from websockets.asyncio.server import serve

from surtitle.audio import RATE, Samples
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks
from surtitle.demo import SAMPLE
from tests.closed_captions.fake_obs import PASSWORD, FakeObs
from tests.e2e.extension import Extension, Popup, extension, shown
from tests.e2e.firefox import firefox
from tests.e2e.site import Site, site
from tests.support import Running, need, publish, running, until

ROOT = Path(__file__).parents[1]
DOCS, STORE = ROOT / "docs" / "images", ROOT / "store" / "images"
PAGES = ROOT / "scripts" / "picture_pages"
"""The film to caption, and frames around what was photographed."""
SCREENSHOT = (1280, 800)
"""Of the stores: width and height, pixels."""
TITLE = "A walk along the river"
LOOK = {"size": 26, "theme": 0, "ground": 88, "x": 0.5, "y": 0.8, "width": 1080, "lines": 3}
SPOKEN = "this computer"
"""Words of the demo's last sentence but one, during which most pictures are taken: some words may still change."""
_LARGE = 250_000  # bytes
_ATTEMPTS = 5
_QUIET = 0.005  # amplitude
_PAUSE = 1.0  # seconds between two sentences, at least
_SPACE = 5.0  # seconds
_PATIENCE = 180.0  # seconds that a busy computer may take for the demo's speech


@dataclass
class Studio:
    """The browser, the site with the film, and a folder for pictures on their way."""

    chrome: Extension
    web: Site
    work: Path

    async def open_film(self) -> Page:
        body = render("film.html")
        page = await self.chrome.open(self.web.speaks("walk", spaced_speech(), body=body, style="body{margin:0}"))
        await page.evaluate("title => { document.title = title; }", TITLE)
        return page

    async def photograph(self, page: Page, path: Path, size: tuple[int, int] = SCREENSHOT, **options: Any) -> Path:
        await page.set_viewport_size({"width": size[0], "height": size[1]})
        await page.bring_to_front()
        await page.screenshot(path=path, **options)
        return path

    async def photograph_popup(self, popup: Popup, name: str, *, dark: bool = False) -> str:
        """The popup, twice as large as it is, as an address for a page."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await popup.send("Emulation.setEmulatedMedia", {"features": [scheme]})
        metrics = {"width": 360, "height": 600, "deviceScaleFactor": 2, "mobile": False}
        await popup.send("Emulation.setDeviceMetricsOverride", metrics)
        await popup.run("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        height = await popup.run("Math.ceil(document.body.getBoundingClientRect().height)")
        clip = {"x": 0, "y": 0, "width": 360, "height": height, "scale": 1}
        shot = await popup.send(
            "Page.captureScreenshot", {"format": "png", "clip": clip, "captureBeyondViewport": True}
        )
        path = self.work / f"popup-{name}.png"
        path.write_bytes(base64.b64decode(shot["data"]))
        return as_address(path)

    async def compose(self, html: str, path: Path, size: tuple[int, int] = SCREENSHOT, *, scale: int = 1) -> None:
        """Photograph a page that is made of pictures."""
        page = await self.chrome.context.new_page()
        await page.set_content(html)
        await page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
        session = await page.context.new_cdp_session(page)
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": scale, "mobile": False}
        await session.send("Emulation.setDeviceMetricsOverride", metrics)
        shot = await session.send("Page.captureScreenshot", {"format": "png"})
        composed = self.work / "composed.png"
        composed.write_bytes(base64.b64decode(shot["data"]))
        compress(composed, path)
        await page.close()


async def photograph_extension(studio: Studio) -> None:
    """The popup's three states, the box on a page, the readers' page, the overlay, and the tiles of the Web Store."""
    chrome = studio.chrome
    await chrome.settle(look=LOOK)
    film = await studio.open_film()
    popup = await chrome.popup(film)
    await popup.until("!document.querySelector('#help').hidden")
    first = await studio.photograph_popup(popup, "first")
    await popup.close()
    async with base_service() as service:
        viewer = await chrome.open(f"{service.url}/view/main")
        overlay = await chrome.open(f"{service.url}/overlay/main?fade=0")
        popup = await chrome.popup(film)
        await popup.until("document.querySelector('#service').textContent === 'whisper base'")
        await popup.until("!document.querySelector('#toggle').disabled")
        ready = await studio.photograph_popup(popup, "ready")
        await popup.close()
        await chrome.start(film)
        await film.evaluate("sound.play()")
        popup = await chrome.popup(film)
        speaking = "document.querySelector('#level').value > 25"
        early = "/^[0-2]\\.\\d s/.test(document.querySelector('#delay').textContent)"
        await popup.until(f"{speaking} && {early}", seconds=_PATIENCE)
        live = await studio.photograph_popup(popup, "live")
        await popup.until(speaking)
        dark = await studio.photograph_popup(popup, "dark", dark=True)
        await popup.close()
        await shown(film, SPOKEN, seconds=_PATIENCE)
        page = await studio.photograph(film, studio.work / "film.png", (860, 628))
        await film.set_viewport_size({"width": SCREENSHOT[0], "height": SCREENSHOT[1]})
        await film.mouse.move(640, 590)
        await film.wait_for_timeout(300)  # the tools are faded in
        compress(await studio.photograph(film, studio.work / "box.png"), STORE / "1-box.png")
        small = (1180, 700)
        await studio.photograph(film, studio.work / "box.png", small)
        await film.mouse.move(590, 510)
        await film.wait_for_timeout(300)
        compress(await studio.photograph(film, studio.work / "box.png", small), DOCS / "extension-box.png")
        await until(lambda: "yourself" in caption_text(service), timeout=_PATIENCE)
        captions = caption_text(service)
        await seen(overlay, "document.body.innerText.includes('yourself')")
        shot = await studio.photograph(overlay, studio.work / "overlay.png", omit_background=True)
        await studio.compose(render("stream.html", overlay=as_address(shot)), STORE / "4-overlay.png")
        await viewer.get_by_text("A+").click()
        await viewer.mouse.move(0, 0)
        wide = as_address(await studio.photograph(viewer, studio.work / "viewer.png", (860, 628)))
        await viewer.emulate_media(color_scheme="dark")
        phone = as_address(await studio.photograph(viewer, studio.work / "phone.png", (390, 780)))
        await studio.compose(render("readers.html", page=wide, phone=phone), STORE / "3-readers.png")
        await chrome.stop(film)
    await studio.compose(render("browser.html", page=as_address(page), popup=live), STORE / "2-popup.png")
    popups = render("popups.html", first=first, second=ready, third=dark)
    await studio.compose(popups, DOCS / "extension-popup.png", (1256, 660), scale=2)
    line = next(line for line in captions.splitlines() if "computer" in line)
    await studio.compose(render("tile.html", unit="2.75px", caption=line), STORE / "tile-small.png", (440, 280))
    await studio.compose(render("tile.html", unit="5.5px", caption=line), STORE / "tile-marquee.png", (1400, 560))


async def photograph_firefox(studio: Studio) -> None:
    """The captions of a channel on a page in Firefox, and its popup."""
    page = studio.web.speaks("walk", spaced_speech(), body=render("film.html"), style="body{margin:0}")
    async with base_service() as service, firefox() as browser:
        await browser.open(page)
        await browser.open_popup()
        await browser.until_popup("document.querySelector('#toggle').disabled === false")
        await browser.in_popup("document.querySelector('#toggle').click()")
        await browser.until_popup("document.querySelector('#tab').dataset.phase === 'live'")
        speaking = asyncio.create_task(publish(service, spaced_speech(), pace=1.0, source="Demo", lang="en"))
        await browser.shown(SPOKEN, seconds=_PATIENCE)
        path = studio.work / "firefox.png"
        path.write_bytes(await browser.screenshot())
        popup = await browser.popup_picture()
        await speaking
    html = render("browser.html", page=as_address(path), popup=popup)
    await studio.compose(html, DOCS / "extension-firefox.png", (1280, 652))


async def photograph_dashboard(studio: Studio) -> None:
    """The dashboard while somebody speaks, and its closed captions."""
    obs = FakeObs(4455)
    obs.answering.set()
    async with (
        base_service() as service,
        serve(obs.serve, "127.0.0.1", obs.port, close_timeout=1),
        async_playwright() as playwright,
    ):
        # Without the extension, in which this browser would be one without a pointer.
        browser = await playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        page = await browser.new_page()
        await page.goto(service.url)
        await page.uncheck("#listen")
        await page.click(".outputs summary")
        await page.fill("[name=password]", PASSWORD)
        await page.check(".outputs [name=enabled]")
        await page.click(".outputs button[type=submit]")
        await seen(page, "document.querySelector('.outputs .state').textContent === 'sending'")
        await page.reload()
        speaking = await photograph_board(studio, service, page)
        await page.click(".outputs summary")
        await seen(page, "/^\\w.*\\w/.test(document.querySelector('.outputs .viewers').innerText)")
        await page.set_viewport_size({"width": 1100, "height": 1600})
        place = await page.locator(".outputs").bounding_box()
        assert place is not None
        clip = FloatRect(x=place["x"] - 20, y=place["y"] + 1, width=place["width"] + 40, height=place["height"] + 12)
        board = studio.work / "board.png"
        await page.screenshot(path=board, clip=clip)
        compress(board, DOCS / "obs-dashboard.png")
        await browser.close()
        await speaking


def spaced_speech() -> Samples:
    """The demo's speech, with so much time after each sentence that a busy computer is in time for the next."""
    samples = np.concatenate([*resample_blocks(decode(str(SAMPLE)))])
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    ends = loud[:-1][np.diff(loud) > _PAUSE * RATE] + round(_PAUSE / 2 * RATE)
    return np.insert(samples, np.repeat(ends, round(_SPACE * RATE)), 0)


async def photograph_board(studio: Studio, service: Running, page: Page) -> asyncio.Task[Any]:
    """Photograph the dashboard while captions are in time, which on a busy computer takes several attempts.

    Returns the publisher, which is still speaking.
    """
    missing = {DOCS / "dashboard.png": (1100, 940), STORE / "5-dashboard.png": SCREENSHOT}
    board = studio.work / "board.png"
    for _ in range(_ATTEMPTS):
        publishing = publish(service, spaced_speech(), pace=1.0, source="Demo", lang="en")
        speaking = asyncio.create_task(publishing)
        await until(lambda: SPOKEN in caption_text(service), timeout=_PATIENCE)
        for path, size in list(missing.items()):
            await page.set_viewport_size({"width": size[0], "height": size[1]})
            await page.evaluate("scrollTo(0, 0)")
            await page.screenshot(path=board)
            text = await page.inner_text(".channel")
            if "speaking" in text and "lag 0." in text and not await page.inner_text(".channel .alerts"):
                compress(board, path)
                del missing[path]
        if not missing:
            return speaking
        await speaking
        service.services.hub.channel("main").clear()
    sys.exit("The captions are late: close other programs and try again.")


async def seen(page: Page, expression: str) -> None:
    """Wait until it is true. (Playwright's own waiting needs eval, which the pages' policy forbids.)"""
    async with asyncio.timeout(_PATIENCE):
        while not await page.evaluate(expression):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@asynccontextmanager
async def base_service() -> AsyncIterator[Running]:
    """A service on Whisper base that has heard something: its first words are late."""
    async with running(engine="whisper", model="base", language="en", port=8000) as service:
        await publish(service, spaced_speech()[: 5 * RATE], pace=1.0)
        service.services.hub.channel("main").clear()
        yield service


def caption_text(service: Running) -> str:
    """The captions of the channel, a line each, with words that may still change."""
    captions = service.services.hub.channel("main").original.captions
    return "\n".join(caption.full_text for caption in captions)


def as_address(picture: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"


def render(name: str, **parts: str) -> str:
    """A page of `PAGES` with its parts in it, which are pictures as addresses, or text."""
    shared = {"landscape.svg": "landscape", "window.html": "window"}
    common = {key: (PAGES / file).read_text(encoding="utf-8") for file, key in shared.items()}
    icon = (ROOT / "chrome-extension" / "icons" / "icon.svg").read_text(encoding="utf-8")
    return Template((PAGES / name).read_text(encoding="utf-8")).substitute(icon=icon, **common, **parts)


def compress(picture: Path, path: Path) -> None:
    """Write a picture in few bytes; a large one with a palette of 256 colors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _convert(picture, path)
    if path.stat().st_size > _LARGE:
        _convert(
            picture, path, "-vf", "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=dither=sierra2_4a"
        )
    print(path.relative_to(ROOT), path.stat().st_size)


def _convert(picture: Path, path: Path, *options: str) -> None:
    smallest = ("-compression_level", "9", "-pred", "mixed")
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(picture), *options, *smallest, str(path)]
    subprocess.run(command, check=True, timeout=60)


PICTURES = {
    "extension": photograph_extension,
    "firefox": photograph_firefox,
    "dashboard": photograph_dashboard,
}


async def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as work, site() as web:
        async with extension("--hide-scrollbars", color_scheme="light") as chrome:
            studio = Studio(chrome, web, Path(work))
            for name in names or PICTURES:
                await PICTURES[name](studio)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
