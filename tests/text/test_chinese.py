"""Simplified and traditional characters: which a tag asks for, and that converted words stay as they were shown."""

from __future__ import annotations

import random

import pytest

from surtitle.core.words import Hypothesis, Word
from surtitle.text.chinese import Characters, ChineseConverter, add_characters, convert, convert_words, find_characters

SIMPLIFIED = "皇后在头发店里发现了干面，这只猫的关系很复杂，后来里长说台湾的云几乎没有。"
TAIWAN = "皇后在頭髮店裡發現了乾麵，這隻貓的關係很複雜，後來里長說臺灣的雲幾乎沒有。"
HONG_KONG = "皇后在頭髮店裏發現了乾麪，這隻貓的關係很複雜，後來里長説台灣的雲幾乎沒有。"


@pytest.mark.parametrize(
    ("tag", "characters"),
    [
        *(("zh-CN", "Hans"), ("zh-Hans", "Hans"), ("zh-SG", "Hans"), ("ZH_cn", "Hans"), ("yue-Hans", "Hans")),
        *(("zh-TW", "TW"), ("zh-Hant", "TW"), ("cmn-Hant", "TW"), ("zho-TW", "TW"), ("zh-Hant-TW", "TW")),
        *(("zh-HK", "HK"), ("zh-Hant-HK", "HK"), ("zh-MO", "HK"), ("yue-HK", "HK")),
        *(("zh", None), ("yue", None), ("auto", None), ("ja", None), ("ja-JP", None), ("en-HK", None), ("!", None)),
    ],
)
def test_a_tag_with_a_script_or_a_region_asks_for_characters(tag: str, characters: str | None) -> None:
    assert find_characters(tag) == characters


@pytest.mark.parametrize("text", [SIMPLIFIED, TAIWAN])
@pytest.mark.parametrize(("characters", "expected"), [(Characters.SIMPLIFIED, SIMPLIFIED), (Characters.TAIWAN, TAIWAN)])
def test_either_kind_is_written_as_asked_for(text: str, characters: Characters, expected: str) -> None:
    assert convert(text, characters) == expected


def test_hong_kong_has_characters_of_its_own() -> None:
    assert convert(SIMPLIFIED, Characters.HONG_KONG) == HONG_KONG


def test_traditional_text_keeps_what_simplified_characters_do_not_distinguish() -> None:
    text = "這是余先生的選擇，他認為這樣對學習語言與歷史會更有幫助。"
    assert convert(text, Characters.TAIWAN) == text


def test_other_text_stays() -> None:
    for characters in Characters:
        assert convert("Hello, 3 × ünïcödé カタカナ 한국어 🙂", characters) == "Hello, 3 × ünïcödé カタカナ 한국어 🙂"


def make_words(text: str) -> tuple[Word, ...]:
    """Words of one to three characters, without spaces, as Whisper writes them."""
    cut = random.Random(1)
    words: list[Word] = []
    while text:
        size = cut.randint(1, 3)
        words.append(Word(text[:size], len(words), len(words) + 1.0, spaced=False))
        text = text[size:]
    return tuple(words)


def test_words_keep_their_number_and_times_and_phrases_reach_across_them() -> None:
    words = [Word("头", 0, 1, 0.9, spaced=False), Word("发", 1, 2, 0.8, spaced=False), Word("OK.", 2, 3)]
    converted = convert_words(words, Characters.TAIWAN)
    assert [word.text for word in converted] == ["頭", "髮", "OK."]
    assert [(word.start, word.end, word.probability, word.spaced) for word in converted] == [
        (word.start, word.end, word.probability, word.spaced) for word in words
    ]


@pytest.mark.parametrize("text", [SIMPLIFIED, TAIWAN, "我们学习汉语。" + TAIWAN + SIMPLIFIED])
@pytest.mark.parametrize("characters", list(Characters))
def test_a_committed_word_never_changes(text: str, characters: Characters) -> None:
    words, converter = make_words(text), ChineseConverter(characters)
    shown: tuple[Word, ...] = ()
    for count in range(len(words) + 1):
        hypothesis = converter.apply(Hypothesis(words[:count], words[count : count + 2]), final=False)
        assert hypothesis.committed[: len(shown)] == shown
        assert len(hypothesis.committed) == count
        shown = hypothesis.committed
    assert converter.apply(Hypothesis(words), final=True).committed == shown
    assert converter.apply(Hypothesis((), words[:1]), final=False).committed == ()


def test_the_words_that_follow_decide_a_character() -> None:
    converter = ChineseConverter(Characters.TAIWAN)
    first, second = (Word("头", 0, 1, spaced=False), Word("发", 1, 2, spaced=False))
    assert converter.apply(Hypothesis((), (first, second)), final=False).tentative[1].text == "髮"
    assert [word.text for word in converter.apply(Hypothesis((first, second)), final=True).committed] == ["頭", "髮"]


def test_the_tag_of_what_is_written() -> None:
    assert add_characters("zh", Characters.TAIWAN) == "zh-TW"
    assert add_characters("yue", Characters.SIMPLIFIED) == "yue-Hans"
    assert add_characters("zh", None) == "zh"
    assert add_characters("en", Characters.TAIWAN) == "en"
