"""The pages in a real browser: what a newcomer, an audience and a streamer see."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support import Running, error_rate, free_port, put, readers, running

DEMO = (
    "Good evening, and welcome to the show. The words that you read are written down while I am speaking. "
    "Your viewers can read them on the stream, or on a page of their own. "
    "Everything happens on this computer, and nothing is sent away. "
    "When you are ready, open a video and try it for yourself."
)


async def test_the_demo_shows_captions_on_all_three_pages(service: Running, window: Any) -> None:
    """The first minute of a newcomer: a click on the dashboard, and words appear everywhere."""
    dashboard = await window(f"{service.url}/")
    overlay = await window(f"{service.url}/overlay/main")
    viewer = await window(f"{service.url}/view/main")
    await dashboard.until("document.querySelector('#service').dataset.state === 'live'")
    await viewer.page.evaluate(
        "window.lengths = new Set(); const transcript = document.querySelector('#transcript');"
        "new MutationObserver(() => lengths.add(transcript.textContent.length))"
        ".observe(transcript, { subtree: true, childList: true, characterData: true })"
    )
    await dashboard.page.click("#demo")
    for page, place in ((overlay, "#captions"), (viewer, "#transcript"), (dashboard, ".captions")):
        await page.until("place => /evening|welcome/i.test(document.querySelector(place).textContent)", place)
    assert await dashboard.text(".source .source-name") == "Demo"
    assert "pocketsphinx" in await dashboard.text(".source .engine")
    await dashboard.until("document.querySelector('.source .level').value > 10")
    for page, place in ((overlay, "#captions"), (viewer, "#transcript")):
        await page.until("place => /yourself/i.test(document.querySelector(place).textContent)", place, seconds=60)
    assert await viewer.page.evaluate("lengths.size") > 10  # word by word, not all at once
    assert error_rate(DEMO, await viewer.text("#transcript section p")) < 0.15
    await overlay.until("document.querySelector('#captions').dataset.state === 'empty'")


async def test_eight_pages_in_one_browser_all_stay_live(service: Running, window: Any) -> None:
    pages = [await window(f"{service.url}/overlay/eight") for _ in range(8)]
    await readers(service, "eight", 8)
    for rev, text in enumerate(["one", "one two", "one two three"], start=1):
        put(service, "eight", "c1", rev, text)
        for page in pages:
            await page.until("text => document.querySelector('#captions').innerText.trim() === text", text, seconds=5)


async def test_text_is_never_markup(service: Running, window: Any) -> None:
    attack = "<img/src=x/onerror=document.title='owned'> <script>document.title='owned'</script> &amp;"
    pages = [await window(f"{service.url}{path}") for path in ("/overlay/xss", "/view/xss", "/")]
    await readers(service, "xss", 2)
    put(service, "xss", "c1", 1, attack, attack, source=attack)
    put(service, "xss", "c2", 1, attack, source="Guest", final=True)
    for page, place in zip(pages, ("#captions", "#transcript", "#channels"), strict=True):
        await page.until("place => document.querySelector(place).textContent.includes('onerror')", place)
        pictures = "document.querySelectorAll('img:not(.qr, [src=\"/static/icon.svg\"])').length"
        assert await page.page.evaluate(pictures) == 0
        assert "owned" not in await page.page.title()
        assert "&amp;" in await page.text(place)


async def test_pages_come_back_when_the_service_is_started_again(window: Any) -> None:
    """In mid-sentence: what was committed stays on the pages meanwhile, and what is said afterwards is added."""
    port = free_port()
    async with running(port=port) as service:
        viewer = await window(f"{service.url}/view/back")
        overlay = await window(f"{service.url}/overlay/back?fade=60&lines=4")
        await readers(service, "back", 2)
        put(service, "back", "c1", 1, "Before.", final=True)
        put(service, "back", "c2", 1, "In the middle of", "a sent")
        for page, place in ((viewer, "#transcript"), (overlay, "#captions")):
            await page.until("place => document.querySelector(place).textContent.includes('a sent')", place)
    await viewer.until("document.querySelector('#state').dataset.state === 'lost'")
    await overlay.until_text("#captions", "Before. In the middle of")
    assert await viewer.text("#transcript section p") == "Before. In the middle of"
    async with running(port=port) as service:
        await readers(service, "back", 2)
        put(service, "back", "d1", 1, "After.", final=True)
        for page, place in ((viewer, "#transcript"), (overlay, "#captions")):
            await page.until("place => document.querySelector(place).textContent.includes('After')", place)
        await viewer.until("document.querySelector('#state').dataset.state === 'live'")
    await viewer.until_text("#transcript section p", "Before. In the middle of After.")
    assert await overlay.text("#captions") == "Before. In the middle of After."


async def test_a_page_reads_server_sent_events(service: Running, window: Any) -> None:
    page = await window(f"{service.url}/view/sse")
    async with httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/api/channels/sse")).status_code == 200
    await page.page.evaluate(
        "new EventSource('/api/channels/sse/captions').addEventListener('caption', "
        "event => { document.title = JSON.parse(event.data).text })"
    )
    await readers(service, "sse", 2)
    put(service, "sse", "c1", 1, "By events.", final=True)
    await page.until("document.title === 'By events.'")


async def test_the_dashboard_fits_a_phone(service: Running, window: Any) -> None:
    put(service, "main", "c1", 1, "A caption that is rather long for so small a screen.", final=True)
    dashboard = await window(f"{service.url}/")
    await dashboard.page.set_viewport_size({"width": 360, "height": 740})
    await dashboard.until("document.querySelector('.channel') !== null")
    assert await dashboard.page.evaluate("document.documentElement.scrollWidth") <= 360
