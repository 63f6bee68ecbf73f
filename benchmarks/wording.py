"""Text in the two forms in which errors are counted: normalized words, and tokens exactly as written."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

UNSPACED = frozenset({"ja", "zh", "yue", "th", "lo", "my", "km"})
"""Languages written without spaces: errors are counted by characters."""

_SENTENCES = re.compile(r"(?<=[.?!…])\s+|(?<=[。！？])")
_THOUSANDS = re.compile(r"(?<=\d)[ \u00a0\u202f.,’'](?=\d{3}(?!\d))")
_ROMAN = re.compile(r"\b(?=[IVX]{2,}\b)X{0,3}(?:IX|IV|V?I{0,3})\b")
_VALUES = {"X": 10, "IX": 9, "V": 5, "IV": 4, "I": 1}
_ENDINGS = (  # of older English, which the normalizer takes for "would" and "saint"
    (re.compile(r"\b(?!(?:i|you|he|she|it|we|they|who|there|that|what)')([a-z]+)'d\b", re.IGNORECASE), r"\1ed"),
    (re.compile(r"(?<=[a-z])'st\b", re.IGNORECASE), "st"),
)
_SIGNS = {"…": " ", "×": " times ", "=": " equals ", "+": " plus "}  # read aloud; the normalizer drops them


def words(text: str, language: str = "en") -> list[str]:
    """The words of ``text`` (characters for `UNSPACED` languages), normalized as in Whisper's own evaluation.

    English loses case, punctuation, fillers, contractions and British spelling, and numbers become digits. Other
    languages lose case, punctuation and the separators between thousands.
    """
    return [word for sentence in _SENTENCES.split(text) for word in _sentence_words(sentence, language)]


def tokens(text: str, language: str = "en") -> list[str]:
    """The tokens of ``text`` as they are, with case and punctuation (characters for `UNSPACED` languages)."""
    return [letter for letter in text if not letter.isspace()] if language in UNSPACED else text.split()


def joined(parts: list[str], language: str) -> str:
    """The text of some `tokens`."""
    return ("" if language in UNSPACED else " ").join(parts)


@lru_cache(maxsize=1 << 16)  # live transcripts are normalized again for every revision, and most sentences stay
def _sentence_words(sentence: str, language: str) -> tuple[str, ...]:
    sentence = sentence.replace("’", "'")
    if language == "en":
        for sign, name in _SIGNS.items():
            sentence = sentence.replace(sign, name)
        for ending, modern in _ENDINGS:
            sentence = ending.sub(modern, sentence)
        sentence = _ROMAN.sub(_decimal, sentence)
    else:
        sentence = _THOUSANDS.sub("", sentence)
    # what is left of an ellipsis is no word
    return tuple(word for word in _normalizer(language)(sentence).split() if any(map(str.isalnum, word)))


def _decimal(numeral: re.Match[str]) -> str:
    return str(sum(_VALUES[part] for part in re.findall("IX|IV|[XVI]", numeral[0])))


@cache
def _normalizer(language: str) -> Callable[[str], str]:
    if language == "en":
        return EnglishTextNormalizer()  # type: ignore[no-any-return]
    return BasicTextNormalizer(split_letters=language in UNSPACED)  # type: ignore[no-any-return]
