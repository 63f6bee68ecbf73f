"""The interface of translators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Text:
    """A text to translate; languages are NLLB's codes. The translation has to begin with ``before``."""

    text: str
    source: str
    target: str
    before: str = ""


class Translator(Protocol):
    """Translates several texts at once. Blocks: call it in a thread of its own."""

    model: str
    codes: frozenset[str]
    """The NLLB codes of the languages that the model supports."""

    def translate(self, texts: Sequence[Text]) -> list[str]:
        """The continuation of each translation after ``before``, with the space between them."""
        ...


def max_output_tokens(tokens: int) -> int:
    """The maximum number of tokens in a translation of ``tokens`` tokens, which stops endless repetitions."""
    return 2 * tokens + 16
