"""What every translator does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Text:
    """What is to be translated; the languages are NLLB's codes. The translation begins with ``before``."""

    text: str
    source: str
    target: str
    before: str = ""


class Translator(Protocol):
    """Translates several texts at once; blocks, for a thread of its own."""

    model: str
    codes: frozenset[str]
    """The languages that the model knows."""

    def translate(self, texts: Sequence[Text]) -> list[str]:
        """How each translation goes on after ``before``, with the space that stands between."""
        ...


def room(tokens: int) -> int:
    """How many tokens the translation of so many may have: those who repeat themselves are stopped."""
    return 2 * tokens + 16
