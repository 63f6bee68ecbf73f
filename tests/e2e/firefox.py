"""Drives the extension in a real Firefox, by its Marionette protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from scripts.extension_zip import pack
from tests.support import free_port, need

ID = "extension@surtitle"
_PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "ui.systemUsesDarkTheme": 0,
}
_START_TIMEOUT = 60.0  # seconds
_TIMEOUT = 60.0  # seconds a command may take

_SETUP = """
const policy = WebExtensionPolicy.getByID(arguments[0]);
return policy.mozExtensionHostname;
"""
_FILL = """
const [id, value] = arguments;
const field = document.getElementById(id);
field.value = value;
field.dispatchEvent(new Event("change"));
"""
_PRESS = """
const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
const { extension } = WebExtensionPolicy.getByID(arguments[0]);
ExtensionParent.apiManager.global.browserActionFor(extension).triggerAction(window);
"""
_BADGE = """
const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
const { extension } = WebExtensionPolicy.getByID(arguments[0]);
const action = ExtensionParent.apiManager.global.browserActionFor(extension);
return action.action.getContextData(gBrowser.selectedTab).badgeText;
"""
_CLOSE = """
const popup = document.querySelector(arguments[0]);
popup?.closest("panel").hidePopup();
return popup === null;
"""
_STOP_BACKGROUND = """
return WebExtensionPolicy.getByID(arguments[0]).extension.terminateBackground();
"""
_INSIDE = """
const [selector, expression, resolve] = arguments;
const browser = document.querySelector(selector);
if (!browser) return resolve(null);
const { messageManager } = browser;
function answer({ data = null }) {
  messageManager.removeMessageListener("surtitle:value", answer);
  resolve(data);
}
messageManager.addMessageListener("surtitle:value", answer);
setTimeout(answer, 1000, {}); // a page that is being replaced does not answer
const script = `{ const { document } = content; sendAsyncMessage("surtitle:value", ${expression}); }`;
messageManager.loadFrameScript(`data:,${encodeURIComponent(script)}`, false);
"""
_POPUP_PICTURE = """
const [selector, resolve] = arguments;
const { browsingContext } = document.querySelector(selector);
browsingContext.currentWindowGlobal.drawSnapshot(null, 2, "white").then((picture) => {
  const canvas = document.createElementNS("http://www.w3.org/1999/xhtml", "canvas");
  Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  resolve(canvas.toDataURL());
});
"""
_POPUP = "browser[webextension-view-type=popup]"
_BOX = "document.querySelector('surtitle-captions')?.openOrClosedShadowRoot.querySelector('.lines').textContent ?? null"


class Firefox:
    """One browser window with the extension."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._count = 0
        self.host = ""
        """Of the extension's own pages."""

    async def send(self, command: str, **parameters: Any) -> Any:
        """The answer to a command. Raises AssertionError with what Firefox says if it fails."""
        self._count += 1
        message = json.dumps([0, self._count, command, parameters]).encode()
        self._writer.write(b"%d:%b" % (len(message), message))
        async with asyncio.timeout(_TIMEOUT):
            _, _, error, result = await self.receive()
        assert error is None, error
        return result

    async def receive(self) -> Any:
        """The next packet: its length, a colon, and JSON."""
        length = int((await self._reader.readuntil(b":"))[:-1])
        return json.loads(await self._reader.readexactly(length))

    async def run(self, script: str, *arguments: Any, chrome: bool = False) -> Any:
        """What a script in the page returns, or in the browser's own window."""
        await self.send("Marionette:SetContext", value="chrome" if chrome else "content")
        answer = await self.send("WebDriver:ExecuteScript", script=script, args=list(arguments))
        return answer["value"]

    async def open(self, url: str) -> None:
        await self.send("Marionette:SetContext", value="content")
        await self.send("WebDriver:Navigate", url=url)

    async def screenshot(self) -> bytes:
        """A picture of the page, as PNG."""
        await self.send("Marionette:SetContext", value="content")
        answer = await self.send("WebDriver:TakeScreenshot", full=False)
        return base64.b64decode(answer["value"])

    async def settle(self, **settings: str) -> None:
        """Choose settings on the options page."""
        await self.open(f"moz-extension://{self.host}/options/options.html")
        for name, value in settings.items():
            async with asyncio.timeout(_TIMEOUT):
                while await self.run("return document.querySelector('#saved').textContent") != "Saved.":
                    await self.run(_FILL, name, value)  # the page may not have begun to listen
                    await asyncio.sleep(0.05)
            await self.run("document.querySelector('#saved').textContent = ''")

    async def open_popup(self) -> None:
        """Click on the extension's button."""
        while not await self.run(_CLOSE, _POPUP, chrome=True):
            await asyncio.sleep(0.05)
        await self.run(_PRESS, ID, chrome=True)
        await self.until_popup("document.querySelector('main')?.ariaBusy === 'false'")

    async def in_popup(self, expression: str) -> Any:
        """The value of an expression in the popup; None while there is none."""
        return await self._inside(_POPUP, expression)

    async def popup_picture(self) -> str:
        """The popup twice as large as it is, as the address of a PNG."""
        await self.send("Marionette:SetContext", value="chrome")
        answer = await self.send("WebDriver:ExecuteAsyncScript", script=_POPUP_PICTURE, args=[_POPUP])
        address: str = answer["value"]
        return address

    async def box(self) -> str | None:
        """What the caption box in the page says; None if there is none."""
        text: str | None = await self._inside("tabbox browser[primary=true]", _BOX)
        return text

    async def shown(self, words: str, *, seconds: float = 30) -> None:
        """Wait until the box says `words`."""
        said: str | None = ""
        try:
            async with asyncio.timeout(seconds):
                while "".join(words.split()) not in "".join((said := await self.box() or "").split()):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"the box says {said!r}, not {words!r}") from None

    async def gone(self, *, seconds: float = 30) -> None:
        """Wait until there is no box."""
        async with asyncio.timeout(seconds):
            while await self.box() is not None:
                await asyncio.sleep(0.1)

    async def _inside(self, browser: str, expression: str) -> Any:
        """The value of an expression in a page, which may look into closed shadow roots."""
        await self.send("Marionette:SetContext", value="chrome")
        answer = await self.send("WebDriver:ExecuteAsyncScript", script=_INSIDE, args=[browser, expression])
        return answer["value"]

    async def until_popup(self, expression: str, *, seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not await self.in_popup(expression):
                await asyncio.sleep(0.05)

    async def stop_background(self) -> None:
        """Stop the background page, as Firefox does when it is idle."""
        await self.run(_STOP_BACKGROUND, ID, chrome=True)

    async def badge(self) -> str:
        text: str = await self.run(_BADGE, ID, chrome=True)
        return text


@asynccontextmanager
async def firefox() -> AsyncIterator[Firefox]:
    """Firefox without a window on the screen, with a profile of its own and the extension as it is packed."""
    program = need("firefox")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        profile = Path(folder) / "profile"
        profile.mkdir()
        port = free_port()
        lines = {**_PREFERENCES, "marionette.port": port}
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in lines.items())
        )
        process = await asyncio.create_subprocess_exec(
            program, "--headless", "--marionette", "--remote-allow-system-access", "--profile", str(profile),
            "--width", "1280", "--height", "800",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            reader, writer = await _connect(port)
            browser = Firefox(reader, writer)
            await browser.receive()  # the greeting
            await browser.send("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
            archive = pack(Path(folder), firefox=True)
            await browser.send("Addon:Install", path=str(archive), temporary=True)
            browser.host = await browser.run(_SETUP, ID, chrome=True)
            yield browser
            writer.close()
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 30)


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(_START_TIMEOUT):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port, limit=2**25)
            except OSError:
                await asyncio.sleep(0.1)
