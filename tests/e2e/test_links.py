"""Links with tokens, and hostile texts, in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from surtitle.access import tokens
from surtitle.access.tokens import EVERY, Scope
from surtitle.core.settings import Access
from tests.support import Running, put, readers, running

SECRET = "a secret that nobody guesses, of this test"
SHOWN = "document.querySelector('#transcript').textContent.includes('Good evening.')"
COPIED = """async () => {
  const copied = new Promise((resolve) => { navigator.clipboard.writeText = async (text) => resolve(text); });
  document.querySelector('.access-links .new-link button').click();
  return copied;
}"""
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'&amp;{{7*7}}${1}"


@pytest_asyncio.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder: Path = tmp_path_factory.mktemp("data")
    async with running(access=Access(SECRET, require_token=True), data_dir=folder) as service:
        yield service


def link(service: Running, path: str, scope: Scope = Scope.VIEW, channel: str = "main") -> str:
    return f"{service.url}{path}?token={tokens.issue(SECRET, scope, channel, 600).token}"


async def test_a_viewers_link_works_and_leaves_the_address(guarded: Running, window: Any) -> None:
    put(guarded, "main", "c1", 1, "Good evening.", final=True)
    page = await window(link(guarded, "/view/main"), viewport={"width": 800, "height": 600})
    await readers(guarded, "main", 1)
    await page.until(SHOWN)
    assert page.page.url == f"{guarded.url}/view/main"
    assert "token" not in await page.page.evaluate(
        "document.cookie + JSON.stringify({...localStorage, ...sessionStorage})"
    )
    await page.page.reload()
    await page.until(SHOWN)
    shared = await page.page.evaluate("document.body.dataset.link")
    async with httpx.AsyncClient() as client:
        assert (await client.get(shared)).status_code == 200
        assert (await client.get(shared.replace("/view/main", "/"))).status_code == 403
    manifest = await page.page.evaluate(
        "fetch(document.querySelector('[rel=manifest]').href).then((one) => one.status)"
    )
    assert manifest == 200


async def test_an_overlays_link_works_each_time_it_is_opened(guarded: Running, window: Any) -> None:
    """OBS opens the same address whenever it starts, with or without what it kept."""
    address = link(guarded, "/overlay/main") + "&theme=minimal&columns=30"
    for _ in range(2):
        page = await window(address, viewport={"width": 1280, "height": 720})
        await page.until("document.documentElement.dataset.fitted === '30'")
        assert page.page.url == f"{guarded.url}/overlay/main?theme=minimal&columns=30"
        await page.page.reload()
        await page.until("document.documentElement.dataset.fitted === '30'")
    await readers(guarded, "main", 2)


async def test_the_dashboard_gives_links_for_others(guarded: Running, window: Any) -> None:
    page = await window(link(guarded, "/", Scope.ADMIN, EVERY), viewport={"width": 1280, "height": 900})
    await page.until("document.querySelectorAll('.links a').length === 3")
    overlay, viewer, speak = await page.page.eval_on_selector_all(".links a", "links => links.map((one) => one.href)")
    assert speak == f"{guarded.url}/speak/main"  # for this browser, whose cookie has the token
    async with httpx.AsyncClient() as client:
        for address in (overlay, viewer):
            assert "token=" in address
            assert (await client.get(address)).status_code == 200
    viewing = await page.page.context.new_page()
    await viewing.goto(viewer)
    await page.page.reload()
    await page.until("document.querySelector('#service').dataset.state === 'live'")


async def test_people_are_told_when_their_link_is_no_longer_valid(guarded: Running, window: Any) -> None:
    given = guarded.services.authority.issue(Scope.VIEW, "gone", 600, "guest")
    page = await window(f"{guarded.url}/view/gone?token={given.token}", viewport={"width": 800, "height": 600})
    await readers(guarded, "gone", 1)
    await asyncio.to_thread(guarded.services.authority.token_store.revoke, given.id)
    await page.until_text("#state", "This link is no longer valid: ask for a new one.")
    page.errors.clear()
    await page.page.reload()
    await page.until_text("h1", "Surtitle")
    assert "revoked" in await page.text("p")
    page.errors.clear()  # the browser logs the status 401


async def test_texts_are_shown_as_texts(service: Running, window: Any) -> None:
    """Captions, names and styles that would be markup, in every page."""
    put(service, "evil", "c1", 1, EVIL, source=EVIL[:80], final=True)
    put(service, "evil", "c2", 1, EVIL, EVIL, source=EVIL[:80], speaker=EVIL[:80], start=3.0)
    async with httpx.AsyncClient(base_url=service.url) as client:
        for name, body in (("ok", {"font": EVIL[:40]}), (EVIL[:20], {})):
            await client.put(f"/api/channels/evil/styles/{name}", json=body)
    dialogs: list[str] = []
    for path in ("/view/evil", "/overlay/evil?names=always", f"/overlay/evil?font={EVIL}&style={EVIL}", "/"):
        page = await window(service.url + path, viewport={"width": 1280, "height": 900})
        page.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await page.until("document.body.innerText.includes('onerror=alert(1)')")
        assert (
            await page.page.evaluate("document.querySelectorAll('img[src=x], script:not([src]):not([type])').length")
            == 0
        )
        assert "49" not in await page.page.evaluate(
            "document.body.innerText.split('{{')[0].replaceAll(location.host, '')"
        )
    assert dialogs == []


async def test_links_for_others_are_made_and_taken_back_on_the_dashboard(guarded: Running, window: Any) -> None:
    guarded.services.hub.channel("show")
    page = await window(link(guarded, "/", Scope.ADMIN, EVERY), viewport={"width": 1280, "height": 900})
    await page.until("document.querySelectorAll('.access-links [name=channel] option').length > 2")
    await page.page.select_option(".access-links [name=channel]", "show")
    await page.page.fill(".access-links [name=name]", "guest laptop")
    await page.page.click(".access-links [type=submit]")
    await page.until("document.querySelector('.access-links output').value.includes('token=…')")
    assert await page.text(".access-links .form-status") == "Pass this link on. It is shown only once."
    address = await page.page.evaluate(COPIED)
    assert address.startswith(f"{guarded.url}/view/show?token=")
    async with httpx.AsyncClient() as client:
        assert (await client.get(address)).status_code == 200
    await page.until("document.querySelector('.access-links li').innerText.includes('guest laptop')")
    await page.page.click(".access-links li:first-child button")
    await page.until("!document.querySelector('.access-links ul').innerText.includes('guest laptop')")
    async with httpx.AsyncClient() as client, asyncio.timeout(5):
        while (await client.get(address)).status_code != 401:
            await asyncio.sleep(0.1)


async def test_nobody_is_asked_about_links_where_no_token_is_needed(service: Running, window: Any) -> None:
    page = await window(f"{service.url}/", viewport={"width": 1280, "height": 900})
    await page.until("document.querySelector('#service').dataset.state === 'live'")
    assert await page.page.is_hidden(".access-links")
