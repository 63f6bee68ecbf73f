"""Drives the real extension in a real Chromium as a person does: clicks on its button, looks at its popup."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Page, Playwright, async_playwright

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
                if not context.service_workers:
                    await context.wait_for_event("serviceworker", timeout=30_000)
                watching = await context.new_page()
                await watching.goto(f"chrome-extension://{ID}/options/options.html")
                assert context.browser is not None
                yield Extension(context, watching, await context.browser.new_browser_cdp_session())
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


class Extension:
    """One browser. In its second tab are the extension's options, through which it is looked into."""

    def __init__(self, context: BrowserContext, watching: Page, browser: CDPSession) -> None:
        self.context = context
        self._watching = watching
        self._browser = browser

    async def settle(self, **settings: Any) -> None:
        """Choose settings, as the options page does."""
        await self._watching.evaluate("settings => chrome.storage.local.set(settings)", settings)

    async def kept(self, key: str) -> Any:
        """What the extension has stored."""
        return await self._watching.evaluate("async key => (await chrome.storage.local.get(key))[key]", key)

    async def until_kept(self, key: str, part: str, wanted: object) -> None:
        async with asyncio.timeout(20):
            while ((await self.kept(key)) or {}).get(part) != wanted:
                await asyncio.sleep(0.1)

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
        await popup.until("document.querySelector('main')?.ariaBusy === 'false'")
        return popup

    async def start(self, page: Page) -> Popup:
        """Open the popup and press its button; captions run when this returns."""
        popup = await self.popup(page)
        await popup.press("live")
        return popup

    async def stop(self, page: Page) -> Popup:
        """Open the popup and press its button again."""
        popup = await self.popup(page)
        await popup.press("off")
        return popup

    async def kill_worker(self) -> None:
        """Stop the service worker, as Chrome does after half a minute of idleness."""
        session = await self.context.new_cdp_session(self._watching)
        stopped = asyncio.Event()

        def look(event: dict[str, Any]) -> None:
            if any(version["runningStatus"] == "stopped" for version in event["versions"]):
                stopped.set()

        session.on("ServiceWorker.workerVersionUpdated", look)
        await session.send("ServiceWorker.enable")
        await session.send("ServiceWorker.stopAllWorkers")
        await asyncio.wait_for(stopped.wait(), 20)
        await session.detach()

    async def active_tab(self) -> int:
        """The id of the tab in front."""
        tab: int = await self._watching.evaluate("async () => (await chrome.tabs.query({ active: true }))[0].id")
        return tab

    async def badge(self, tab: Page | int) -> str:
        """What the toolbar's button shows for a tab."""
        if isinstance(tab, Page):
            await tab.bring_to_front()
            tab = await self.active_tab()
        text: str = await self._watching.evaluate("tabId => chrome.action.getBadgeText({ tabId })", tab)
        return text

    async def until_badge(self, tab: Page | int, wanted: str, *, seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while await self.badge(tab) != wanted:
                await asyncio.sleep(0.1)

    async def reload(self, tab: int) -> None:
        await self._watching.evaluate("tabId => chrome.tabs.reload(tabId)", tab)

    async def discard(self, tab: int) -> None:
        """As the browser does when memory is short."""
        await self._watching.bring_to_front()
        await self._watching.evaluate("async tabId => { await chrome.tabs.discard(tabId); }", tab)

    async def close_tab(self, tab: int) -> None:
        await self._watching.evaluate("tabId => chrome.tabs.remove(tabId)", tab)

    async def lose_offscreen_page(self) -> None:
        targets = (await self._browser.send("Target.getTargets"))["targetInfos"]
        page = next(target for target in targets if target["url"].endswith("/offscreen/offscreen.html"))
        await self._browser.send("Target.closeTarget", {"targetId": page["targetId"]})

    async def shortcuts(self) -> dict[str, str]:
        """The keys that the browser has assigned."""
        found: dict[str, str] = await self._watching.evaluate(
            "async () => Object.fromEntries("
            "(await chrome.commands.getAll()).map((command) => [command.name, command.shortcut]))"
        )
        return found

    async def _popups(self) -> list[dict[str, Any]]:
        targets = (await self._browser.send("Target.getTargets"))["targetInfos"]
        return [target for target in targets if target["url"].endswith("/popup/popup.html")]


async def play(page: Page) -> None:
    """Play the page's sound to its end."""
    await page.evaluate(
        "new Promise((done, failed) => { const sound = document.querySelector('#sound');"
        " sound.onended = done; sound.onerror = failed; sound.play().catch(failed); })"
    )


async def box(page: Page) -> str | None:
    """What the caption box in a page says; None if there is none. Its root is closed: only the browser can look in."""
    session = await page.context.new_cdp_session(page)
    try:
        document = await session.send("DOM.getDocument", {"depth": -1, "pierce": True})
    finally:
        await session.detach()
    hosts = [node for node in nodes(document["root"]) if node["nodeName"] == "SURTITLE-CAPTIONS"]
    assert len(hosts) <= 1
    if not hosts:
        return None
    lines = [node for node in nodes(hosts[0]) if "lines" in node.get("attributes", [])]
    said = "".join(f"\n{_text(row)}" for line in lines for row in line.get("children", []))
    return said.strip()


async def shown(page: Page, words: str, *, seconds: float = 30) -> str:
    """Wait until the box says `words`; all that it says."""
    said = ""
    try:
        async with asyncio.timeout(seconds):
            while words.strip().lower() not in (said := await box(page) or "").lower():
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"the box says {said!r}, not {words!r}") from None
    return said


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node and all below it, closed shadow roots too."""
    yield node
    for child in [*node.get("children", []), *node.get("shadowRoots", [])]:
        yield from nodes(child)


def _text(node: dict[str, Any]) -> str:
    return "".join(one["nodeValue"] for one in nodes(node) if one["nodeName"] == "#text")


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

    async def press(self, phase: str) -> None:
        """Press the button as soon as it can be pressed, and wait for what follows."""
        await self.until("document.querySelector('#toggle').disabled === false")
        await self.run("document.querySelector('#toggle').click()")
        await self.until(f"document.querySelector('#tab').dataset.phase === {phase!r}")

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
