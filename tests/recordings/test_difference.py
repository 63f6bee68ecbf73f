from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.recordings.difference import GONE, NEW, SAME, Difference, Part, difference


def caption(text: str, start: float, source: str = "mic", speaker: str | None = None) -> Caption:
    words = tuple(Word(part, start + 0.5 * at, start + 0.5 * at + 0.4) for at, part in enumerate(text.split()))
    return Caption(f"c{start}", 1, source, "en", words, (), True, speaker)


def parts(found: Difference) -> list[tuple[str, str]]:
    return [(part.kind, part.text) for line in found.lines for part in line.parts]


def test_words_that_changed_stand_between_those_that_stayed() -> None:
    found = difference([caption("the whether is find today", 0.0)], [caption("The weather is fine, today.", 0.0)])
    assert parts(found) == [
        (SAME, "The"),
        (GONE, "whether"),
        (NEW, "weather"),
        (SAME, "is"),
        (GONE, "find"),
        (NEW, "fine,"),
        (SAME, "today."),
    ]
    assert (found.words, found.new, found.gone) == (5, 2, 2)


def test_sources_are_compared_by_themselves_and_lines_are_in_order() -> None:
    first = [caption("hello", 0.0, "tab"), caption("yes", 5.0, "mic")]
    second = [caption("hello there", 0.0, "tab"), caption("yes", 5.0, "mic", "Ada")]
    lines = difference(first, second).lines
    assert [(line.start, line.voice) for line in lines] == [(0.0, "tab"), (5.0, "Ada")]
    assert lines[0].parts == (Part(SAME, "hello"), Part(NEW, "there"))


def test_all_new_and_all_gone() -> None:
    assert parts(difference([], [caption("all new", 1.0)])) == [(NEW, "all new")]
    found = difference([caption("all gone", 1.0)], [])
    assert parts(found) == [(GONE, "all gone")]
    assert found.lines[0].start == 1.0
    assert difference([], []) == Difference((), 0, 0, 0)


def test_hours_are_compared_quickly_and_right() -> None:
    said = [Word(f"word{at % 97}", at / 2, at / 2 + 0.4) for at in range(18_000)]
    other = [*said[:5000], replace(said[5000], text="different"), *said[5001:9000], *said[9001:]]
    first, second = (
        [Caption("c", 1, "mic", "en", tuple(words[at : at + 10]), (), True) for at in range(0, len(words), 10)]
        for words in (said, other)
    )
    found = difference(first, second)
    assert (found.new, found.gone) == (1, 2)


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.lists(st.sampled_from("abcd"), max_size=60))
def test_nothing_is_lost_or_made_up(first: list[str], second: list[str]) -> None:
    before = [caption(" ".join(first[at : at + 5]), at * 3.0) for at in range(0, len(first), 5)]
    after = [caption(" ".join(second[at : at + 5]), at * 3.0) for at in range(0, len(second), 5)]
    found = difference(before, after)
    assert " ".join(text for kind, text in parts(found) if kind != GONE) == " ".join(second)
    assert " ".join(text for kind, text in parts(found) if kind != NEW) == " ".join(first)
