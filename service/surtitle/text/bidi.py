"""Marks for players that lay out every line from left to right. Pure.

Without them, the punctuation of Arabic or Hebrew lines is at the wrong end, and a name before the text on the wrong
side. See the Unicode Bidirectional Algorithm (UAX #9), explicit directional embeddings.
"""

from __future__ import annotations

import unicodedata

_EMBEDDING, _POP = "\u202b", "\u202c"  # right-to-left embedding, and its end


def is_right_to_left(text: str) -> bool:
    """Whether more of the letters are written from right to left than from left to right."""
    directions = [unicodedata.bidirectional(character) for character in text]
    return directions.count("R") + directions.count("AL") > directions.count("L")


def embed_right_to_left(text: str) -> str:
    """Each line of ``text`` as one that is laid out from right to left."""
    return "\n".join(f"{_EMBEDDING}{line}{_POP}" for line in text.split("\n"))
