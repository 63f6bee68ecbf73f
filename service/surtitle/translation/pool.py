"""A translation model that runs on the pool."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence

from surtitle.core.errors import EngineError
from surtitle.pool.address import read_address, strip_kind
from surtitle.pool.client import PoolClient
from surtitle.pool.messages import (
    MAX_TEXTS,
    TRANSLATION,
    TextToTranslate,
    TranslationAnswer,
    TranslationRequest,
)
from surtitle.translation.translator import Text

_CONNECTIONS = 2  # one thread translates, and one may still be waiting for an answer
_TIMEOUT = 20.0  # seconds for one batch


class PoolTranslator:
    """Sends batches of texts to the pool."""

    def __init__(self, model: str) -> None:
        """Ask the pool for the model; takes a moment, call in a thread. Raises `Unreachable`, `ModelError`."""
        self.model = model
        self._name = strip_kind(model)
        self._client = PoolClient(read_address(os.environ), _CONNECTIONS)
        try:
            self.codes = frozenset(self._client.describe(self._name, "translation").codes)
        except BaseException:
            self._client.close()
            raise
        self._source = secrets.token_hex(8)
        self._number = 0

    def translate(self, texts: Sequence[Text]) -> list[str]:
        """See `Translator.translate`. Raises `EngineError`."""
        packed = [TextToTranslate(text.text, text.source, text.target, text.before) for text in texts]
        translated: list[str] = []
        for at in range(0, len(packed), MAX_TEXTS):
            self._number += 1
            request = TranslationRequest(self._source, self._number, _TIMEOUT, tuple(packed[at : at + MAX_TEXTS]))
            translated += self._client.ask(self._name, TRANSLATION, request, TranslationAnswer).texts
        if len(translated) != len(packed):
            raise EngineError("The pool gave another number of translations than it was asked for.")
        return translated

    def close(self) -> None:
        self._client.close()
