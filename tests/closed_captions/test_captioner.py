"""From a channel's captions to screens: delays, and scripts that cannot be sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.closed_captions.captioner import Captioner
from surtitle.core.settings import Limits
from surtitle.core.words import Word


@asynccontextmanager
async def following(captioner: Captioner) -> AsyncIterator[None]:
    task = asyncio.create_task(captioner.follow())
    await asyncio.sleep(0)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def said(text: str, *, end: float = 1.0, language: str = "en") -> Caption:
    return Caption(f"c{text}", 1, "Host", language, tuple(Word(word, 0, end) for word in text.split()), final=True)


async def first_screen(captioner: Captioner) -> tuple[str, float]:
    """The first text, and after how many seconds it was due."""
    began = time.monotonic()
    async with asyncio.timeout(20):
        while (screen := captioner.next()) is None:
            await asyncio.sleep(0.02)
    return screen.text, time.monotonic() - began


@pytest.mark.parametrize(
    ("picture", "delay", "position", "least"),
    [
        (0.0, 0.0, 3.0, 0.0),
        (0.0, 0.6, 3.0, 0.6),
        (2.6, 0.0, 3.0, 0.6),  # said 2 s ago, and viewers see the picture of it in 0.6 s
        (2.6, 0.5, 3.0, 1.1),
        (1.0, 0.0, 3.0, 0.0),  # recognized too late for that
    ],
)
async def test_words_wait_for_the_picture(picture: float, delay: float, position: float, least: float) -> None:
    channel = Channel("main", Limits())
    captioner = Captioner(channel, lambda source: position, delay=delay)
    captioner.picture = picture
    async with following(captioner):
        channel.original.put(said("good evening"))
        text, waited = await first_screen(captioner)
    assert text == "good evening"
    assert waited >= least - 0.05


async def test_only_what_comes_after_the_beginning() -> None:
    channel = Channel("main", Limits())
    channel.original.put(said("before"))
    captioner = Captioner(channel, lambda source: None)
    async with following(captioner):
        channel.original.put(said("after"))
        assert (await first_screen(captioner))[0] == "after"


async def test_a_script_that_cannot_be_sent_is_told_until_one_comes_that_can() -> None:
    channel = Channel("main", Limits())
    captioner = Captioner(channel, lambda source: None)
    async with following(captioner):
        channel.original.put(said("Добрый вечер всем", language="ru"))
        async with asyncio.timeout(20):
            while not captioner.refusal:
                await asyncio.sleep(0.02)
        assert "no Cyrillic letters" in captioner.refusal
        assert "overlay" in captioner.refusal
        assert captioner.next() is None
        channel.original.put(said("good evening everybody and welcome to the show"))
        assert "welcome" in (await first_screen(captioner))[0]
        assert captioner.refusal == ""


async def test_another_language_than_the_one_to_be_sent_is_told() -> None:
    channel = Channel("main", Limits())
    captioner = Captioner(channel, lambda source: None, language="en")
    async with following(captioner):
        channel.original.put(said("guten Abend", language="de"))
        async with asyncio.timeout(20):
            while not captioner.refusal:
                await asyncio.sleep(0.02)
    assert "'de'" in captioner.refusal
    assert "translation" in captioner.refusal
