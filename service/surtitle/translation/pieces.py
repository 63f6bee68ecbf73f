"""Text into a model's tokens and back, as NLLB has them: the language's code, the text, the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from surtitle.core.errors import ModelError
from surtitle.text.language_names import languages

END = "</s>"
_SPACE = "▁"


class Pieces:
    """A model's tokenizer. Thread-safe."""

    def __init__(self, directory: Path) -> None:
        """Raises `ModelError`."""
        file = directory / "tokenizer.json"
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises nothing more specific
            raise ModelError(
                f"{file} cannot be read: a translation model needs NLLB's tokenizer.json beside it."
            ) from error
        self._vocabulary = self._tokenizer.get_vocab()
        self.codes = frozenset(one.nllb for one in languages().values() if one.nllb in self._vocabulary)
        if not self.codes:
            raise ModelError(f"{directory} knows none of NLLB's languages: give an NLLB-200 model.")

    def source(self, text: str, code: str) -> list[str]:
        """What the encoder reads."""
        return [code, *self.of(text), END]

    def of(self, text: str) -> list[str]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).tokens) if text else []

    def numbers(self, tokens: Sequence[str]) -> list[int]:
        return [self._vocabulary[token] for token in tokens]

    def tokens(self, numbers: Sequence[int]) -> list[str]:
        return [str(self._tokenizer.id_to_token(number)) for number in numbers]

    def text(self, tokens: Sequence[str]) -> str:
        """The text of tokens that follow others: with a space before it if they begin a word."""
        said = str(self._tokenizer.decode(self.numbers(tokens), skip_special_tokens=True)).strip()
        return f" {said}" if said and tokens[0].startswith(_SPACE) else said
