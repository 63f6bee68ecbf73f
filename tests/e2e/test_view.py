"""The viewer in a real browser: reading, scrolling back, sharing, languages."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
import zxingcpp

from surtitle.store.database import StoreError
from surtitle.store.journal import Store
from tests.e2e.conftest import Watched
from tests.support import Running, put, readers, running

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 780}}
TO_END = "document.documentElement.scrollHeight - innerHeight - scrollY"


async def viewer(service: Running, window: Any, name: str, query: str = "", **options: Any) -> Watched:
    page: Watched = await window(f"{service.url}/view/{name}{query}", **options)
    await readers(service, name, 1)
    return page


async def shows(page: Watched, text: str) -> None:
    await page.until("text => document.querySelector('#transcript').textContent.includes(text)", text)


async def looks(page: Watched, selector: str, name: str) -> str:
    """The computed value of a CSS property."""
    return str(await page.page.evaluate(f"getComputedStyle(document.querySelector({selector!r}))[{name!r}]"))


async def shown(page: Watched) -> list[int]:
    """The numbers of all captions on the page, from top to bottom."""
    text = await page.page.evaluate("document.querySelector('#transcript').textContent")
    return [int(number) for number in re.findall(r"Sentence (\d+)", text)]


def say(service: Running, name: str, first: int, last: int) -> None:
    """Numbered captions, two a paragraph, that became final."""
    for number in range(first, last + 1):
        start = 10.0 * (number // 2) + number % 2
        put(service, name, f"c{number}", 1, f"Sentence {number} says some words.", final=True, start=start)


async def choose(page: Watched, **chosen: str) -> None:
    await page.page.click("[popovertarget=reading]")
    for name, value in chosen.items():
        await page.page.select_option(f"#preferences [name={name}]", value)
    await page.page.keyboard.press("Escape")


async def test_a_database_that_cannot_be_read_hides_only_what_was_said_before(
    window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.channels.archive._MAX_STORED_IN_MEMORY", 2)

    def broken(*_: object) -> None:
        raise StoreError("The database cannot be read: captions continue without it.")

    async with running(data_dir=tmp_path) as service:
        service.services.hub.channel("broken").begin()
        say(service, "broken", 1, 6)
        await service.services.journal_writer.flush()
        monkeypatch.setattr(Store, "captions", broken)
        page = await viewer(service, window, "broken")
        await page.until("document.querySelector('#translation').textContent.includes('captions continue')")
        say(service, "broken", 7, 7)
        await shows(page, "Sentence 7")
        page.errors.clear()  # the browser tells of the answer


async def test_what_was_said_before_it_was_opened(service: Running, window: Any) -> None:
    for number in range(1, 4):
        put(service, "late", f"c{number}", 1, f"Sentence {number}.", final=True)
    page = await viewer(service, window, "late")
    await shows(page, "Sentence 3")
    await page.until_text("#transcript section p", "Sentence 1. Sentence 2. Sentence 3.")
    announced = await page.page.evaluate("document.querySelector('#announcer').childElementCount")
    assert announced == 0
    put(service, "late", "c4", 1, "Now.", final=True)
    await page.until("document.querySelector('#announcer').textContent === 'Now.'")


async def test_reading_preferences_apply_and_stay(service: Running, window: Any) -> None:
    page = await viewer(service, window, "reading", color_scheme="light")
    put(service, "reading", "c1", 1, "We walked along", "the river")
    await shows(page, "river")
    text = ".paragraph p"
    size = float((await looks(page, text, "fontSize")).removesuffix("px"))
    assert not await page.page.evaluate("document.fonts.check('16px OpenDyslexic')")  # nobody asked for it yet
    await choose(page, face="dyslexic", spacing="wide", colors="contrast")
    await page.page.click("[popovertarget=reading]")
    await page.page.uncheck("#preferences [name=tentative]")
    await page.page.keyboard.press("Escape")
    for _ in range(2):
        await page.page.click("#larger")

    async def applied() -> None:
        await page.until("document.fonts.check('16px OpenDyslexic')")
        assert (await looks(page, text, "fontFamily")).startswith("OpenDyslexic")
        assert float((await looks(page, text, "fontSize")).removesuffix("px")) > 1.3 * size
        assert float((await looks(page, text, "letterSpacing")).removesuffix("px")) > 0
        assert await looks(page, "body", "backgroundColor") == "rgb(0, 0, 0)"
        assert await looks(page, "body", "color") == "rgb(255, 255, 0)"
        assert await looks(page, ".tentative", "display") == "none"
        await page.until_text(text, "We walked along")

    await applied()
    await page.page.reload()
    await shows(page, "along")
    await applied()
    values = await page.page.evaluate("[...document.querySelectorAll('#preferences select')].map(one => one.value)")
    assert values == ["dyslexic", "wide", "contrast"]
    assert not await page.page.is_checked("#preferences [name=tentative]")
    await choose(page, face="serif", spacing="normal", colors="dark")
    assert "serif" in await looks(page, text, "fontFamily")
    assert await looks(page, text, "letterSpacing") == "normal"
    assert await looks(page, "body", "backgroundColor") == "rgb(18, 19, 23)"
    for _ in range(10):
        await page.page.click("#smaller")
    assert await looks(page, text, "fontSize") == "16px"


async def test_kept_preferences_that_make_no_sense_do_no_harm(service: Running, window: Any) -> None:
    page = await viewer(service, window, "nonsense", color_scheme="light")
    for kept in ('"text"', "null", "[]", '{"size":"big","face":7,"colors":null,"tentative":"x"}', "{"):
        await page.page.evaluate("kept => localStorage.setItem('reading', kept)", kept)
        await page.page.reload()
        await page.until("document.querySelector('#state').dataset.state === 'live'")
        values = await page.page.evaluate("[...document.querySelectorAll('#preferences select')].map(one => one.value)")
        assert values == ["sans", "normal", "auto"]


async def test_sharing(service: Running, window: Any) -> None:
    put(service, "shared", "c1", 1, "First words.", final=True)
    put(service, "shared", "c2", 1, "More words.", final=True, start=3.0)
    page = await viewer(service, window, "shared", "?hl=en", permissions=["clipboard-read", "clipboard-write"])
    address = f"{service.url}/view/shared"
    await page.page.click("[popovertarget=share]")
    assert await page.text("#address") == address
    assert await page.page.is_visible("#local")
    await page.until("document.querySelector('.qr').complete && document.querySelector('.qr').naturalWidth > 0")
    assert decoded(await page.page.locator(".qr").screenshot()) == address
    copied = {"#copy-link": address, "#copy-text": "First words.\nMore words.\n"}
    for button, text in copied.items():
        label = await page.text(button)
        await page.page.click(button)
        await page.until("button => document.querySelector(button).textContent === 'Copied'", button)
        assert await page.page.evaluate("navigator.clipboard.readText()") == text
        await page.until("([button, label]) => document.querySelector(button).textContent === label", [button, label])
    links = await page.page.evaluate("[...document.querySelectorAll('.downloads a')].map(a => [a.href, a.download])")
    assert [name for _, name in links] == ["shared.txt", "shared.md", "shared.srt", "shared.vtt", "shared.json"]
    async with httpx.AsyncClient() as client:
        for url, _ in links:
            assert "More words." in (await client.get(url)).text
    async with page.page.expect_download() as waiting:
        await page.page.click(".downloads a")
    assert (await waiting.value).suggested_filename == "shared.txt"


def decoded(png: bytes) -> str:
    """What the QR code in a picture says."""
    with av.open(io.BytesIO(png), "r") as picture:
        pixels = next(picture.decode(video=0)).to_ndarray(format="gray")
    (code,) = zxingcpp.read_barcodes(pixels)
    return str(code.text)


async def test_the_button_tells_of_two_clicks_once(service: Running, window: Any) -> None:
    page = await viewer(service, window, "twice", "?hl=en", permissions=["clipboard-read", "clipboard-write"])
    await page.page.click("[popovertarget=share]")
    for _ in range(2):
        await page.page.click("#copy-link")
        await page.until("document.querySelector('#copy-link').textContent === 'Copied'")
    await page.until("document.querySelector('#copy-link').textContent === 'Copy the link'")


async def test_scrolling_back_through_the_whole_session(service: Running, window: Any) -> None:
    """Nothing is lost or doubled, and what one reads stays where it is."""
    say(service, "long", 1, 900)
    page = await viewer(service, window, "long", **PHONE)
    await shows(page, "Sentence 900")
    await page.until(f"{TO_END} < 2")
    assert await shown(page) == [*range(601, 901)]
    assert not await page.page.is_visible("#follow")
    for first in (301, 1):
        top = await page.page.evaluate(
            "scrollTo(0, 0), (window.topmost = document.querySelector('.paragraph')).getBoundingClientRect().top"
        )
        assert top > 0
        await page.until("first => document.querySelector('.caption').textContent.includes(`${first} `)", str(first))
        await page.page.evaluate("new Promise(done => setTimeout(done, 300))")  # for what settles late
        assert await shown(page) == [*range(first, 901)]
        assert abs(await page.page.evaluate("topmost.getBoundingClientRect().top") - top) < 10
    assert not await page.page.is_visible("#earlier")
    say(service, "long", 901, 902)
    await shows(page, "Sentence 902")
    assert await shown(page) == [*range(1, 903)]
    assert await page.page.evaluate(f"{TO_END}") > 2000  # new captions do not move a reader who looks back


async def test_the_button_shows_what_was_said_before(service: Running, window: Any) -> None:
    say(service, "button", 1, 320)
    page = await viewer(service, window, "button")
    await shows(page, "Sentence 320")
    await page.page.evaluate("document.querySelector('#earlier').focus({ preventScroll: true })")
    await page.page.keyboard.press("Enter")
    await shows(page, "Sentence 1 ")
    assert await shown(page) == [*range(1, 321)]
    assert not await page.page.is_visible("#earlier")


async def test_following_and_back_to_live(service: Running, window: Any) -> None:
    say(service, "live", 1, 60)
    page = await viewer(service, window, "live", **PHONE)
    await shows(page, "Sentence 60 ")
    await page.until(f"{TO_END} < 2")
    for number in range(61, 81):
        say(service, "live", number, number)
        await shows(page, f"Sentence {number} ")
        await page.until(f"{TO_END} < 2")
    assert not await page.page.is_visible("#follow")
    await page.page.mouse.move(200, 400)
    await page.page.mouse.wheel(0, -600)
    await page.until("!document.querySelector('#follow').hidden")
    await page.page.wait_for_timeout(500)  # for the wheel to come to rest
    await page.page.evaluate("window.read = document.elementFromPoint(100, 400).closest('.paragraph'); null")
    top = await page.page.evaluate("read.getBoundingClientRect().top")
    say(service, "live", 81, 90)
    await shows(page, "Sentence 90 ")
    assert abs(await page.page.evaluate("read.getBoundingClientRect().top") - top) < 2
    await page.page.click("#larger")  # a change of the layout brings nobody to the end either
    await page.page.click("#smaller")
    assert await page.page.evaluate(TO_END) > 300
    await page.page.click("#follow")
    await page.until(f"{TO_END} < 2")
    await page.until("document.querySelector('#follow').hidden")
    say(service, "live", 91, 99)
    await shows(page, "Sentence 99 ")
    await page.until(f"{TO_END} < 2")
    for _ in range(3):
        await page.page.click("#larger")
    await page.until(f"{TO_END} < 2")
    assert not await page.page.is_visible("#follow")


async def test_a_correction_stays_in_its_place_and_is_not_announced(service: Running, window: Any) -> None:
    """Whether the caption was said before the page was opened, is further up than the page goes, or just came."""
    say(service, "corrected", 1, 310)
    page = await viewer(service, window, "corrected")
    say(service, "corrected", 311, 311)
    await page.until("document.querySelector('#announcer').textContent === 'Sentence 311 says some words.'")
    for number in (5, 200, 311):
        put(service, "corrected", f"c{number}", 2, f"Sentence {number} is corrected.", final=True)
    say(service, "corrected", 312, 312)
    await shows(page, "Sentence 312 ")
    announced = await page.page.evaluate("[...document.querySelectorAll('#announcer p')].map(one => one.textContent)")
    assert announced == ["Sentence 311 says some words.", "Sentence 312 says some words."]
    assert await shown(page) == [*range(11, 313)]
    await page.page.evaluate("document.querySelector('#earlier').click()")
    assert await shown(page) == [*range(1, 313)]
    text = await page.page.evaluate("document.querySelector('#transcript').textContent")
    assert re.findall(r"Sentence (\d+) is corrected", text) == ["5", "200", "311"]


async def test_a_caption_that_is_taken_back_leaves_the_page(service: Running, window: Any) -> None:
    say(service, "taken", 1, 302)
    page = await viewer(service, window, "taken")
    for number in (1, 2, 150, 302):
        put(service, "taken", f"c{number}", 2, "")
    put(service, "taken", "d1", 1, "", "uh")
    await shows(page, "uh")
    put(service, "taken", "d1", 2, "")
    await page.until("!document.querySelector('#transcript').textContent.includes('uh')")
    assert not await page.page.is_visible("#earlier")
    assert await shown(page) == [number for number in range(1, 303) if number not in (1, 2, 150, 302)]


async def test_clear(service: Running, window: Any) -> None:
    say(service, "cleared", 1, 310)
    page = await viewer(service, window, "cleared", "?hl=en")
    await shows(page, "Sentence 310 ")
    async with httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.post("/api/channels/cleared/clear")).status_code == 200
    await page.until("document.querySelector('#transcript').textContent === ''")
    assert await page.page.is_visible("#empty")
    assert not await page.page.is_visible("#earlier")
    await page.until("document.querySelector('#follow').hidden")
    put(service, "cleared", "d1", 1, "Anew.", final=True)
    await shows(page, "Anew.")
    await page.until_text("#transcript section p", "Anew.")
    assert not await page.page.is_visible("#empty")


async def test_it_can_be_installed(service: Running, window: Any) -> None:
    page = await viewer(service, window, "app")
    session = await page.page.context.new_cdp_session(page.page)
    manifest = await session.send("Page.getAppManifest")
    assert manifest["url"] == f"{service.url}/view/app/manifest.webmanifest"
    assert manifest["errors"] == []
    async with httpx.AsyncClient() as client:
        app = (await client.get(manifest["url"])).json()
    sizes = {
        icon["sizes"]: await page.page.evaluate(
            "async url => { const image = new Image(); image.src = url; await image.decode(); "
            "return `${image.naturalWidth}x${image.naturalHeight}` }",
            icon["src"],
        )
        for icon in app["icons"]
    }
    assert sizes == {"192x192": "192x192", "512x512": "512x512"}
    assert app["start_url"] == app["scope"] == "/view/app"
    errors = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    assert [error["errorId"] for error in errors] in ([], ["in-incognito"])  # which the tests' windows are


@pytest.mark.parametrize(
    ("locale", "query", "language", "button"),
    [
        ("de-AT", "", "de", "Teilen"),
        ("en-GB", "", "en", "Share"),
        ("ja-JP", "", "en", "Share"),
        ("de-AT", "?hl=es", "es", "Compartir"),
        ("de-AT", "?hl=fr", "fr", "Partager"),
        ("en-GB", "?hl=DE", "de", "Teilen"),
        ("en-GB", "?hl=xx", "en", "Share"),
    ],
)
async def test_languages(service: Running, window: Any, locale: str, query: str, language: str, button: str) -> None:
    put(service, "languages", "c1", 1, "Hello.", final=True)
    page = await viewer(service, window, "languages", query, locale=locale)
    assert await page.page.evaluate("document.documentElement.lang") == language
    assert await page.text("[popovertarget=share]") == button
    states = {"de": "Live", "en": "Live", "es": "En directo", "fr": "En direct"}
    await page.until("state => document.querySelector('#state').textContent === state", states[language])


async def test_it_fits_a_phone(service: Running, window: Any) -> None:
    put(service, "phone", "c1", 1, "W" * 300, final=True)
    page = await viewer(service, window, "phone", "?hl=de", viewport={"width": 320, "height": 640})
    for sheet in ("reading", "share"):
        await page.page.click(f"[popovertarget={sheet}]")
        await page.page.wait_for_timeout(100)
        box = await page.page.locator(f"#{sheet}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
        assert box["y"] + box["height"] <= 640
        await page.page.keyboard.press("Escape")
    assert await page.page.evaluate("document.documentElement.scrollWidth") <= 320


async def test_a_channel_without_captions_is_not_called_live(service: Running, window: Any) -> None:
    """Somebody may have mistyped its name."""
    page = await viewer(service, window, "mani")
    await page.until("document.querySelector('#state').textContent === 'Waiting for captions'")
    put(service, "mani", "c1", 1, "Good evening.")
    await page.until("document.querySelector('#state').textContent === 'Live'")


async def test_languages_have_different_names(service: Running, window: Any) -> None:
    page = await viewer(service, window, "akan")
    await page.page.click("#language")
    await page.until("document.querySelectorAll('#language-list li').length > 200")
    buttons = "[...document.querySelectorAll('#language-list button')].map(button => button.firstChild.data)"
    names = await page.page.evaluate(buttons)
    assert {"Akan", "Twi"} <= set(names)
    assert len(set(names)) == len(names)
