"""A channel's interpreter, with a translator that everybody can follow: capital letters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.track import Track
from surtitle.core.settings import Limits
from surtitle.core.words import Word
from surtitle.translation.interpreter import Interpreter
from surtitle.translation.translator import Text
from tests.support import until


class Toy:
    """Stands for `Translators`, for the translator that they have, and for the recognizers, which cannot translate."""

    codes = frozenset({"eng_Latn", "fra_Latn", "deu_Latn"})

    def __init__(self) -> None:
        self.model: str | None = "toy"
        self.translator = self
        self.asked: list[str] = []
        self.problem: Exception | None = None

    async def get(self, model: str) -> Any:
        return self

    def progress(self, model: str) -> None:
        return None

    async def translate(self, texts: Sequence[Text]) -> list[str]:
        self.asked += [text.text for text in texts]
        if self.problem is not None:
            raise self.problem
        return [text.text.upper() for text in texts]

    def translates(self, channel: Channel) -> bool:
        return False

    def find(self, channel: Channel, name: str) -> None:
        return None


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def channel() -> Channel:
    return Channel("main", Limits())


@pytest_asyncio.fixture
async def interpreter(channel: Channel, toy: Toy) -> AsyncIterator[Interpreter]:
    parts: Any = toy
    interpreter = Interpreter(channel, parts, lambda: toy.model, parts)
    yield interpreter
    await interpreter.close()


def say(channel: Channel, key: str, text: str, *, final: bool = True, language: str = "en", start: float = 1.0) -> None:
    words = tuple(Word(word, start, start + 1.0) for word in text.split())
    channel.original.put(Caption(key, 1, "Host", language, words, final=final))


def finals(track: Track) -> list[str]:
    return [caption.text for caption in track.captions if caption.final]


def states(track: Track) -> list[str]:
    """The newest state that readers of the track were sent."""
    return [json.loads(event.data)["state"] for event in track.feed.since(0) if event.name == "translation"]


async def test_a_sentence_is_translated_into_all_languages(
    channel: Channel, interpreter: Interpreter, toy: Toy
) -> None:
    interpreter.set_languages(["fr", "de"])
    say(channel, "c1", "The book is red.")
    for language in ("fr", "de"):
        track = channel.translation(language)
        await until(lambda track=track: finals(track) == ["THE BOOK IS RED."])  # type: ignore[misc]
        await until(lambda track=track: states(track) == ["live"])  # type: ignore[misc]
    assert toy.asked == ["The book is red."] * 2


async def test_a_sentence_that_does_not_continue_is_finished_although_nothing_else_happens(
    channel: Channel, interpreter: Interpreter
) -> None:
    interpreter.set_languages(["fr"])
    say(channel, "c1", "the book that I")
    await until(lambda: finals(channel.translation("fr")) == ["THE BOOK THAT I"])


async def test_a_model_that_is_chosen_later_translates_what_is_on_screen(
    channel: Channel, interpreter: Interpreter, toy: Toy
) -> None:
    toy.model = None
    interpreter.set_languages(["fr"])
    french = channel.translation("fr")
    say(channel, "c1", "The book is red.")
    await until(lambda: states(french) == ["failed"])
    assert "choose one in the dashboard" in interpreter.state("fr").message
    toy.model = "toy"
    interpreter.set_languages(["fr"])
    await until(lambda: finals(french) == ["THE BOOK IS RED."])
    await until(lambda: states(french) == ["live"])


async def test_texts_that_cannot_be_translated_are_skipped_and_the_next_ones_are_tried(
    channel: Channel, interpreter: Interpreter, toy: Toy
) -> None:
    interpreter.set_languages(["fr"])
    french = channel.translation("fr")
    toy.problem = RuntimeError("out of memory")
    say(channel, "c1", "The book is red.")
    await until(lambda: states(french) == ["failed"])
    assert interpreter.skipped("fr") == 1
    toy.problem = None
    say(channel, "c2", "The door is big.", start=5.0)
    await until(lambda: finals(french) == ["THE DOOR IS BIG."])
    await until(lambda: states(french) == ["live"])


async def test_a_language_that_the_model_lacks_is_named(channel: Channel, interpreter: Interpreter) -> None:
    interpreter.set_languages(["fr"])
    say(channel, "c1", "Książka jest czerwona.", language="pl")
    await until(lambda: interpreter.state("fr").name == "failed")
    assert "'pl'" in interpreter.state("fr").message


async def test_what_is_already_in_a_language_is_passed_on(channel: Channel, interpreter: Interpreter, toy: Toy) -> None:
    interpreter.set_languages(["fr", "en"])
    say(channel, "c1", "The book is red.")
    await until(lambda: finals(channel.translation("fr")) == ["THE BOOK IS RED."])
    assert finals(channel.translation("en")) == ["The book is red."]
    assert toy.asked == ["The book is red."]


async def test_without_languages_its_tasks_end(channel: Channel, interpreter: Interpreter) -> None:
    interpreter.set_languages(["fr"])
    say(channel, "c1", "The book is", final=False)
    await until(lambda: states(channel.translation("fr")) == ["live"])
    interpreter.set_languages([])
    await interpreter.close()
    assert len(asyncio.all_tasks()) == 1
