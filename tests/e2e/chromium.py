"""The browser for pages."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.support import need


def find_chromium() -> str:
    """The path of Chromium's headless shell, or else of Chromium, which takes twice the processor time for a page."""
    return shutil.which("chromium-headless-shell") or need("chromium")


@asynccontextmanager
async def launch_browser(*arguments: str, path: str | None = None) -> AsyncIterator[Browser]:
    """Chromium with more command-line arguments; by default that of `find_chromium`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path or find_chromium(), args=["--no-sandbox", *arguments]
        )
        yield browser
        await browser.close()


def microphone_arguments(sound: Path) -> list[str]:
    """The arguments for a microphone that everybody may use, and that plays a WAV file again and again."""
    return [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={sound}",
    ]
