"""Simplified and traditional Chinese, as a language tag asks for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from surtitle.core.words import Hypothesis, Word
from surtitle.text.languages import primary

if TYPE_CHECKING:
    from opencc import OpenCC

_SPOKEN = frozenset({"zh", "yue"})  # the recognizers' codes for what is written with Chinese characters
_MAX_SIMPLIFIED = 0.1  # of the characters that differ, in a text that is traditional: some, such as 后, are in both


class Characters(StrEnum):
    """The characters to write, as the rest of a language tag."""

    SIMPLIFIED = "Hans"
    TAIWAN = "TW"
    HONG_KONG = "HK"


_TO_TRADITIONAL = {Characters.TAIWAN: "s2tw", Characters.HONG_KONG: "s2hk"}
_TO_STANDARD = {Characters.TAIWAN: "t2tw", Characters.HONG_KONG: "t2hk"}


@lru_cache(1000)
def find_characters(tag: str) -> Characters | None:
    """The characters that ``tag`` asks for; None if it is not Chinese, or says neither a script nor a region."""
    from langcodes import Language
    from langcodes.tag_parser import LanguageTagError

    try:
        asked = Language.get(tag.strip().replace("_", "-"))
    except LanguageTagError:
        return None
    if asked.language not in (*_SPOKEN, "cmn") or not (asked.script or asked.territory):
        return None
    full = asked.maximize()
    if full.script != "Hant":
        return Characters.SIMPLIFIED if full.script == "Hans" else None
    return Characters.HONG_KONG if full.territory in ("HK", "MO") else Characters.TAIWAN


def add_characters(language: str, characters: Characters | None) -> str:
    """The tag of a recognized ``language`` written with ``characters``: "zh-TW". Other languages stay as they are."""
    return f"{language}-{characters}" if characters and primary(language) in _SPOKEN else language


def convert(text: str, characters: Characters) -> str:
    """The text in other characters, of which there are as many as before."""
    simplified = _converter("t2s").convert(text)
    if characters is Characters.SIMPLIFIED:
        return simplified
    traditional = _converter(_TO_TRADITIONAL[characters]).convert(simplified)
    changed = _count_differences(text, _converter("s2t").convert(text))
    if changed < _MAX_SIMPLIFIED * _count_differences(text, simplified):
        # it is traditional already: the way through simplified characters would lose differences, as between 余 and 餘
        return _converter(_TO_STANDARD[characters]).convert(text)
    return traditional


class ChineseConverter:
    """Converts the words of one source. The conversion of a committed word does not change.

    A character can depend on those beside it (发 is 髮 in 头发 and 發 in 发展), and a phrase can be in several words.
    So a word is converted together with all words of its utterance that are known when it is committed.
    """

    def __init__(self, characters: Characters) -> None:
        self._characters = characters
        self._written: list[Word] = []

    def apply(self, hypothesis: Hypothesis, *, final: bool) -> Hypothesis:
        """Convert a hypothesis. With ``final``, the utterance is over, and the next call begins another."""
        count = len(hypothesis.committed)
        words = convert_words((*hypothesis.committed, *hypothesis.tentative), self._characters)
        self._written += words[len(self._written) : count]
        converted = Hypothesis(tuple(self._written), tuple(words[count:]))
        if final:
            self._written = []
        return converted


def convert_words(words: Sequence[Word], characters: Characters) -> list[Word]:
    """The words in other characters. Phrases may be in several words that have no space between them."""
    text = "".join((" " if word.spaced else "") + word.text for word in words)
    converted = convert(text, characters)
    written: list[Word] = []
    at = 0
    for word in words:
        at += word.spaced
        written.append(replace(word, text=converted[at : at + len(word.text)]))
        at += len(word.text)
    return written


def _count_differences(one: str, other: str) -> int:
    return sum(before != after for before, after in zip(one, other, strict=True))


@cache
def _converter(name: str) -> OpenCC:
    """Loads the dictionaries at the first call, which takes a tenth of a second."""
    from opencc import OpenCC

    return OpenCC(name)
