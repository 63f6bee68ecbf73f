"""Marks for players that lay out every line from left to right. Pure.

Without them, the punctuation of Arabic or Hebrew lines is at the wrong end, and a name before the text on the wrong
side. See the Unicode Bidirectional Algorithm (UAX #9), explicit directional embeddings.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

RIGHT_TO_LEFT_SCRIPTS = ("Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm")
"""By ISO 15924."""

_EMBEDDING, _POP = "\u202b", "\u202c"  # right-to-left embedding, and its end


def is_right_to_left(text: str, language: str) -> bool:
    """Whether a text is laid out from right to left.

    It is if more of its letters are written so than from left to right, or any, in a ``language`` that is written so:
    an Arabic sentence may consist of English names for the most part. A number without letters is in the direction of
    the language, which decides on which side its full stop is; Arabic digits are in that of Arabic.
    """
    directions = [unicodedata.bidirectional(character) for character in text]
    count, opposite = directions.count("R") + directions.count("AL"), directions.count("L")
    if not count and not opposite:
        return "AN" in directions or ("EN" in directions and _is_language_right_to_left(language))
    return count > opposite or (count > 0 and _is_language_right_to_left(language))


@lru_cache(100)
def _is_language_right_to_left(tag: str) -> bool:
    from langcodes import Language, tag_is_valid

    return tag_is_valid(tag) and Language.get(tag).maximize().script in RIGHT_TO_LEFT_SCRIPTS


def embed_right_to_left(text: str) -> str:
    """Each line of ``text`` as one that is laid out from right to left."""
    return "\n".join(f"{_EMBEDDING}{line}{_POP}" for line in text.split("\n"))
