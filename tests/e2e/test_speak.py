"""The page for the microphone in a real browser, whose microphone says something again and again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from surtitle.access import tokens
from surtitle.access.tokens import Scope
from surtitle.core.settings import Access
from tests.e2e.chromium import launch_browser, microphone_arguments
from tests.e2e.conftest import Watched
from tests.e2e.test_accessibility import SCHEMES, opened, violations
from tests.support import Running, as_wav, running, silence, sources, speech, until

SAID = "The train was late because of the heavy snow."
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SECRET = "a secret of at least thirty-two characters"


@pytest_asyncio.fixture(scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A browser with a microphone that everybody may use."""
    sound = tmp_path_factory.mktemp("microphone") / "said.wav"
    sound.write_bytes(as_wav(np.concatenate((speech(SAID), silence(1.0)))))
    async with launch_browser(*microphone_arguments(sound)) as browser:
        yield browser


def alike(heard: str) -> bool:
    """Whether some words of it were heard: the microphone begins anywhere in it, and a busy machine stutters."""
    return len({*heard.lower().split()} & {*SAID.lower().split()}) >= 3


async def words(page: Watched) -> str:
    return str(await page.page.evaluate("document.querySelector('#words').textContent"))


async def until_alike(page: Watched) -> None:
    async with asyncio.timeout(60):
        while not alike(await words(page)):
            await asyncio.sleep(0.1)


async def state(page: Watched, wanted: str) -> None:
    await page.until("wanted => document.querySelector('#state').dataset.state === wanted", wanted)


async def fits(page: Watched) -> bool:
    return bool(await page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
async def test_one_press_captions_what_is_said(whisper: Running, window: Any, size: dict[str, Any]) -> None:
    channel = f"said-{len(size)}"
    page: Watched = await window(f"{whisper.url}/speak/{channel}?hl=en", **size)
    await state(page, "off")
    await page.page.click("#toggle")
    await state(page, "live")
    assert sources(whisper, channel) == ["Microphone"]
    await page.until("document.querySelector('#level').value > 20")
    await until_alike(page)
    assert await fits(page)
    await page.page.click("#mute")
    await state(page, "muted")
    (source,) = whisper.services.hub.sources.of(whisper.services.hub.channel(channel))
    await until(lambda: source.stats.level < -80)
    await page.page.click("#mute")
    await until(lambda: source.stats.level > -50)
    await page.page.click("#toggle")
    await state(page, "off")
    await until(lambda: sources(whisper, channel) == [])
    assert alike(await words(page))  # what was said stays on the page


async def test_a_cut_connection_is_resumed_by_the_same_source(whisper: Running, window: Any) -> None:
    page: Watched = await window(f"{whisper.url}/speak/cut?hl=en")
    sockets: list[Any] = []
    await page.page.route_web_socket(
        re.compile("/audio$"), lambda socket: sockets.append((socket, socket.connect_to_server()))
    )
    await page.page.click("#toggle")
    await state(page, "live")
    (source,) = whisper.services.hub.sources.of(whisper.services.hub.channel("cut"))
    await until(lambda: source.input.received > 1)
    client, server = sockets[0]
    await client.close(code=1012)  # the page first: what it sent afterwards would go to a socket that is closed
    await server.close()
    await until(lambda: len(sockets) == 2)
    await state(page, "live")
    await until(lambda: source.lease.attached)
    assert whisper.services.hub.sources.of(source.channel) == [source]
    before = source.input.received
    await until(lambda: source.input.received > before + 1)
    await until_alike(page)


async def test_choices_apply_and_are_kept(whisper: Running, window: Any) -> None:
    page: Watched = await window(f"{whisper.url}/speak/chosen?hl=en")
    await page.page.click("[popovertarget=settings]")
    await page.page.fill("[name=name]", "Ada")
    await page.page.select_option("[name=language]", "en")
    await page.page.keyboard.press("Escape")
    await page.page.reload()
    assert await page.page.input_value("[name=name]") == "Ada"
    await page.page.click("#toggle")
    await state(page, "live")
    assert sources(whisper, "chosen") == ["Ada"]
    (source,) = whisper.services.hub.sources.of(whisper.services.hub.channel("chosen"))
    assert source.language == "en"
    await page.page.click("[popovertarget=settings]")
    assert await page.page.is_disabled("[name=name]")
    assert await page.page.evaluate("document.querySelector('[name=device]').options.length") > 1
    await page.page.select_option("[name=device]", index=1)  # another microphone, the same source
    before = source.input.received
    await until(lambda: source.input.received > before + 1)
    assert whisper.services.hub.sources.of(source.channel) == [source]


async def test_browsers_that_capture_at_one_rate_only_are_captioned(whisper: Running, window: Any) -> None:
    """Firefox connects a microphone only to a context of the same rate."""
    page: Watched = await window("about:blank", service_workers="block")
    await page.page.add_init_script(
        "const original = AudioContext.prototype.createMediaStreamSource;"
        "AudioContext.prototype.createMediaStreamSource = function (stream) {"
        " if (this.sampleRate === 16000) throw new DOMException('rates differ', 'NotSupportedError');"
        " return original.call(this, stream); }"
    )
    await page.page.goto(f"{whisper.url}/speak/rates?hl=en")
    await page.page.click("#toggle")
    await state(page, "live")
    await until_alike(page)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [("NotAllowedError", "blocked"), ("NotFoundError", "No microphone"), ("NotReadableError", "close other programs")],
)
async def test_a_microphone_that_cannot_be_used(service: Running, window: Any, error: str, sentence: str) -> None:
    page: Watched = await window("about:blank", **PHONE)
    await page.page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{error}') }}"
    )
    await page.page.goto(f"{service.url}/speak/none?hl=en")
    await page.page.click("#toggle")
    await page.until("text => document.querySelector('#status').textContent.includes(text)", sentence)
    await state(page, "off")
    assert sources(service, "none") == []


