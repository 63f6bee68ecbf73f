"""The pages as axe-core sees them: names, roles, contrast, order; in light and dark, with content, with sheets open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Watched
from tests.support import Running, need_package, put, readers

THEMES = ["studio", "broadcast", "news", "contrast", "paper", "comic"]  # those with a box that nothing shines through
SCHEMES = ["light", "dark"]

RUN = """async rules => {
  const found = await axe.run(document, { resultTypes: ['violations'], rules });
  return found.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id} at ${node.target.join(' ')}: ${node.failureSummary.replaceAll('\\n', ' ')}`));
}"""


async def opened(window: Any, url: str, scheme: str) -> Watched:
    """A page that axe-core is in; the pages' own policy lets nobody put it there."""
    page: Watched = await window(url, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    await page.page.evaluate(need_package("axe-core/axe.min.js").read_text(encoding="utf-8"))
    return page


async def violations(page: Watched) -> list[str]:
    return list(await page.page.evaluate(RUN, {}))


def talk(service: Running, name: str) -> None:
    for number in range(12):
        put(service, name, f"c{number}", 1, f"Sentence {number}.", final=True, source=f"Voice {number % 6}")
    put(service, name, "d1", 1, "And this is", "going on", speaker="Ada")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("language", ["en", "de"])
async def test_viewer(service: Running, window: Any, scheme: str, language: str) -> None:
    name = f"axe-{scheme}-{language}"
    page = await opened(window, f"{service.url}/view/{name}?hl={language}", scheme)
    assert await violations(page) == []  # with nothing on it
    await readers(service, name, 1)
    talk(service, name)
    await page.until("document.querySelector('#transcript').textContent.includes('going on')")
    await page.page.evaluate("document.querySelectorAll('#earlier, #follow').forEach(one => { one.hidden = false })")
    assert await violations(page) == []
    for sheet in ("reading", "share"):
        await page.page.click(f"[popovertarget={sheet}]")
        assert await violations(page) == []
        await page.page.keyboard.press("Escape")
    for colors in ("light", "dark", "contrast"):
        await page.page.evaluate("colors => { document.documentElement.dataset.colors = colors }", colors)
        assert await violations(page) == []


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_overlay(service: Running, window: Any, scheme: str) -> None:
    for theme in THEMES:
        name = f"axe-{theme}-{scheme}"
        page = await opened(window, f"{service.url}/overlay/{name}?theme={theme}&lines=4&names=always", scheme)
        assert await violations(page) == []
        await readers(service, name, 1)
        talk(service, name)
        await page.until("document.querySelector('#captions').textContent.includes('going on')")
        assert await violations(page) == [], theme
        await page.page.close()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_dashboard(service: Running, window: Any, scheme: str) -> None:
    talk(service, "main")
    page = await opened(window, f"{service.url}/", scheme)
    await page.until("document.querySelector('#channels').textContent.includes('going on')")
    assert await violations(page) == []
    await page.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert await violations(page) == []
