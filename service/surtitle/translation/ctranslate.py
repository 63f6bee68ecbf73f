"""NLLB with CTranslate2, which is fast on CPUs and needs no torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from surtitle.core.errors import ModelError
from surtitle.translation.pieces import SubwordTokenizer
from surtitle.translation.translator import Text, max_output_tokens

_NO_REPEAT_SIZE = 5  # tokens; no sequence of this length may be repeated


class CTranslate2Translator:
    """Translates in batches. Every text is encoded again, because the library's translator has no separate encoder."""

    def __init__(self, directory: Path, model: str) -> None:
        """Raises `ModelError`."""
        import ctranslate2

        self.model = model
        self._tokenizer = SubwordTokenizer(directory)
        self.codes = self._tokenizer.codes
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
        sources = [self._tokenizer.encode_source(text.text, text.source) for text in texts]
        prefixes = [[text.target, *self._tokenizer.encode(text.before)] for text in texts]
        results = self._translator.translate_batch(
            sources,
            target_prefix=prefixes,
            beam_size=1,
            max_decoding_length=max(max_output_tokens(len(source)) for source in sources),
            no_repeat_ngram_size=_NO_REPEAT_SIZE,
        )
        return [
            self._tokenizer.decode(result.hypotheses[0][len(prefix) :])
            for result, prefix in zip(results, prefixes, strict=True)
        ]
