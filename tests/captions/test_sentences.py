"""Captions of finished transcripts."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from surtitle.captions.caption import Caption
from surtitle.captions.layout import Box, count_fitting
from surtitle.captions.sentences import build_captions
from surtitle.core.words import Word


def words(text: str, start: float = 0.0, pace: float = 0.3) -> list[Word]:
    """Words that follow each other without pauses."""
    return [Word(word, start + pace * place, start + pace * (place + 1)) for place, word in enumerate(text.split())]


def captions(said: list[Word]) -> list[Caption]:
    numbers = count(1)
    return build_captions("Host", said, "en", lambda: f"c{next(numbers)}")


def texts(said: list[Word]) -> list[str]:
    return [caption.text for caption in captions(said)]


def test_each_sentence_has_a_caption() -> None:
    said = "The old clock on the wall has stopped. Nobody knows how long ago that was."
    assert texts(words(said)) == ["The old clock on the wall has stopped.", "Nobody knows how long ago that was."]


def test_a_brief_sentence_shares_its_caption_with_the_next() -> None:
    assert texts(words("Yes. I think that is right.", pace=0.2)) == ["Yes. I think that is right."]
    apart = [*words("Yes."), *words("I think that is right.", start=2.0)]
    assert texts(apart) == ["Yes.", "I think that is right."]


def test_a_pause_ends_a_caption() -> None:
    assert texts([*words("And then"), *words("it was quiet.", start=3.0)]) == ["And then", "it was quiet."]


def test_a_long_sentence_is_divided_evenly_and_between_phrases() -> None:
    said = (
        "The people who came to the meeting last week wanted to know about the new road "
        "and about the bridge that was closed."
    )
    first, second = texts(words(said))
    assert f"{first} {second}" == said
    assert abs(len(first) - len(second)) < 25
    assert second.split()[0] in ("and", "about", "to", "that", "who")


def test_no_caption_is_larger_than_its_box_and_no_word_is_lost() -> None:
    said = words(" ".join(f"word{number}" for number in range(300)))
    made = captions(said)
    assert [word for caption in made for word in caption.words] == said
    assert all(count_fitting(caption.words, Box()) == len(caption.words) for caption in made)
    assert [caption.id for caption in made] == [f"c{number}" for number in range(1, len(made) + 1)]


def test_a_caption_has_one_speaker() -> None:
    said = words("Are you coming? Yes, of course I am.", pace=0.1)
    said = [replace(word, speaker="Speaker 1" if place < 3 else "Speaker 2") for place, word in enumerate(said)]
    assert [(caption.speaker, caption.text) for caption in captions(said)] == [
        ("Speaker 1", "Are you coming?"),
        ("Speaker 2", "Yes, of course I am."),
    ]


def pieces(*parts: str, pace: float = 0.3) -> list[Word]:
    """Pieces as a recognizer writes them: one that begins a word has a space before it."""
    return [
        Word(part.strip(), pace * place, pace * (place + 1), spaced=part.startswith(" "))
        for place, part in enumerate(parts)
    ]


def test_an_abbreviation_is_no_end_of_a_sentence() -> None:
    said = pieces(" She", " joined", " the", " U", ".S.", " Navy", " at", " 8", " p", ".m.", " on", " a", " Monday.")
    assert texts(said) == ["She joined the U.S. Navy at 8 p.m. on a Monday."]
    assert texts(words("Ask for Dr. Smith on the second floor.")) == ["Ask for Dr. Smith on the second floor."]
    assert len(texts(words("That was made in the U.S. The others come from far away."))) == 2


@pytest.mark.slow
def test_no_caption_ends_inside_a_word() -> None:
    for before in range(60):
        said = pieces(*[" a"] * before, " 10", ",000", " aujourd", "'hui", *[" it"] * 60)
        made = captions(said)
        assert [word for caption in made for word in caption.words] == said
        assert any("10,000" in caption.text for caption in made)
        assert any("aujourd'hui" in caption.text for caption in made)


def test_a_pause_inside_a_word_does_not_divide_it() -> None:
    ten, rest = pieces(" exactly", " 10"), pieces(",000", " people")
    assert texts([*ten, *(word.shift(3.0) for word in rest)]) == ["exactly 10,000 people"]


def test_a_word_that_no_caption_holds_is_divided() -> None:
    said = pieces(" x", *["yz"] * 100)
    made = captions(said)
    assert [word for caption in made for word in caption.words] == said
    assert all(count_fitting(caption.words, Box()) == len(caption.words) for caption in made)


def test_nothing_said_is_no_caption() -> None:
    assert captions([]) == []
