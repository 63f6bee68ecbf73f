"""CEA-608 as OBS writes it into a stream: its characters, and how much text fits.

libobs puts a caption into byte pairs of one SEI message (libcaption). What it does with a text was
measured by decoding its streams: a character outside the set drops the rest of its row, a message
holds 31 pairs, and a caption that needs one more is lost by some decoders and by YouTube.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from anyascii import anyascii

from surtitle.core.errors import BadRequest

COLUMNS = 32
MAX_BYTES = 128  # libobs copies at most this, and may cut inside a character
MAX_PAIRS = 27  # pairs for text and the address of each row; four commands take the rest of 31

_ASCII = {chr(code) for code in range(0x20, 0x7F)}
_COSTLY_ASCII = set("*'\\^_`{|}~")  # ASCII, but not in the basic set
_BASIC = (_ASCII - _COSTLY_ASCII) | set("áéíóúç÷Ññ’")  # each takes half a pair
_SPECIAL = set("®°½¿™¢£♪àèâêîôû")  # each takes a pair, and another one so that a repetition is not dropped
_EXTENDED = (_COSTLY_ASCII - {"`"}) | set(
    "ÁÉÓÚÜü‘¡—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»ÃãÍÌìÒòÕõÄäÖöß¥¤ÅåØø"
)  # a basic stand-in, then a pair that replaces it
CHARACTERS = frozenset(_BASIC | _SPECIAL | _EXTENDED)

_SUBSTITUTES = {
    "'": "’",  # the straight apostrophe costs four times as much
    "`": "‘",
    "´": "’",
    "„": "“",
    "‟": "“",
    "‚": "‘",
    "‛": "‘",
    "–": "-",
    **dict.fromkeys("♩♫♬🎵🎶🎼", "♪"),
}
_PLACEHOLDER = "?"  # for a letter without a known transliteration

# Languages not written in Latin letters, by ISO 639 code; a tag may name the script, as in sr-Latn.
_NON_LATIN_LANGUAGES = frozenset(
    {
        *("ab", "am", "ar", "as", "av", "ba", "be", "bg", "bn", "bo", "ce", "ckb", "cv", "dv", "dz", "el", "fa", "gu"),
        *("he", "hi", "hy", "iw", "ja", "ka", "kk", "km", "kn", "ko", "ks", "kv", "ky", "lo", "mai", "mk", "ml", "mn"),
        *("mr", "my", "ne", "or", "os", "pa", "ps", "ru", "sa", "sd", "si", "sr", "syr", "ta", "te", "tg", "th", "ti"),
        *("tt", "ug", "uk", "ur", "yi", "yue", "zh"),
    }
)
_ADVICE = "send a translation into a language with Latin letters, or use the overlay, which shows every script."


def transliterate(text: str) -> str:
    """``text`` in the characters of CEA-608, as one line; emoji are left out."""
    characters = "".join(map(_transliterate_character, unicodedata.normalize("NFC", text)))
    return " ".join(characters.split())


def count_pairs(row: str) -> int:
    """The number of byte pairs for a row's characters. ``row`` must come from `transliterate`."""
    count, half = 0, False
    for character in row:
        if character in _BASIC:
            count += not half
            half = not half
        else:
            count += 1 if half and character in _EXTENDED else 2
            half = False
    return count


def fits(rows: Sequence[str]) -> bool:
    """Whether OBS sends these rows complete, in one message."""
    return (
        all(len(row) <= COLUMNS for row in rows)
        and sum(1 + count_pairs(row) for row in rows) <= MAX_PAIRS
        and len("\n".join(rows).encode()) <= MAX_BYTES
    )


def find_foreign_script(text: str) -> str | None:
    """The script of ``text`` if more than half of its letters are not Latin, which CEA-608 cannot write; else None."""
    scripts = [_get_script(character) for character in text if character.isalpha()]
    foreign = [script for script in scripts if script != "Latin"]
    return max(set(foreign), key=foreign.count) if 2 * len(foreign) > len(scripts) else None


def check_writable(language: str) -> str:
    """Check that closed captions can be written in a language, and return it. Raises `BadRequest`."""
    code, *parts = language.lower().split("-")
    if code in _NON_LATIN_LANGUAGES and "latn" not in parts:
        raise BadRequest(f"Closed captions (CEA-608) cannot be written in {language!r}: {_ADVICE}")
    return language


def describe_refusal(script: str) -> str:
    """The message for people whose captions are in ``script``."""
    return f"Closed captions (CEA-608) have no {script} letters: {_ADVICE}"


@lru_cache(maxsize=4096)
def _transliterate_character(character: str) -> str:
    character = _SUBSTITUTES.get(character, character)
    if character in CHARACTERS or character.isspace():
        return character
    latin = "".join(_SUBSTITUTES.get(one, one) for one in anyascii(character) if one.isprintable())
    if (len(latin) > 2 and latin[0] == latin[-1] == ":") or "\U0001f1e6" <= character <= "\U0001f1ff":
        return ""  # the name of an emoji, or a letter of a flag
    return latin if latin or not character.isalnum() else _PLACEHOLDER


@lru_cache(maxsize=4096)
def _get_script(letter: str) -> str:
    """The script of a letter, by the first word of its Unicode name, which is accurate enough here."""
    name = unicodedata.name(letter, "UNKNOWN")
    words = name.removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ").removeprefix("MODIFIER LETTER ").split()
    if words[0] in ("LATIN", "FEMININE", "MASCULINE", "MICRO") or len(words) == 1:
        return "Latin"
    return {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}.get(
        words[0], words[0].capitalize()
    )
