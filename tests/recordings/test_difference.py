from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from surtitle.captions.caption import Caption
from surtitle.core.wire.sessions import Change
from surtitle.core.words import Word
from surtitle.recordings.difference import Difference, Part, compare


def caption(text: str, start: float, source: str = "mic", speaker: str | None = None) -> Caption:
    words = tuple(Word(part, start + 0.5 * at, start + 0.5 * at + 0.4) for at, part in enumerate(text.split()))
    return Caption(f"c{start}", 1, source, "en", words, (), True, speaker)


def parts(found: Difference) -> list[tuple[str, str]]:
    return [(part.kind, part.text) for line in found.lines for part in line.parts]


def test_changed_words_are_between_unchanged_ones() -> None:
    found = compare([caption("the whether is find today", 0.0)], [caption("The weather is fine, today.", 0.0)])
    assert parts(found) == [
        (Change.SAME, "The"),
        (Change.REMOVED, "whether"),
        (Change.ADDED, "weather"),
        (Change.SAME, "is"),
        (Change.REMOVED, "find"),
        (Change.ADDED, "fine,"),
        (Change.SAME, "today."),
    ]
    assert (found.words, found.added, found.removed) == (5, 2, 2)


def test_sources_are_compared_separately_and_lines_are_in_order() -> None:
    first = [caption("hello", 0.0, "tab"), caption("yes", 5.0, "mic")]
    second = [caption("hello there", 0.0, "tab"), caption("yes", 5.0, "mic", "Ada")]
    lines = compare(first, second).lines
    assert [(line.start, line.voice) for line in lines] == [(0.0, "tab"), (5.0, "Ada")]
    assert lines[0].parts == (Part(Change.SAME, "hello"), Part(Change.ADDED, "there"))


def test_everything_added_and_everything_removed() -> None:
    assert parts(compare([], [caption("all new", 1.0)])) == [(Change.ADDED, "all new")]
    found = compare([caption("all gone", 1.0)], [])
    assert parts(found) == [(Change.REMOVED, "all gone")]
    assert found.lines[0].start == 1.0
    assert compare([], []) == Difference((), 0, 0, 0)


def test_hours_are_compared_quickly_and_correctly() -> None:
    said = [Word(f"word{at % 97}", at / 2, at / 2 + 0.4) for at in range(18_000)]
    other = [*said[:5000], replace(said[5000], text="different"), *said[5001:9000], *said[9001:]]
    first, second = (
        [Caption("c", 1, "mic", "en", tuple(words[at : at + 10]), (), True) for at in range(0, len(words), 10)]
        for words in (said, other)
    )
    found = compare(first, second)
    assert (found.added, found.removed) == (1, 2)


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.lists(st.sampled_from("abcd"), max_size=60))
def test_no_words_are_lost_or_invented(first: list[str], second: list[str]) -> None:
    before = [caption(" ".join(first[at : at + 5]), at * 3.0) for at in range(0, len(first), 5)]
    after = [caption(" ".join(second[at : at + 5]), at * 3.0) for at in range(0, len(second), 5)]
    found = compare(before, after)
    assert " ".join(text for kind, text in parts(found) if kind != Change.REMOVED) == " ".join(second)
    assert " ".join(text for kind, text in parts(found) if kind != Change.ADDED) == " ".join(first)
