"""Scripts that are written without spaces between words. Pure."""

from __future__ import annotations

UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Character ranges for a class in a regular expression: Thai, Lao, Myanmar, Khmer, kana and ideographs."""

_RANGES = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF))


def is_unspaced(character: str) -> bool:
    """Whether ``character`` belongs to a script in which a line may end after any letter."""
    code = ord(character)
    return any(first <= code <= last for first, last in _RANGES) or 0xF900 <= code <= 0xFAFF or code >= 0x20000
