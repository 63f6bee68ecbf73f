"""Decides where sentences end, consistently for recognition, captions, translation and export. Pure."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from surtitle.text.abbreviations import (
    AFTER_NAMES,
    AMBIGUOUS,
    BEFORE_NUMBER,
    BEFORE_WORD,
    BORROWED,
    DOTTED_ORDINALS,
    MAYBE_LAST,
    NAMES,
    STARTERS,
    TITLES,
    UNITS,
    WORDS_ELSEWHERE,
)
from surtitle.text.languages import primary
from surtitle.text.punctuation import CLOSING, ELLIPSES, FULL_STOPS, OPENING, TERMINATORS

_ELLIPSIS = re.compile(rf"(?:[{ELLIPSES}]|\.\s*\.)[{ELLIPSES}.\s]*$")
_NUMBER = re.compile(r"[+\-−]?\d+(?:[.,:’'\u00a0\u202f٫٬]\d+)*$")
_LETTERS = re.compile(r"[^\W\d_](?:\.-?[^\W\d_]{1,2})*$")  # "J", "U.S", "z.B", "J.-C"
_PRONOUN_I = re.compile(r"I\b")  # always has a capital
_ROMAN_NUMERAL = re.compile(r"[IVXLC]+\b")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})
_STREET = "str"  # at the end of a German name: "Hauptstr. 5"
_MAX_ORDINAL = 2  # digits of a number that may be an ordinal or the number of a step
_CACHE_SIZE = 4096  # a stream asks about the same words several times a second


@lru_cache(_CACHE_SIZE)
def ends_sentence(text: str, following: str | None = None, language: str | None = None) -> bool:
    """Whether a sentence ends with the last word of ``text``.

    ``following`` is the text that comes next: None if it is not known yet, "" if nothing follows. Where the answer
    depends on it ("U.S.", "No.", "3.", "so…") and it is not known, the answer is no. A word that the recognizer split
    into pieces ("U" + ".S.") should be passed whole: a piece alone never ends a sentence that the word does not end.
    ``language`` is a BCP 47 tag; without it, the abbreviations of all languages apply, except those that are words in
    another language.
    """
    bare = text.rstrip().rstrip(CLOSING + " \u00a0\u202f")
    if not bare:
        return False
    language = _simplify_language(language)
    upcoming = None if following is None else following.lstrip(OPENING + " \u00a0\u202f")
    mark = bare[-1]
    if _ELLIPSIS.search(bare):
        return upcoming is not None and (
            not upcoming or (_starts_sentence(upcoming, language) and not _PRONOUN_I.match(upcoming))
        )
    if bare != text.rstrip() and _is_lower(upcoming):
        return False  # “Stop!” he said
    if mark in TERMINATORS or (mark == ";" and language == "el"):
        return True
    if mark not in FULL_STOPS:
        return False
    if mark != ".":
        return mark == "。" or not (upcoming and upcoming[0].isdigit() and bare[-2:-1].isdigit())
    word = _last_word(bare)
    folded = word[:-1].casefold()
    if folded in _list_words("unit", language) and _follows_number(bare):
        return _next_decides(upcoming, language)
    if folded in _list_words("after name", language) and _follows_name(bare, language):
        return _next_decides(upcoming, language)
    return _full_stop_ends(word, upcoming, language)


def trails_off(text: str) -> bool:
    """Whether ``text`` ends with an ellipsis: a thought broken off or a pause, rather than the end of a sentence."""
    return bool(_ELLIPSIS.search(text.rstrip().rstrip(CLOSING)))


def may_be_abbreviated(text: str, language: str | None = None) -> bool:
    """Whether ``text`` may be the start of an abbreviation whose full stop is in the next piece.

    Whisper writes "U" + ".S." and "p" + ".m.".
    """
    word = _last_word(text).translate(_APOSTROPHES)
    if not word or word[-1] in CLOSING:
        return False
    return bool(_LETTERS.match(word)) or word.casefold() in _list_parts(_simplify_language(language))


def strip_end_marks(text: str) -> str:
    """Remove the marks that end a sentence from the end of ``text``, except the full stop of an abbreviation."""
    bare = text.rstrip()
    while bare and bare[-1] in FULL_STOPS + TERMINATORS + ELLIPSES:
        if bare[-1] == "." and bare[-2:-1] != "." and not _full_stop_ends(_last_word(bare), "The", None):
            break
        bare = bare[:-1].rstrip()
    return bare


def _full_stop_ends(word: str, upcoming: str | None, language: str | None) -> bool:
    """Whether the full stop that is the last character of ``word`` ends a sentence."""
    stem = word[:-1].translate(_APOSTROPHES)
    folded = stem.casefold()
    if _NUMBER.match(stem):
        return not _is_lower(upcoming) and _number_ends(stem, upcoming, language)
    if folded in _list_words("word", language):
        return False
    if stem == "I" and language in (None, "en"):
        return upcoming is None or not upcoming or upcoming[:1].isupper()
    if folded in _list_words("number", language):
        if len(stem) == 1 and _is_lower(upcoming):
            return False  # the first part of an abbreviation: "p. ex."
        return upcoming is not None and not _is_number(upcoming)
    if language is not None and folded in _list_words("word elsewhere", language):
        return _next_decides(upcoming, language)
    if folded.endswith(_STREET) and len(folded) > len(_STREET):
        return _next_decides(upcoming, language)
    if folded in _list_words("last", language) or _LETTERS.match(stem.lstrip(".")):
        return _next_decides(upcoming, language)
    if stem[:1].isupper() and folded in _list_words("title", language):
        return upcoming == ""
    if stem[:1].isupper() and folded in _list_words("name", language):
        return _next_decides(upcoming, language)
    return bool(stem)


def _next_decides(upcoming: str | None, language: str | None) -> bool:
    """Whether a sentence ends with an abbreviation that may be its last word."""
    return upcoming is not None and (not upcoming or _starts_sentence(upcoming, language))


def _follows_number(text: str) -> bool:
    """Whether the word before the last one is a number."""
    words = text.rsplit(maxsplit=2)
    return len(words) > 1 and is_number(words[-2])


def _follows_name(text: str, language: str | None) -> bool:
    """Whether the word before the last one may be a name, as in "Main St."; the first word of a sentence is none."""
    words = text.rsplit(maxsplit=2)
    before = words[-2].lstrip(OPENING) if len(words) > 1 else ""
    return before[-1:].isalnum() and (
        before[:1].isdigit() or (before[:1].isupper() and not _starts_sentence(before, language))
    )


def is_number(word: str) -> bool:
    """Whether a word is a number in digits, such as "5", "1,000" or "2½"."""
    return bool(_NUMBER.match(word)) or (word[:1].isdigit() and word[-1].isnumeric())


def _number_ends(number: str, upcoming: str | None, language: str | None) -> bool:
    """Whether the full stop after a number ends a sentence: "in 2019.", but "am 3. Mai", "3. Stir"."""
    if upcoming == "":
        return True
    ordinal = (
        number.isdigit() and len(number) <= _MAX_ORDINAL and (language is None or language in DOTTED_ORDINALS.split())
    )
    if upcoming is None:
        return not ordinal
    return _starts_sentence(upcoming, language) if ordinal else not upcoming[:1].isdigit()


def _starts_sentence(upcoming: str, language: str | None) -> bool:
    """Whether ``upcoming`` begins a sentence: its first word has a capital and would have none within a sentence."""
    first = upcoming.split()[0] if upcoming.split() else ""
    first = re.split(r"[^\w'’]", first, maxsplit=1)[0].translate(_APOSTROPHES)
    if not first[:1].isupper():
        return False
    folded = first.casefold()
    starters = _list_words("starter", language)
    return folded in starters or folded.split("'")[0] in starters


def _is_lower(upcoming: str | None) -> bool:
    """Whether the next word continues the sentence: it has no capital, not even inside (iPhone, eBay)."""
    if not upcoming or not upcoming[0].islower():
        return False
    return not any(map(str.isupper, upcoming.split()[0]))


def _is_number(upcoming: str) -> bool:
    return upcoming[:1].isdigit() or (
        bool(_ROMAN_NUMERAL.match(upcoming)) and upcoming.split()[0].rstrip(".,;:") != "I"
    )


def _last_word(text: str) -> str:
    """The last word with its full stop, without opening marks before it or words that a dash connects to it."""
    words = text.split()
    return re.split(r"[–—/]", words[-1])[-1].lstrip(OPENING) if words else ""


def _simplify_language(language: str | None) -> str | None:
    """The language of a tag without script and region, or None if it is not known."""
    if not language or language == "auto":
        return None
    code = primary(language)
    return {"nb": "no", "nn": "no"}.get(code, code)


_TABLES = {
    "word": BEFORE_WORD,
    "number": BEFORE_NUMBER,
    "last": MAYBE_LAST,
    "name": NAMES,
    "title": TITLES,
    "unit": UNITS,
    "word elsewhere": WORDS_ELSEWHERE,
    "after name": AFTER_NAMES,
    "starter": STARTERS,
}


@cache
def _list_words(kind: str, language: str | None) -> frozenset[str]:
    """The words of a table for a language, or for all languages, except for words that are ambiguous then."""
    table = _TABLES[kind]
    if language is not None:
        return frozenset(f"{table.get(language, '')} {BORROWED.get(kind, '')}".split())
    found = {word for words in table.values() for word in words.split()}
    return frozenset(found.difference(AMBIGUOUS.split()) if kind == "word" else found)


@cache
def _list_parts(language: str | None) -> frozenset[str]:
    """The parts with which abbreviations begin: "p" and "p.m" for "p.m"."""
    every = (*_list_words("word", language), *_list_words("number", language), *_list_words("last", language))
    every = (*every, *_list_words("name", language), *_list_words("unit", language))
    return frozenset(
        word[: index + 1].rstrip(".") for word in every for index in range(len(word)) if _ends_part(word, index)
    )


def _ends_part(word: str, index: int) -> bool:
    return index + 1 == len(word) or word[index + 1] == "."
