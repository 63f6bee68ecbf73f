"""Committed words of several sources as one text."""

from __future__ import annotations

from dataclasses import replace

from surtitle.captions.caption import Caption
from surtitle.closed_captions.interleaver import SourceInterleaver
from surtitle.core.words import Word


def caption(key: str, text: str, *, source: str = "Host", final: bool = False, language: str = "en") -> Caption:
    words = tuple(Word(word, 0, 1) for word in text.split())
    return Caption(key, 1, source, language, words, (Word("maybe", 1, 2),), final=final)


def take(turns: SourceInterleaver, now: float) -> str:
    return " ".join((">> " if spoken.turn else "") + spoken.word.text for spoken in turns.take(now))


def test_each_committed_word_comes_once() -> None:
    turns = SourceInterleaver()
    turns.put(caption("1", "good"), 0.0)
    assert take(turns, 0.0) == "good"
    turns.put(caption("1", "good evening to"), 0.5)
    turns.put(caption("1", "good evening to you", final=True), 0.6)
    turns.put(caption("2", "and welcome"), 0.7)
    assert take(turns, 0.7) == "evening to you and welcome"
    assert take(turns, 9.0) == ""


def test_what_was_there_before_is_not_shown() -> None:
    turns = SourceInterleaver()
    turns.skip([caption("1", "good evening")])
    turns.put(caption("1", "good evening all"), 0.0)
    assert take(turns, 0.0) == "all"


def test_two_who_speak_at_once_are_not_mixed() -> None:
    turns = SourceInterleaver()
    turns.put(caption("1", "do you"), 0.0)
    turns.put(caption("2", "I", source="Guest"), 0.1)
    assert take(turns, 0.1) == "do you"
    turns.put(caption("2", "I never", source="Guest"), 0.4)
    turns.put(caption("1", "do you hear me", final=True), 0.5)
    assert take(turns, 0.5) == "hear me >> I never"
    turns.put(caption("2", "I never did", source="Guest", final=True), 0.9)
    turns.put(caption("3", "aha"), 1.0)
    assert take(turns, 1.0) == "did >> aha"


def test_one_who_pauses_gives_way() -> None:
    turns = SourceInterleaver()
    turns.put(caption("1", "well"), 0.0)
    turns.put(caption("2", "yes", source="Guest"), 0.5)
    assert take(turns, 1.0) == "well"
    assert take(turns, 3.0) == ">> yes"


def test_it_says_when_another_gets_the_turn() -> None:
    turns = SourceInterleaver()
    assert turns.due() == float("inf")
    turns.put(caption("1", "well"), 0.0)
    assert take(turns, 0.0) == "well"
    assert turns.due() == float("inf")
    turns.put(caption("2", "yes", source="Guest"), 0.5)
    assert take(turns, 1.0) == ""
    assert turns.due() == 1.5
    assert take(turns, turns.due()) == ">> yes"
    assert turns.due() == float("inf")


def test_only_the_language_that_is_wanted() -> None:
    turns = SourceInterleaver("en")
    turns.put(caption("1", "guten Abend", language="de", final=True), 0.0)
    assert turns.other == "de"
    turns.put(caption("2", "good evening", language="en-GB", final=True), 0.0)
    assert take(turns, 0.0) == "good evening"
    assert turns.other is None


def test_what_was_cleared_is_not_shown() -> None:
    turns = SourceInterleaver()
    turns.put(caption("1", "good evening", final=True), 0.0)
    turns.forget()
    assert take(turns, 0.0) == ""


def test_a_correction_is_not_said_again() -> None:
    turns = SourceInterleaver()
    turns.put(caption("1", "to sir title", final=True), 0.0)
    assert take(turns, 0.0) == "to sir title"
    turns.put(caption("1", "to the great Surtitle again", final=True), 5.0)
    assert take(turns, 9.0) == ""


def test_speakers_of_one_source_take_turns_and_one_who_is_not_known_yet_is_nobody_else() -> None:
    turns = SourceInterleaver()
    turns.put(replace(caption("1", "are you there", final=True), speaker="Speaker 1"), 0.0)
    turns.put(replace(caption("2", "yes", final=True), speaker="Speaker 2"), 0.1)
    turns.put(caption("3", "I am", final=True), 0.2)
    assert take(turns, 0.3) == "are you there >> yes I am"
    turns.put(replace(caption("3", "I am", final=True), speaker="Speaker 2"), 0.4)
    turns.put(replace(caption("4", "good", final=True), speaker="Speaker 1"), 0.5)
    assert take(turns, 0.6) == ">> good"
