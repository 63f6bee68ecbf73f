"""The overlay in a real browser: what the audience sees, and that it stays where it is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.style import Style
from surtitle.core.words import Word
from tests.e2e.conftest import Watched
from tests.support import Running, put, readers

WALK = "We walked along the river until the sun went down and then we all went home to eat"
THEMES = ["studio", "broadcast", "cinema", "outline", "news", "contrast", "paper", "neon", "comic"]

# As OBS does it with a browser source's "Custom CSS".
CUSTOM_CSS = """css => {
  const style = document.createElement('style');
  style.appendChild(document.createTextNode(css));
  document.querySelector('head').appendChild(style);
}"""


async def overlay(service: Running, window: Any, name: str, **parameters: Any) -> Watched:
    page: Watched = await window(f"{service.url}/overlay/{name}?{urlencode(parameters)}")
    await readers(service, name, 1)
    return page


async def shows(page: Watched, text: str) -> None:
    await page.until("text => document.querySelector('#captions').textContent.includes(text)", text)


async def looks(page: Watched, selector: str, name: str) -> str:
    """The computed value of a CSS property."""
    return str(await page.page.evaluate(f"getComputedStyle(document.querySelector({selector!r}))[{name!r}]"))


async def rows(page: Watched) -> list[str]:
    found = await page.page.evaluate("[...document.querySelectorAll('.line')].map(row => row.textContent)")
    return list(found)


async def words(page: Watched) -> list[tuple[str, float, float]]:
    """Every committed word with its left and its lower edge, in pixels, when the lines have rolled up."""
    found = await page.page.evaluate(
        """async () => {
          await Promise.all(document.getAnimations().map(animation => animation.finished));
          return [...document.querySelectorAll('.committed')].map(word => {
            const box = word.getBoundingClientRect();
            return [word.textContent.trim(), box.left, box.bottom];
          });
        }"""
    )
    return [tuple(one) for one in found]


@pytest.mark.parametrize(
    ("parameters", "selector", "name", "expected"),
    [
        ({"color": "ff0000"}, ".committed", "color", "rgb(255, 0, 0)"),
        ({"color": "rebeccapurple"}, ".committed", "color", "rgb(102, 51, 153)"),
        ({"font": "Georgia, DejaVu Serif"}, ".line", "fontFamily", 'Georgia, "DejaVu Serif", system-ui, sans-serif'),
        ({"weight": 300}, ".line", "fontWeight", "300"),
        ({"size": 200}, ".line", "fontSize", "74.88px"),
        ({"box": "#00f", "box_opacity": 50}, ".line", "backgroundColor", "rgba(0, 0, 255, 0.5)"),
        ({"box_opacity": 0}, ".line", "backgroundColor", "rgba(10, 12, 16, 0)"),
        ({"radius": 50}, ".line", "borderTopLeftRadius", "18.72px"),
        ({"case": "upper"}, ".line", "textTransform", "uppercase"),
        ({"tentative": "same"}, ".tentative", "color", "rgb(255, 255, 255)"),
        ({"color": "fff", "box": "000"}, ".tentative", "color", "rgb(158, 158, 158)"),
        ({"names": "always", "voices": "none", "name_color": "#0f0"}, ".name", "color", "rgb(0, 255, 0)"),
        ({"names": "always", "voices": "name"}, ".name", "color", "rgb(255, 209, 102)"),
        ({"voices": "text"}, ".committed", "color", "rgb(255, 209, 102)"),
        ({"align": "left"}, ".stage", "alignItems", "flex-start"),
        ({"align": "right"}, ".stage", "alignItems", "flex-end"),
        ({"position": "top"}, ".stage", "justifyContent", "flex-start"),
        ({"position": "middle"}, ".stage", "justifyContent", "center"),
        ({"margin": 20}, ".stage", "paddingBottom", "144px"),
        ({"side": 10}, ".stage", "paddingLeft", "128px"),
        ({"direction": "rtl"}, ".line", "direction", "rtl"),
        ({"mode": "word"}, ".word", "animationName", "arrive"),
        ({"shadow": 0}, ".line", "textShadow", "none"),
    ],
)
async def test_every_parameter(
    service: Running, window: Any, parameters: dict[str, Any], selector: str, name: str, expected: str
) -> None:
    channel = "params-" + "-".join(f"{key}-{str(value)[0]}" for key, value in parameters.items()).replace("#", "")
    page = await overlay(service, window, channel, **parameters)
    put(service, channel, "c1", 1, "We walked along", "the river")
    await shows(page, "along")
    assert await looks(page, selector, name) == expected


async def test_outlines_are_around_the_letters(service: Running, window: Any) -> None:
    page = await overlay(service, window, "outlined", outline=10, outline_color="0000ff", shadow=20, shadow_color="red")
    put(service, "outlined", "c1", 1, "Hello")
    await shows(page, "Hello")
    shadow = await looks(page, ".line", "textShadow")
    assert shadow.count("rgb(0, 0, 255)") >= 12
    assert "rgba(255, 0, 0, 0.65)" in shadow


async def test_lines_columns_and_hidden_words(service: Running, window: Any) -> None:
    page = await overlay(service, window, "narrow", lines=3, columns=20, tentative="hidden")
    put(service, "narrow", "c1", 1, WALK, "and never come back")
    await shows(page, "eat")
    assert len(await rows(page)) == 3
    assert all(len(row) <= 20 for row in await rows(page))
    assert "never" not in await page.text("#captions")


async def test_captions_fade_after_the_silence_that_was_asked_for_or_never(service: Running, window: Any) -> None:
    soon = await overlay(service, window, "fading", fade=1)
    never = await overlay(service, window, "fading", fade=0)
    put(service, "fading", "c1", 1, "Good night.", final=True)
    await shows(never, "Good night.")
    await soon.until("document.querySelectorAll('.line').length === 0")
    await asyncio.sleep(0.5)
    assert await rows(never) == ["Good night."]


async def test_what_no_parameter_can_be_is_ignored(service: Running, window: Any) -> None:
    attack = "red;} body{background:url(javascript:1)} </style><script>"
    page = await overlay(
        service,
        window,
        "odd",
        color=attack,
        box="url(x)",
        font=attack,
        size="large",
        theme="../x",
        lines="99",
        mode="x",
    )
    put(service, "odd", "c1", 1, "Still here")
    await shows(page, "Still here")
    assert await looks(page, ".committed", "color") == "rgb(255, 255, 255)"
    assert await looks(page, "body", "backgroundColor") == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("theme", THEMES)
async def test_themes(service: Running, window: Any, theme: str) -> None:
    """Each shows the words, within the picture, over a page that is transparent."""
    page = await overlay(service, window, theme, theme=theme)
    put(service, theme, "c1", 1, "Whatever the theme, you can read this.", final=True)
    await shows(page, "this.")
    assert await page.page.evaluate("document.documentElement.dataset.theme") == theme
    assert await looks(page, "body", "backgroundColor") == "rgba(0, 0, 0, 0)"
    assert await page.page.evaluate(
        "[...document.querySelectorAll('.line')].every(row => { const box = row.getBoundingClientRect(); "
        "return box.left >= 0 && box.right <= innerWidth && box.top > 0 && box.bottom < innerHeight })"
    )


def test_the_themes_of_the_service_are_those_of_the_page() -> None:
    source = (Path(__file__).parents[2] / "obs_overlay" / "static" / "shared" / "themes.js").read_text()
    for theme in THEMES:
        assert f"\n  {theme}: {{" in source
        assert msgspec.json.decode(json.dumps({"theme": theme}), type=Style).theme == theme


@pytest.mark.parametrize("align", ["left", "center", "right"])
@pytest.mark.parametrize("mode", ["roll-up", "word"])
async def test_no_word_moves_while_its_line_grows(service: Running, window: Any, align: str, mode: str) -> None:
    page = await overlay(service, window, f"still-{align}-{mode}", align=align, mode=mode)
    spoken = WALK.split()
    seen: dict[str, float] = {}
    for count in range(1, len(spoken) + 1):
        put(service, f"still-{align}-{mode}", "c1", count, " ".join(spoken[:count]), "maybe")
        await shows(page, spoken[count - 1])
        placed = await words(page)
        assert len({low for _, _, low in placed}) <= 2
        for index, (word, left, _) in enumerate(placed):
            key = f"{word} {placed[index - 1][0] if index else ''}"
            assert abs(seen.setdefault(key, left) - left) < 0.5


async def test_no_word_moves_in_scripts_that_run_the_other_way(service: Running, window: Any) -> None:
    page = await overlay(service, window, "rtl")
    spoken = ["خرجنا", "إلى", "النهر", "قبل", "غروب", "الشمس"]
    seen: dict[str, float] = {}
    for count in range(1, len(spoken) + 1):
        put(service, "rtl", "c1", count, " ".join(spoken[:count]))
        await shows(page, spoken[count - 1])
        right = await page.page.evaluate(
            "[...document.querySelectorAll('.word')].map(word => [word.textContent.trim(), "
            "word.getBoundingClientRect().right])"
        )
        for word, edge in right:
            assert abs(seen.setdefault(word, edge) - edge) < 0.5
    assert seen[spoken[0]] > seen[spoken[-1]]


async def test_scripts_without_spaces_break_between_words(service: Running, window: Any) -> None:
    page = await overlay(service, window, "wide", columns=12, lines=4)
    put(service, "wide", "c1", 1, "今日は とても いい 天気 です「 ね 」。", spaced=False)
    await shows(page, "。")
    found = await rows(page)
    assert len(found) > 1
    assert all(not row.startswith(("。", "」")) and not row.endswith("「") for row in found)
    put(service, "wide", "c2", 1, "เมื่อวาน เรา ไป ตลาด ด้วย กัน", spaced=False)
    await shows(page, "กัน")
    assert len(await rows(page)) == 4


async def test_lines_roll_up_smoothly_and_nothing_runs_afterwards(service: Running, window: Any) -> None:
    page = await overlay(service, window, "roll")
    await page.page.evaluate(
        "window.rolled = 0; const animate = Element.prototype.animate; "
        "Element.prototype.animate = function(...all) { window.rolled++; return animate.apply(this, all) }; null"
    )
    spoken = WALK.split()
    for count in range(1, len(spoken) + 1):
        put(service, "roll", "c1", count, " ".join(spoken[:count]))
        await shows(page, spoken[count - 1])
    assert len(await rows(page)) == 2
    rolled = await page.page.evaluate("window.rolled")
    assert 0 < rolled <= 2 * (len(WALK) // 42)  # each of the two lines, once for each new one
    await page.until("document.getAnimations().length === 0 && !document.querySelector('[data-rolling]')")


async def test_whole_captions_replace_each_other_in_the_middle(service: Running, window: Any) -> None:
    page = await overlay(service, window, "pop", mode="pop-on")
    put(service, "pop", "c1", 1, "We walked along", "the river")
    put(service, "pop", "c1", 2, "We walked along the river until the sun went down.", final=True)
    put(service, "pop", "c2", 1, "Home.", final=True)
    await shows(page, "down")
    assert len(await rows(page)) == 2
    longest, shortest = sorted((len(row) for row in await rows(page)), reverse=True)
    assert longest - shortest < 15  # about as long as each other
    await shows(page, "Home.")
    assert await rows(page) == ["Home."]
    left, right = await page.page.evaluate(
        "(box => [box.left, box.right])(document.querySelector('.line').getBoundingClientRect())"
    )
    assert abs(left + right - 1280) < 2


async def test_speakers_are_named_when_they_change_and_what_was_shown_stays(service: Running, window: Any) -> None:
    page = await overlay(service, window, "names", lines=4)
    put(service, "names", "c1", 1, "Hello there.", final=True)
    await shows(page, "Hello")
    put(service, "names", "c2", 1, "Good evening.", final=True, source="Guest")
    await shows(page, "evening")
    put(service, "names", "c3", 1, "How are you?", final=True, source="Guest")
    put(service, "names", "c4", 1, "Fine.", final=True, speaker="Ada")
    await shows(page, "Fine")
    assert await page.text("#captions") == "Hello there. Guest: Good evening. How are you? Ada: Fine."
    voices = await page.page.evaluate("[...document.querySelectorAll('.line')].map(row => row.dataset.voice)")
    assert voices == ["1", "2", "2", "3"]


async def test_what_is_corrected_long_after_it_was_shown_does_not_come_back(service: Running, window: Any) -> None:
    page = await overlay(service, window, "late")
    channel: Channel = service.services.hub.channel("late")
    for key, text, at in (("c9", "Now.", 100.0), ("c1", "Corrected.", 2.0), ("c10", "And on.", 101.0)):
        channel.original.put(Caption(key, 5, "Host", "en", (Word(text, at, at + 1),), (), True))
    await shows(page, "And on.")
    assert await rows(page) == ["Now.", "And on."]


async def test_a_style_reaches_open_overlays_at_once(service: Running, window: Any) -> None:
    plain = await overlay(service, window, "styled")
    game = await overlay(service, window, "styled", style="game", size=50)
    put(service, "styled", "c1", 1, "Words")
    async with httpx.AsyncClient(base_url=f"{service.url}/api/channels/styled") as client:
        await client.put("/styles/game", json={"theme": "neon", "color": "#00ff00", "size": 200})
        await game.until("getComputedStyle(document.querySelector('.committed')).color === 'rgb(0, 255, 0)'")
        assert await looks(game, ".line", "fontSize") == "18.72px"  # the address has the last word
        assert await looks(plain, ".committed", "color") == "rgb(255, 255, 255)"
        await client.put("/styles/default", json={"position": "top"})
        await plain.until("document.documentElement.dataset.position === 'top'")
        later = await overlay(service, window, "styled", style="game")
        await later.until("document.documentElement.dataset.theme === 'neon'")
        await client.delete("/styles/game")
        await game.until("document.documentElement.dataset.theme === 'studio'")


async def test_custom_css_of_obs_has_the_last_word(service: Running, window: Any) -> None:
    page = await overlay(service, window, "custom", color="ff0000")
    await page.page.evaluate(CUSTOM_CSS, ":root { --caption-color: rgb(1, 2, 3) } .line { background: rgb(4, 5, 6) }")
    put(service, "custom", "c1", 1, "Words")
    await shows(page, "Words")
    assert await looks(page, ".committed", "color") == "rgb(1, 2, 3)"
    assert await looks(page, ".line", "backgroundColor") == "rgb(4, 5, 6)"


async def test_text_that_is_too_large_breaks_earlier(service: Running, window: Any) -> None:
    page = await overlay(service, window, "large", size=300)
    put(service, "large", "c1", 1, WALK)
    await shows(page, "eat")
    assert len(await rows(page)) == 2
    heights = await page.page.evaluate("[...document.querySelectorAll('.line')].map(row => row.offsetHeight)")
    assert max(heights) < 250  # each is one line of text, of 112 px


async def test_a_retracted_caption_leaves_the_screen(service: Running, window: Any) -> None:
    page = await overlay(service, window, "gone")
    put(service, "gone", "c1", 1, "", "uh")
    await shows(page, "uh")
    put(service, "gone", "c1", 2, "", "")
    await page.until("document.querySelectorAll('.line').length === 0")


async def test_the_preview_needs_nobody_to_speak(service: Running, window: Any) -> None:
    page: Watched = await window(f"{service.url}/overlay/preview?preview&theme=paper")
    await shows(page, "welcome")
    assert service.services.hub.readers.of("preview") == 0


async def test_hours_of_captions_leave_no_trace(service: Running, window: Any) -> None:
    """As many captions as in two hours, of two hundred sources: the page stays as it was at the beginning."""
    page = await overlay(service, window, "hours")
    session = await page.page.context.new_cdp_session(page.page)
    await session.send("Performance.enable")

    async def measured() -> tuple[float, float]:
        await page.until("document.getAnimations().length === 0")
        await session.send("HeapProfiler.collectGarbage")
        metrics = (await session.send("Performance.getMetrics"))["metrics"]
        found = {metric["name"]: metric["value"] for metric in metrics}
        return found["Nodes"], found["JSHeapUsedSize"]

    async def speak(first: int, last: int) -> None:
        for number in range(first, last):
            for rev in (1, 2):
                put(service, "hours", f"h{number}", rev, f"Caption {number} says this.", source=f"Voice {number % 200}")
            put(service, "hours", f"h{number}", 3, f"Caption {number} says this.", final=True)
            if number % 10 == 0:
                await shows(page, f"Caption {number}")
        await shows(page, f"Caption {last - 1}")

    await speak(0, 200)
    nodes, heap = await measured()
    await speak(200, 2700)
    nodes_later, heap_later = await measured()
    assert nodes_later < nodes + 500  # some wait to be collected; those of all captions would be ten thousand
    assert heap_later < heap + 300_000


async def test_nothing_is_shown_while_the_channel_is_paused(service: Running, window: Any) -> None:
    channel = service.services.hub.channel("paused")
    early = await overlay(service, window, "paused", fade=0)
    put(service, "paused", "c1", 1, "Good evening.", final=True)
    await shows(early, "Good evening.")
    channel.pause_for_scene("Break")
    hidden = "document.querySelector('#captions').hidden"
    await early.until(hidden)
    late = await overlay(service, window, "paused", fade=0)
    await late.until(hidden)
    put(service, "paused", "c2", 1, "The last words.", start=3.0, final=True)  # recognized after the pause began
    channel.pause_for_scene(None)
    for page in (early, late):
        await page.until(f"!{hidden}")
        assert await rows(page) == []
    put(service, "paused", "c3", 1, "Welcome back.", start=9.0, final=True)
    for page in (early, late):
        await shows(page, "Welcome back.")
        assert "last words" not in "".join(await rows(page))
