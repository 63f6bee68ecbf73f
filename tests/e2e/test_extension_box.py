"""The caption box and the page it is in: above everything, in nobody's way, and as its reader wants it."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from playwright.async_api import Page

from tests.e2e.extension import Extension, box, nodes, play, shown
from tests.e2e.site import Site
from tests.support import Running, settled, speech

SAID = "She has worked in the same office for eleven years."
VIDEO = """<video id=video muted playsinline style='width:320px'></video><button id=full>Fullscreen</button><script>
  const canvas = document.createElement('canvas');
  canvas.width = 1280; canvas.height = 720;
  const pen = canvas.getContext('2d');
  const paint = () => { pen.fillStyle = '#00c000'; pen.fillRect(0, 0, 1280, 720); };
  setInterval(paint, 50); paint();
  video.srcObject = canvas.captureStream(20); video.play();
  full.onclick = () => video.requestFullscreen();
</script>"""
COUNTING = """<input id=field><div style='height:3000px'></div><script>
  window.keys = []; window.clicks = 0;
  addEventListener('keydown', (event) => keys.push(event.key));
  addEventListener('click', () => clicks++);
</script>"""


async def test_above_a_fullscreen_video(whisper: Running, chrome: Extension, web: Site) -> None:
    await chrome.settle(server=whisper.url, channel="full")
    page = await chrome.open(web.speaks("Full", speech(SAID, "slt"), body=VIDEO))
    await chrome.start(page)
    await page.bring_to_front()
    await page.click("#full")
    await page.wait_for_function("document.fullscreenElement !== null")
    await play(page)
    said = await settled(whisper, "full")
    await shown(page, said)
    picture = await pixels(page)
    height, width, _ = picture.shape
    green = np.all(np.abs(picture.astype(int) - (0, 192, 0)) < 30, axis=2)
    assert green[height // 4, width // 2]  # the video fills the screen
    assert green[height // 2, 5]
    left, top, right, bottom = await place(page)
    inside = picture[top + 4 : bottom - 4, left + 4 : right - 4]
    assert not green[top + 4 : bottom - 4, left + 4 : right - 4].any()
    assert np.all(inside > 220, axis=2).sum() > 500  # white words
    await page.evaluate("document.exitFullscreen()")
    await page.wait_for_function("document.fullscreenElement === null")
    await shown(page, said)
    await chrome.stop(page)
    await page.close()


async def test_the_page_keeps_its_keys_clicks_and_layout(whisper: Running, chrome: Extension, web: Site) -> None:
    await chrome.settle(server=whisper.url, channel="manners")
    page = await chrome.open(web.speaks("Manners", speech(SAID, "slt"), body=COUNTING))
    layout = "[document.documentElement.scrollHeight, document.documentElement.scrollWidth, document.activeElement.id]"
    await page.focus("#field")
    before = await page.evaluate(layout)
    await chrome.start(page)
    await play(page)
    said = await settled(whisper, "manners")
    await shown(page, said)
    await page.bring_to_front()
    left, top, right, bottom = await place(page)
    await page.mouse.click(left - 20, top - 20)
    await page.mouse.click(right - 20, top - 20)  # where the tools are when the pointer is on the box
    assert await page.evaluate("clicks") == 2
    await page.focus("#field")
    await page.mouse.move((left + right) / 2, (top + bottom) / 2)
    await page.mouse.down()
    await page.mouse.up()
    await page.keyboard.press("k")
    assert await page.evaluate("keys") == ["k"]
    assert await page.evaluate(layout) == before
    assert await page.input_value("#field") == "k"
    await chrome.stop(page)
    await page.close()


async def test_where_and_how_the_box_is_shown_is_remembered_for_the_site(
    whisper: Running, chrome: Extension, web: Site
) -> None:
    await chrome.settle(server=whisper.url, channel="place")
    page = await chrome.open(web.speaks("Place", speech(SAID, "slt")))
    await chrome.start(page)
    await play(page)
    said = await settled(whisper, "place")
    await shown(page, said)
    await page.bring_to_front()
    left, top, right, bottom = await place(page)
    await drag(page, (left + 30, top + 20), (-150, -200))
    moved = await place(page)
    assert np.abs(np.subtract(moved, (left - 150, top - 200, right - 150, bottom - 200))).max() < 4
    left, top, right, bottom = moved
    await drag(page, (right - 4, bottom - 4), (-100, 64))
    left, top, right, bottom = await place(page)
    assert abs((right - left) - (moved[2] - moved[0] - 200)) < 4  # it is held by its middle
    larger = bottom - top
    await page.mouse.move((left + right) / 2, (top + bottom) / 2)
    await press(page, "Larger text")
    await press(page, "Colors 3")
    left, top, right, bottom = await place(page)
    assert bottom - top > larger
    last = (left, top, right, bottom)
    await chrome.until_kept(f"look {web.url}", "theme", 2)
    await page.reload()
    await shown(page, said)
    assert np.abs(np.subtract(await place(page), last)).max() < 4
    await page.bring_to_front()
    left, top, right, bottom = last
    await page.mouse.move((left + right) / 2, (top + bottom) / 2)
    await press(page, "Hide captions on the page")
    assert await box(page) is None
    popup = await chrome.popup(page)
    await popup.until("document.querySelector('#box').checked === false")
    await popup.run("document.querySelector('#box').click()")
    await shown(page, said)
    await chrome.stop(page)
    await page.close()


async def pixels(page: Page) -> npt.NDArray[np.uint8]:
    """A screenshot as rows of red, green and blue."""
    with av.open(io.BytesIO(await page.screenshot()), "r") as picture:
        frame = next(picture.decode(video=0))
        return np.asarray(frame.to_ndarray(format="rgb24"))


async def place(page: Page, wanted: str = "box") -> tuple[int, int, int, int]:
    """Where a part of the caption box is: left, top, right, bottom."""
    session = await page.context.new_cdp_session(page)
    try:
        root = (await session.send("DOM.getDocument", {"depth": -1, "pierce": True}))["root"]
        node = next(one for one in nodes(root) if matches(one, wanted))
        quad = (await session.send("DOM.getBoxModel", {"nodeId": node["nodeId"]}))["model"]["border"]
    finally:
        await session.detach()
    left, top, right, bottom = quad[0], quad[1], quad[4], quad[5]
    return round(left), round(top), round(right), round(bottom)


async def press(page: Page, label: str) -> None:
    """Click on one of the box's buttons."""
    left, top, right, bottom = await place(page, label)
    await page.mouse.click((left + right) / 2, (top + bottom) / 2)


async def drag(page: Page, start: tuple[int, int], way: tuple[int, int]) -> None:
    await page.mouse.move(*start)
    await page.mouse.down()
    await page.mouse.move(start[0] + way[0] / 2, start[1] + way[1] / 2)
    await page.mouse.move(start[0] + way[0], start[1] + way[1])
    await page.mouse.up()


def matches(node: dict[str, Any], wanted: str) -> bool:
    attributes = node.get("attributes", [])
    pairs = dict(zip(attributes[::2], attributes[1::2], strict=True))
    return node["nodeName"] in ("DIV", "BUTTON") and wanted in (pairs.get("class"), pairs.get("aria-label"))
