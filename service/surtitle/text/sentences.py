"""Where sentences end: one answer for recognition, captions, translation and export. Pure."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from surtitle.text.abbreviations import (
    ALSO_WORDS,
    BEFORE_NUMBER,
    BEFORE_WORD,
    COMMON,
    DOTTED_ORDINALS,
    MAYBE_LAST,
    STARTERS,
)
from surtitle.text.languages import primary
from surtitle.text.punctuation import CLOSING, ELLIPSES, FULL_STOPS, OPENING, TERMINATORS

_ELLIPSIS = re.compile(rf"(?:[{ELLIPSES}]|\.\s*\.)[{ELLIPSES}.\s]*$")
_NUMBER = re.compile(r"[+\-−]?\d+(?:[.,:’'\u00a0\u202f٫٬]\d+)*$")
_LETTERS = re.compile(r"[^\W\d_](?:\.-?[^\W\d_]{1,2})*$")  # "J", "U.S", "z.B", "J.-C"
_I = re.compile(r"I\b")  # has a capital everywhere
_ROMAN = re.compile(r"[IVXLC]+\b")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})
_SHORT_NUMBER = 2  # digits of a number that may be an ordinal or the name of a step
_CACHED = 4096  # answers that are remembered: a stream asks about the same words several times a second


@lru_cache(_CACHED)
def ends_sentence(text: str, following: str | None = None, language: str | None = None) -> bool:
    """Whether a sentence ends with the last word of ``text``.

    ``following`` is the text that comes next: None if that is not known yet, "" if nothing follows. Where it
    decides ("U.S.", "No.", "3.", "so…") and is not known, the answer is no. A word that the recognizer wrote in
    pieces ("U" + ".S.") should come whole; a piece alone never ends a sentence that the word does not end.
    ``language`` is a BCP 47 tag; without it, abbreviations of all languages are known that are not words of another.
    """
    bare = text.rstrip().rstrip(CLOSING + " \u00a0\u202f")
    if not bare:
        return False
    language = _primary(language)
    upcoming = None if following is None else following.lstrip(OPENING + " \u00a0\u202f")
    mark = bare[-1]
    if _ELLIPSIS.search(bare):
        return upcoming is not None and (not upcoming or (_starts(upcoming, language) and not _I.match(upcoming)))
    if bare != text.rstrip() and _is_lower(upcoming):
        return False  # “Stop!” he said
    if mark in TERMINATORS or (mark == ";" and language == "el"):
        return True
    if mark not in FULL_STOPS:
        return False
    if mark != ".":
        return mark == "。" or not (upcoming and upcoming[0].isdigit() and bare[-2:-1].isdigit())
    return _full_stop_ends(_last_word(bare), upcoming, language)


def trails_off(text: str) -> bool:
    """Whether ``text`` ends with an ellipsis: a thought broken off or a pause, rather than the end of a sentence."""
    return bool(_ELLIPSIS.search(text.rstrip().rstrip(CLOSING)))


def may_be_abbreviated(text: str, language: str | None = None) -> bool:
    """Whether ``text`` may be the beginning of an abbreviation whose full stop comes with the next piece.

    Whisper writes "U" + ".S." and "p" + ".m.".
    """
    word = _last_word(text).translate(_APOSTROPHES)
    if not word or word[-1] in CLOSING:
        return False
    return bool(_LETTERS.match(word)) or word.casefold() in _heads(_primary(language))


def without_end(text: str) -> str:
    """``text`` without the marks that end it, except those that belong to an abbreviation."""
    bare = text.rstrip()
    while bare and bare[-1] in FULL_STOPS + TERMINATORS + ELLIPSES:
        if bare[-1] == "." and bare[-2:-1] != "." and not _full_stop_ends(_last_word(bare), "The", None):
            break
        bare = bare[:-1].rstrip()
    return bare


def _full_stop_ends(word: str, upcoming: str | None, language: str | None) -> bool:
    """Whether the full stop after ``word``, the last character of it, ends a sentence."""
    stem = word[:-1].translate(_APOSTROPHES)
    folded = stem.casefold()
    if _NUMBER.match(stem):
        return not _is_lower(upcoming) and _number_ends(stem, upcoming, language)
    if folded in _table("word", language):
        return False
    if stem == "I" and language in (None, "en"):
        return upcoming is None or not upcoming or upcoming[:1].isupper()
    if folded in _table("number", language):
        return upcoming is not None and not _is_number(upcoming)
    if folded in _table("last", language) or _LETTERS.match(stem.lstrip(".")):
        return upcoming is not None and (not upcoming or _starts(upcoming, language))
    return bool(stem)


def _number_ends(number: str, upcoming: str | None, language: str | None) -> bool:
    """Whether the full stop after a number ends a sentence: "in 2019.", but "am 3. Mai", "3. Stir"."""
    if upcoming == "":
        return True
    ordinal = (
        number.isdigit() and len(number) <= _SHORT_NUMBER and (language is None or language in DOTTED_ORDINALS.split())
    )
    if upcoming is None:
        return not ordinal
    return _starts(upcoming, language) if ordinal else not upcoming[:1].isdigit()


def _starts(upcoming: str, language: str | None) -> bool:
    """Whether a sentence begins with ``upcoming``: a capital, and a word that has none within a sentence."""
    first = upcoming.split()[0] if upcoming.split() else ""
    first = re.split(r"[^\w'’]", first, maxsplit=1)[0].translate(_APOSTROPHES)
    if not first[:1].isupper():
        return False
    folded = first.casefold()
    starters = _table("starter", language)
    return folded in starters or folded.split("'")[0] in starters


def _is_lower(upcoming: str | None) -> bool:
    """Whether the next word goes on with the sentence: no capital, and not one inside either (iPhone, eBay)."""
    if not upcoming or not upcoming[0].islower():
        return False
    return not any(map(str.isupper, upcoming.split()[0]))


def _is_number(upcoming: str) -> bool:
    return upcoming[:1].isdigit() or (bool(_ROMAN.match(upcoming)) and upcoming.split()[0].rstrip(".,;:") != "I")


def _last_word(text: str) -> str:
    """The last word with the full stop after it, without what opens it and without what a dash joins to it."""
    words = text.split()
    return re.split(r"[–—/]", words[-1])[-1].lstrip(OPENING) if words else ""


def _primary(language: str | None) -> str | None:
    """The language of a tag, without script and region."""
    if not language or language == "auto":
        return None
    code = primary(language)
    return {"nb": "no", "nn": "no"}.get(code, code)


_TABLES = {"word": BEFORE_WORD, "number": BEFORE_NUMBER, "last": MAYBE_LAST, "starter": STARTERS}


@cache
def _table(kind: str, language: str | None) -> frozenset[str]:
    """One table for a language; for an unknown one, all of them without what is a word elsewhere."""
    table = _TABLES[kind]
    if language is not None:
        return frozenset(f"{table.get(language, '')} {COMMON.get(kind, '')}".split())
    found = {word for words in table.values() for word in words.split()}
    return frozenset(found.difference(ALSO_WORDS.split()) if kind == "word" else found)


@cache
def _heads(language: str | None) -> frozenset[str]:
    """The first parts of abbreviations with several full stops, and of those with one."""
    every = (*_table("word", language), *_table("number", language), *_table("last", language))
    return frozenset(word[: place + 1].rstrip(".") for word in every for place in range(len(word)) if _cut(word, place))


def _cut(word: str, place: int) -> bool:
    return place + 1 == len(word) or word[place + 1] == "."
