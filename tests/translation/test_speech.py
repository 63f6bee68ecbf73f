"""The queue of sentences that the recognizer translates."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from surtitle.channels.channel import Channel
from surtitle.core.errors import EngineError
from surtitle.core.settings import Limits
from surtitle.core.words import join
from surtitle.translation.speech import SpeechTranslation, Translate
from tests.translation.test_stretches import said


class Ears:
    """A source and its recognizer, which translates to "English N"."""

    def __init__(self) -> None:
        self.able: bool | None = True
        self.runs = True
        self.asked: list[tuple[float, float, str]] = []
        self.problem: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    def translates(self, channel: Channel) -> bool | None:
        return self.able

    def find(self, channel: Channel, name: str) -> Any:
        return self if self.runs else None

    def english_translator(self, start: float, end: float, language: str) -> Translate | None:
        self.asked.append((start, end, language))
        number = len(self.asked)

        async def translate() -> str:
            await self.gate.wait()
            if self.problem is not None:
                raise self.problem
            return f"English {number}"

        return translate


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def speech(ears: Ears) -> SpeechTranslation:
    return SpeechTranslation(Channel("main", Limits()), ears)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_sentence_over_two_captions_is_translated_at_once(ears: Ears, speech: SpeechTranslation) -> None:
    assert speech.add(said("c1", "Le professeur a vu", 1, 3), now()) == []
    assert not speech.pending
    assert speech.add(said("c2", "ma sœur.", 3.1, 4), now()) == []
    assert speech.pending
    translated, lost = await speech.next()
    assert [(caption.id, join(words)) for caption, words in translated] == [("c1", "English"), ("c2", "1")]
    assert not lost
    assert [(pytest.approx(start), pytest.approx(end), tag) for start, end, tag in ears.asked] == [(0.5, 4.3, "fr")]


async def test_english_is_not_translated(ears: Ears, speech: SpeechTranslation) -> None:
    speech.add(said("c1", "It rains.", 1, 2, language="en"), now())
    assert not speech.pending
    assert not ears.asked


async def test_the_last_sentence_of_a_source_that_has_ended(ears: Ears, speech: SpeechTranslation) -> None:
    speech.add(said("c1", "Le professeur", 1, 3), now())
    ears.runs, ears.able = False, None
    assert not speech.release(now() + 5)
    assert speech.pending
    assert speech.possible is None  # nobody has asked before
    translated, _ = await speech.next()
    assert [join(words) for _, words in translated] == ["English 1"]


async def test_what_was_possible_stays_so_after_the_source(ears: Ears, speech: SpeechTranslation) -> None:
    ears.able = None
    assert speech.possible is None
    ears.able = True
    assert speech.possible
    ears.able = None
    assert speech.possible
    ears.able = False
    assert speech.possible is False


async def test_the_oldest_is_left_out_when_too_many_wait(speech: SpeechTranslation) -> None:
    lost = []
    for number in range(12):
        lost += speech.add(said(f"c{number}", "Il pleut.", number * 2, number * 2 + 1), now())
    assert [caption.id for caption in lost] == ["c0", "c1", "c2", "c3"]
    assert speech.is_behind(now())
    assert not speech.is_behind(now() + 1000) or speech.pending


async def test_a_sentence_that_gets_no_turn_is_left_out(ears: Ears, speech: SpeechTranslation) -> None:
    ears.gate.clear()
    speech.add(said("c1", "Il pleut.", 1, 2), now() - 19.99)
    translated, lost = await speech.next()
    assert not translated
    assert [caption.id for caption in lost] == ["c1"]
    assert speech.is_behind(now())


@pytest.mark.parametrize("problem", [EngineError("It stopped."), RuntimeError("cannot schedule new futures")])
async def test_an_engine_that_fails_costs_one_sentence(
    ears: Ears, speech: SpeechTranslation, problem: Exception
) -> None:
    ears.problem = problem
    speech.add(said("c1", "Il pleut.", 1, 2), now())
    assert [caption.id for caption in (await speech.next())[1]] == ["c1"]
    ears.problem = None
    speech.add(said("c2", "Il neige.", 3, 4), now())
    assert (await speech.next())[0]


async def test_waiting_long_is_being_behind(speech: SpeechTranslation) -> None:
    speech.add(said("c1", "Il pleut.", 1, 2), now())
    assert not speech.is_behind(now())
    assert speech.is_behind(now() + 6)
    speech.clear()
    assert not speech.pending
