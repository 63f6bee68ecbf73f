"""Drives the real extension in a real Chromium as a person does: clicks on its button, looks at its popup."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Page, Playwright, Worker, async_playwright

from tests.support import need

EXTENSION = Path(__file__).parents[2] / "chrome-extension"
ID = "kckkkpkgiciaaohgbmnpmfnhoamljlle"  # follows from the manifest's key
_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    f"--disable-extensions-except={EXTENSION}",
    f"--load-extension={EXTENSION}",
]


@asynccontextmanager
async def extension(*arguments: str, **options: Any) -> AsyncIterator[Extension]:
    """Chromium with the extension, and a profile of its own."""
    chromium = need("chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        async with async_playwright() as playwright:
            context = await _launch(playwright, chromium, profile, arguments, options)
            try:
                worker = context.service_workers[0] if context.service_workers else await _worker(context)
                browser = context.browser
                assert browser is not None
                yield Extension(context, worker, await browser.new_browser_cdp_session())
            finally:
                await context.close()


async def _launch(
    playwright: Playwright, chromium: str, profile: str, arguments: tuple[str, ...], options: dict[str, Any]
) -> BrowserContext:
    return await playwright.chromium.launch_persistent_context(
        profile,
        executable_path=chromium,
        headless=False,  # Playwright's own headless mode loads no extensions; --headless=new does
        ignore_default_args=["--disable-extensions"],
        args=[*_ARGUMENTS, *arguments],
        **({"viewport": {"width": 1280, "height": 720}} | options),
    )


async def _worker(context: BrowserContext) -> Worker:
    return await context.wait_for_event("serviceworker", timeout=30_000)


class Extension:
    """One browser. Its first tab is blank."""

    def __init__(self, context: BrowserContext, worker: Worker, browser: CDPSession) -> None:
        self.context = context
        self.worker = worker
        self._browser = browser
        assert ID in worker.url, worker.url

    async def settle(self, **settings: Any) -> None:
        """Choose settings, as the options page does."""
        page = await self.page("options/options.html")
        await page.evaluate("settings => chrome.storage.local.set(settings)", settings)
        await page.close()

    async def page(self, path: str) -> Page:
        """One of the extension's own pages, in a tab."""
        page = await self.context.new_page()
        await page.goto(f"chrome-extension://{ID}/{path}")
        return page

    async def open(self, url: str) -> Page:
        page = await self.context.new_page()
        await page.goto(url)
        await page.bring_to_front()
        return page

    async def popup(self, page: Page) -> Popup:
        """Click on the toolbar's button while `page` is in front."""
        await page.bring_to_front()
        tabs = (await self._browser.send("Target.getTargets", {"filter": [{"type": "tab"}]}))["targetInfos"]
        tab = next(tab["targetId"] for tab in tabs if tab["url"] == page.url)
        before = {target["targetId"] for target in await self._popups()}
        await self._browser.send("Extensions.triggerAction", {"id": ID, "targetId": tab})
        async with asyncio.timeout(20):
            while not (new := [one for one in await self._popups() if one["targetId"] not in before]):
                await asyncio.sleep(0.05)
        popup = Popup(self._browser, new[0]["targetId"])
        await popup.attach()
        await popup.until("document.querySelector('#toggle')?.textContent")
        return popup

    async def start(self, page: Page) -> Popup:
        """Open the popup and press its button; captions run when this returns."""
        popup = await self.popup(page)
        await popup.until("!document.querySelector('#toggle').disabled")
        await popup.run("document.querySelector('#toggle').click()")
        await popup.until("document.querySelector('#tab').dataset.phase === 'live'")
        return popup

    async def kill_worker(self) -> None:
        """Stop the service worker, as Chrome does after half a minute of idleness."""
        page = await self.page("options/options.html")
        session = await self.context.new_cdp_session(page)
        await session.send("ServiceWorker.enable")
        await session.send("ServiceWorker.stopAllWorkers")
        await session.detach()
        await page.close()

    async def badge(self, page: Page) -> str:
        """What the toolbar's button shows for a tab."""
        watching = await self.page("options/options.html")
        text: str = await watching.evaluate(
            "async url => { for (const tab of await chrome.tabs.query({})) {"
            " const text = await chrome.action.getBadgeText({ tabId: tab.id });"
            " if (tab.title === url) return text; } return 'no such tab'; }",
            await page.title(),
        )
        await watching.close()
        return text

    async def _popups(self) -> list[dict[str, Any]]:
        targets = (await self._browser.send("Target.getTargets"))["targetInfos"]
        return [target for target in targets if target["url"].endswith("/popup/popup.html")]


class Popup:
    """The popup, which is no tab: Playwright does not know it, so it is asked through the browser."""

    def __init__(self, browser: CDPSession, target: str) -> None:
        self._browser = browser
        self._target = target
        self._session = ""
        self._count = 0
        self.errors: list[str] = []
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def attach(self) -> None:
        self._browser.on("Target.receivedMessageFromTarget", self._receive)
        attached = await self._browser.send("Target.attachToTarget", {"targetId": self._target, "flatten": False})
        self._session = attached["sessionId"]
        await self.send("Runtime.enable", {})

    async def run(self, expression: str) -> Any:
        """The value of an expression in the popup."""
        answer = await self.send(
            "Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True}
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def send(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        answer = self._answers[self._count] = asyncio.get_running_loop().create_future()
        message = json.dumps({"id": self._count, "method": method, "params": parameters})
        await self._browser.send("Target.sendMessageToTarget", {"sessionId": self._session, "message": message})
        return await asyncio.wait_for(answer, 20)

    async def until(self, expression: str, *, seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not await self.run(expression):
                await asyncio.sleep(0.05)

    async def text(self, selector: str = "body") -> str:
        found: str = await self.run(f"document.querySelector({selector!r}).innerText")
        return " ".join(found.split())

    async def close(self) -> None:
        self._browser.remove_listener("Target.receivedMessageFromTarget", self._receive)
        await self._browser.send("Target.closeTarget", {"targetId": self._target})

    def _receive(self, event: dict[str, Any]) -> None:
        if event["sessionId"] != self._session:
            return
        message = json.loads(event["message"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(message["params"]["exceptionDetails"]))
        waiting = self._answers.pop(message.get("id", 0), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message.get("result") or {"error": message.get("error")})
