"""NLLB on CTranslate2: fast on processors, and without torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from surtitle.core.errors import ModelError
from surtitle.translation.pieces import Pieces
from surtitle.translation.translator import Text, room

_REPEATED = 5  # tokens that may not come twice in the same order


class CTranslate2Translator:
    """Texts are batched; the library encodes each anew, for it offers no encoder of its own for translation."""

    def __init__(self, directory: Path, model: str) -> None:
        """Raises `ModelError`."""
        import ctranslate2

        self.model = model
        self._pieces = Pieces(directory)
        self.codes = self._pieces.codes
        gpu = ctranslate2.get_cuda_device_count() > 0
        try:
            self._translator = ctranslate2.Translator(
                str(directory),
                device="cuda" if gpu else "cpu",
                compute_type="auto" if gpu else "int8",
                intra_threads=max(1, (os.cpu_count() or 1) // 2),
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{directory} cannot be loaded by CTranslate2 ({error}): convert the model again."
            ) from error

    def translate(self, texts: Sequence[Text]) -> list[str]:
        sources = [self._pieces.source(text.text, text.source) for text in texts]
        prefixes = [[text.target, *self._pieces.of(text.before)] for text in texts]
        results = self._translator.translate_batch(
            sources,
            target_prefix=prefixes,
            beam_size=1,
            max_decoding_length=max(room(len(source)) for source in sources),
            no_repeat_ngram_size=_REPEATED,
        )
        return [
            self._pieces.text(result.hypotheses[0][len(prefix) :])
            for result, prefix in zip(results, prefixes, strict=True)
        ]
