"""A browser for the tests of pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize

from tests.e2e.chromium import launch_browser
from tests.e2e.extension import Extension, extension
from tests.e2e.site import Site, site
from tests.support import Running, running


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launch_browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module")
async def whisper(whisper_tiny: Path) -> AsyncIterator[Running]:
    """A service on Whisper tiny.en."""
    async with running(engine="whisper", model=str(whisper_tiny), language="en") as service:
        yield service


@pytest_asyncio.fixture(scope="module")
async def chrome() -> AsyncIterator[Extension]:
    """A browser that has the extension."""
    async with extension() as chrome:
        yield chrome


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    """A site for pages that speak."""
    with site() as web:
        yield web


class Watched:
    """A page whose errors fail the test that looks at it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._note(message.type, f"{message.text} {message.location['url']}"))

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" and "ERR_CONNECTION" not in text:
            self.errors.append(text)

    async def text(self, selector: str) -> str:
        return " ".join((await self.page.inner_text(selector)).split())

    async def until_text(self, selector: str, text: str) -> None:
        """Look until exactly this is to be seen; what was added a moment ago may not be drawn yet."""
        await self.until(
            "([selector, text]) => document.querySelector(selector).innerText.trim().split(/\\s+/).join(' ') === text",
            [selector, text],
        )

    async def until(self, expression: str, argument: Any = None, *, seconds: float = 30) -> None:
        """Look until it is true. (Playwright's own waiting needs eval, which the pages' policy forbids.)"""
        async with asyncio.timeout(seconds):
            while not await self.page.evaluate(expression, argument):
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def window(browser: Browser) -> AsyncIterator[Any]:
    """Opens pages in one browser window, or each with options in one of its own; none may have logged an error."""
    size = ViewportSize(width=1280, height=720)
    contexts = [await browser.new_context(viewport=size)]
    opened: list[Watched] = []

    async def open_page(url: str, **options: Any) -> Watched:
        if options:
            contexts.append(await browser.new_context(**{"viewport": size, **options}))
        watched = Watched(await contexts[-1 if options else 0].new_page())
        opened.append(watched)
        await watched.page.goto(url)
        return watched

    yield open_page
    errors = [error for page in opened for error in page.errors]
    for context in contexts:
        await context.close()
    assert errors == []
