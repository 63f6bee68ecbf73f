"""Capitals and periods for recognizers that write neither. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from surtitle.core.words import Word
from surtitle.text.punctuation import ALL_MARKS
from surtitle.text.scripts import is_unspaced

_ALWAYS_CAPITAL = frozenset({"i", "i'm", "i'll", "i've", "i'd"})  # in English
_PERIODS = {
    "zh": "。",
    "yue": "。",
    "ja": "。",
    "hi": "।",
    "th": "",
}  # where it is another mark


def capitalize(words: Sequence[Word], language: str = "en") -> list[Word]:
    """Give lower-case words, an utterance from its beginning, the capitals that are certain."""
    return [
        replace(word, text=word.text[0].upper() + word.text[1:])
        if number == 0 or (language == "en" and word.text in _ALWAYS_CAPITAL)
        else word
        for number, word in enumerate(words)
    ]


def add_period(words: Sequence[Word], language: str = "en") -> list[Word]:
    """Add a period to a whole utterance: several words are treated as a sentence."""
    if len(words) < 2 or words[-1].text[-1] in ALL_MARKS:
        return list(words)
    period = _PERIODS.get(language, "。" if is_unspaced(words[-1].text[-1]) else ".")
    return [*words[:-1], replace(words[-1], text=words[-1].text + period)]
