"""CEA-608 as OBS writes it into a stream: which characters there are, and what fits.

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
BYTES = 128  # libobs copies no more, and cuts inside a character
ROOM = 27  # pairs for text and the address of each row; four commands take the rest of 31

_ASCII = {chr(code) for code in range(0x20, 0x7F)}
_DEAR = set("*'\\^_`{|}~")  # ASCII, but not in the basic set
_BASIC = (_ASCII - _DEAR) | set("áéíóúç÷Ññ’")  # half a pair each
_SPECIAL = set("®°½¿™¢£♪àèâêîôû")  # a pair, and one that keeps a repetition apart
_EXTENDED = (_DEAR - {"`"}) | set("ÁÉÓÚÜü‘¡—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»ÃãÍÌìÒòÕõÄäÖöß¥¤ÅåØø")  # a stand-in, and a pair
CHARACTERS = frozenset(_BASIC | _SPECIAL | _EXTENDED)

_INSTEAD = {
    "'": "’",  # the straight one costs four times as much
    "`": "‘",
    "´": "’",
    "„": "“",
    "‟": "“",
    "‚": "‘",
    "‛": "‘",
    "–": "-",
    **dict.fromkeys("♩♫♬🎵🎶🎼", "♪"),
}
_UNKNOWN = "?"  # for a letter that nobody knows how to write in Latin ones

# Languages that are not written in Latin letters, by ISO 639; a script may be named: sr-Latn.
_OTHER_SCRIPTS = frozenset(
    {
        *("ab", "am", "ar", "as", "av", "ba", "be", "bg", "bn", "bo", "ce", "ckb", "cv", "dv", "dz", "el", "fa", "gu"),
        *("he", "hi", "hy", "iw", "ja", "ka", "kk", "km", "kn", "ko", "ks", "kv", "ky", "lo", "mai", "mk", "ml", "mn"),
        *("mr", "my", "ne", "or", "os", "pa", "ps", "ru", "sa", "sd", "si", "sr", "syr", "ta", "te", "tg", "th", "ti"),
        *("tt", "ug", "uk", "ur", "yi", "yue", "zh"),
    }
)
_ADVICE = "send a translation into a language of Latin letters, or show the overlay, which has every script."


def written(text: str) -> str:
    """``text`` in the characters that 608 has, in one line; what only pictures say is left out."""
    characters = "".join(map(_written, unicodedata.normalize("NFC", text)))
    return " ".join(characters.split())


def pairs(row: str) -> int:
    """Byte pairs that the characters of a row take. ``row`` is `written`."""
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
    """Whether OBS sends these rows whole, in one message."""
    return (
        all(len(row) <= COLUMNS for row in rows)
        and sum(1 + pairs(row) for row in rows) <= ROOM
        and len("\n".join(rows).encode()) <= BYTES
    )


def foreign_script(text: str) -> str | None:
    """The script that 608 cannot write, if more than half of the letters are of one; else None."""
    scripts = [_script(character) for character in text if character.isalpha()]
    foreign = [script for script in scripts if script != "Latin"]
    return max(set(foreign), key=foreign.count) if 2 * len(foreign) > len(scripts) else None


def check_writable(language: str) -> str:
    """A language that closed captions can be sent in. Raises `BadRequest`."""
    code, *parts = language.lower().split("-")
    if code in _OTHER_SCRIPTS and "latn" not in parts:
        raise BadRequest(f"Closed captions (CEA-608) cannot be written in {language!r}: {_ADVICE}")
    return language


def refusal(script: str) -> str:
    """What a person is told whose captions are in ``script``."""
    return f"Closed captions (CEA-608) have no {script} letters: {_ADVICE}"


@lru_cache(maxsize=4096)
def _written(character: str) -> str:
    character = _INSTEAD.get(character, character)
    if character in CHARACTERS or character.isspace():
        return character
    latin = "".join(_INSTEAD.get(one, one) for one in anyascii(character) if one.isprintable())
    if (len(latin) > 2 and latin[0] == latin[-1] == ":") or "\U0001f1e6" <= character <= "\U0001f1ff":
        return ""  # a picture's name, a flag's letter
    return latin if latin or not character.isalnum() else _UNKNOWN


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """The first word of the letter's name in Unicode says it well enough."""
    name = unicodedata.name(letter, "UNKNOWN")
    words = name.removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ").removeprefix("MODIFIER LETTER ").split()
    if words[0] in ("LATIN", "FEMININE", "MASCULINE", "MICRO") or len(words) == 1:
        return "Latin"
    return {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}.get(
        words[0], words[0].capitalize()
    )