async def test_a_phone_over_plain_http_is_told_what_to_do(service: Running, window: Any) -> None:
    page: Watched = await window("about:blank", **PHONE)
    await page.page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    await page.page.goto(f"{service.url}/speak/insecure?hl=en")
    await page.until("document.querySelector('#status').textContent.includes('--tls-cert')")
    assert await page.page.is_disabled("#toggle")


async def test_a_link_with_a_token_can_publish_and_one_to_view_cannot(window: Any) -> None:
    async with running(access=Access(secret=SECRET, require_token=True)) as service:
        may = {scope: tokens.issue(SECRET, scope, "club", 600).token for scope in (Scope.VIEW, Scope.PUBLISH)}
        page: Watched = await window(f"{service.url}/speak/club?token={may[Scope.PUBLISH]}", locale="en")
        assert "token" not in page.page.url
        assert str(may[Scope.PUBLISH]) in str(await page.page.evaluate("document.body.dataset.link"))
        await page.page.click("#toggle")
        await until(lambda: len(sources(service, "club")) == 1)
        refused = await page.page.context.request.get(f"{service.url}/speak/club?token={may[Scope.VIEW]}")
        assert refused.status == 403


async def test_only_this_page_may_use_the_microphone(service: Running, window: Any) -> None:
    for path, allowed in (("speak/main", True), ("view/main", False), ("overlay/main", False)):
        page: Watched = await window(f"{service.url}/{path}")
        feature = "document.featurePolicy.allowsFeature('microphone')"
        assert await page.page.evaluate(feature) is allowed, path


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_accessibility(service: Running, window: Any, scheme: str) -> None:
    page = await opened(window, f"{service.url}/speak/axe-{scheme}?hl=en", scheme)
    assert await violations(page) == []
    await page.page.click("#toggle")
    await state(page, "live")
    for sheet in ("settings", "phone"):
        await page.page.click(f"[popovertarget={sheet}]")
        assert await violations(page) == []
        await page.page.keyboard.press("Escape")
    await page.page.click("#mute")
    await state(page, "muted")
    assert await violations(page) == []
