"""The extension with a service that wants a token."""

from __future__ import annotations

import httpx

from surtitle.access import tokens
from surtitle.access.tokens import Scope
from surtitle.core.settings import Access
from tests.e2e.extension import Extension, box, play
from tests.e2e.site import Site
from tests.support import error_rate, running, settled, speech, until

SECRET = "a secret that nobody guesses, of this test"
TEXT = "The train was late because of the heavy snow."


async def test_a_token_lets_it_in_and_its_links_can_only_view(chrome: Extension, web: Site) -> None:
    async with running(access=Access(SECRET, require_token=True)) as service:
        await chrome.settle(server=service.url, channel="main", token="no.such.token")
        page = await chrome.open(web.speaks("Talk", speech(TEXT)))
        popup = await chrome.popup(page)
        await popup.until("document.querySelector('#problem').textContent.includes('valid token')")
        await popup.until("document.querySelector('#toggle').disabled")
        given = tokens.issue(SECRET, Scope.PUBLISH, "main", 600).token
        await chrome.settle(token=given)
        popup = await chrome.start(page)
        await popup.until("document.querySelector('#viewer').href.includes('token=')")
        viewer = httpx.URL(await popup.run("document.querySelector('#viewer').href"))
        grant = tokens.decode(SECRET, viewer.params["token"])
        assert (grant.scope, grant.channel) == (Scope.VIEW, "main")
        await play(page)
        heard = await settled(service, "main")
        assert error_rate(TEXT, heard) < 0.4
        assert error_rate(heard, await box(page) or "") == 0
        await chrome.stop(page)
        await until(lambda: not service.services.hub.sources.of(service.services.hub.channel("main")))
        await page.close()
    await chrome.settle(token="")
