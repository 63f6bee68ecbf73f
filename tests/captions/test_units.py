"""Words in pieces, through lines, captions and exports."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.layout import Box, balance_words, count_fitting, wrap
from surtitle.captions.segmenter import Segmenter
from surtitle.captions.transcript import export
from surtitle.captions.units import are_joined, ends_sentence_at, units, whole_words
from surtitle.core.words import Hypothesis, Word, join


def pieces(text: str) -> tuple[Word, ...]:
    """Words between spaces; "|" parts the pieces of one."""
    found: list[Word] = []
    for word in text.split():
        for place, piece in enumerate(word.split("|")):
            at = len(found) * 0.4
            found.append(Word(piece, at, at + 0.3, spaced=place == 0))
    return tuple(found)


def captions(text: str, box: Box = Box(), *, step: int = 1, language: str = "en") -> list[Caption]:
    """The final captions of an utterance whose words are committed ``step`` at a time, the next three tentative."""
    numbers = itertools.count(1)
    segmenter = Segmenter("Host", lambda: f"c{next(numbers)}", box)
    words = pieces(text)
    changed: list[Caption] = []
    for count in range(0, len(words), step):
        changed += segmenter.update(Hypothesis(words[:count], words[count : count + 3]), language, endpoint=False)
    changed += segmenter.update(Hypothesis(words), language, endpoint=True)
    return [caption for caption in changed if caption.final]


def test_pieces_are_one_unit() -> None:
    assert [join(unit) for unit in units(pieces("10|,000 people in the U|.S. aujourd|'hui"))] == [
        *("10,000", "people", "in", "the", "U.S.", "aujourd'hui"),
    ]
    assert units([]) == []


def test_whole_words_contain_their_pieces() -> None:
    words = whole_words(pieces("10|,000 people|, aujourd|'hui ?"))
    assert [word.text for word in words] == ["10,000", "people,", "aujourd'hui", "?"]
    assert (words[0].start, words[0].end) == (0.0, 0.7)
    japanese = [Word(text, 0.0, 0.1, spaced=False) for text in ("東京", "は", "晴れ", "。")]
    assert [word.text for word in whole_words(japanese)] == ["東京", "は", "晴れ。"]


@pytest.mark.parametrize("step", [1, 2, 3, 20])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The U|.S. Navy has ships. They sail.", ["The U.S. Navy has ships.", "They sail."]),
        ("The U|.S. navy has ships. They sail.", ["The U.S. navy has ships.", "They sail."]),
        ("We live in the U|.S. It is big.", ["We live in the U.S.", "It is big."]),
        ("Come at 5 p|.m. on Monday.", ["Come at 5 p.m. on Monday."]),
        ("Come at 5 p|.m. Then we eat.", ["Come at 5 p.m.", "Then we eat."]),
        ("She has a Ph|.D. in law, and No|. 5 is hers.", ["She has a Ph.D. in law, and No. 5 is hers."]),
        ("No|. I do not.", ["No.", "I do not."]),
        ("Ask Mr|. Smith of Apple Inc|. about it.", ["Ask Mr. Smith of Apple Inc. about it."]),
        ("It costs 1|,000|. She pays.", ["It costs 1,000.", "She pays."]),
        ("So in college... I was a major.", ["So in college... I was a major."]),
        ("He said “stop|.” She went.", ["He said “stop.”", "She went."]),
    ],
)
def test_captions_end_at_sentences_and_not_at_abbreviations(text: str, expected: list[str], step: int) -> None:
    found = [caption.text for caption in captions(text, step=step)]
    assert found == expected


def test_what_follows_must_be_committed_to_end_a_caption() -> None:
    segmenter = Segmenter("Host", lambda: "c1")
    words = pieces("the U|.S. The Navy")
    (caption,) = segmenter.update(Hypothesis(words[:3], words[3:4]), "en", endpoint=False)
    assert not caption.final
    changed = segmenter.update(Hypothesis(words[:4], words[4:]), "en", endpoint=False)
    assert [(one.text, one.final) for one in changed] == [("the U.S.", True), ("The", False)]


_scripts = st.lists(
    st.sampled_from(
        ["one", "U|.S.", "10|,000|,000", "aujourd|'hui", "end.", "Mr.", "l|'homme", "東|京|は|。", "「|晴|れ|」"]
    ),
    min_size=1,
    max_size=30,
).map(" ".join)


@given(_scripts, st.sampled_from([Box(12, 2), Box(20, 2), Box(42, 2), Box(16, 1)]), st.integers(1, 4))
def test_no_caption_and_no_line_ends_inside_a_word(text: str, box: Box, step: int) -> None:
    found = captions(text, box, step=step)
    assert join(word for caption in found for word in caption.words) == join(pieces(text))
    for before, after in itertools.pairwise(found):
        assert not are_joined(before.words[-1], after.words[0])
    for caption in found:
        lines = balance_words(caption.words, box)
        assert [word for line in lines for word in line] == list(caption.words)
        assert not any(are_joined(upper[-1], lower[0]) for upper, lower in itertools.pairwise(lines))


def test_a_word_wider_than_a_line_breaks_between_its_pieces() -> None:
    words = pieces("|".join(["haha"] * 30))
    assert len(wrap(words, 20)) == 6
    assert 1 <= count_fitting(words, Box(20, 2)) <= 10


def test_where_sentences_end_between_words() -> None:
    words = pieces("in the U|.S. It is")
    assert [count for count in range(len(words) + 1) if ends_sentence_at(words, count)] == [4]
    assert not ends_sentence_at(words[:4], 4)
    assert ends_sentence_at(words[:4], 4, following="")
    assert not ends_sentence_at(words[:4], 4, following="navy")


def test_exports_keep_pieces_together() -> None:
    words = pieces("It takes about 10|,000 people today")
    caption = Caption("c1", 1, "Host", "en", words, (), True)
    for form in ("srt", "vtt", "ass"):
        assert "10,000" in export([caption], form, ExportOptions(Box(18, 2)))
    podcast = json.loads(export([caption], "podcast.json", ExportOptions(words=True)))
    assert [segment["body"] for segment in podcast["segments"]] == ["It", "takes", "about", "10,000", "people", "today"]
    listed = json.loads(export([caption], "json"))["captions"][0]["words"]
    assert [word["w"] for word in listed if word.get("join")] == [",000"]
    rebuilt = "".join(("" if word.get("join") or not place else " ") + word["w"] for place, word in enumerate(listed))
    assert rebuilt == caption.text
