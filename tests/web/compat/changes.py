"""Changes of captions for the tests of protocols."""

from __future__ import annotations

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.web.compat.transcript import CaptionChange


def words(text: str, start: float = 0.0, speaker: str | None = None) -> tuple[Word, ...]:
    """Words of half a second each; a part that begins with "+" follows without a space."""
    return tuple(
        Word(part.lstrip("+"), start + at / 2, start + at / 2 + 0.5, 0.9, not part.startswith("+"), speaker)
        for at, part in enumerate(text.split())
    )


def said(
    text: str, start: float = 0.0, *, final: bool = False, key: str = "c1", speaker: str | None = None
) -> CaptionChange:
    """A change with these new words."""
    new = words(text, start, speaker)
    return CaptionChange(Caption(key, 1, "Host", "en", new, (), final), new)
