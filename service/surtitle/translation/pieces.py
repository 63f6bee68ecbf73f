"""Converts between text and a model's tokens in NLLB's format: the language's code, the text, the end token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from surtitle.core.errors import ModelError
from surtitle.text.language_names import languages

END = "</s>"
_SPACE = "▁"


class SubwordTokenizer:
    """A model's tokenizer. Thread-safe."""

    def __init__(self, directory: Path) -> None:
        """Raises `ModelError`."""
        file = directory / "tokenizer.json"
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises nothing more specific
            raise ModelError(
                f"{file} cannot be read: put NLLB's tokenizer.json next to the translation model."
            ) from error
        self._vocabulary = self._tokenizer.get_vocab()
        self.codes = frozenset(one.nllb for one in languages().values() if one.nllb in self._vocabulary)
        if not self.codes:
            raise ModelError(f"{directory} supports none of NLLB's languages: use an NLLB-200 model.")

    def encode_source(self, text: str, code: str) -> list[str]:
        """The encoder's input for a text in the language ``code``."""
        return [code, *self.encode(text), END]

    def encode(self, text: str) -> list[str]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).tokens) if text else []

    def to_ids(self, tokens: Sequence[str]) -> list[int]:
        return [self._vocabulary[token] for token in tokens]

    def from_ids(self, numbers: Sequence[int]) -> list[str]:
        return [str(self._tokenizer.id_to_token(number)) for number in numbers]

    def decode(self, tokens: Sequence[str]) -> str:
        """The text of tokens that follow others, with a leading space if they begin a word."""
        text = str(self._tokenizer.decode(self.to_ids(tokens), skip_special_tokens=True)).strip()
        return f" {text}" if text and tokens[0].startswith(_SPACE) else text
