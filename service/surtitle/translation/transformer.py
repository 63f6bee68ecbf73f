"""NLLB with torch, loaded by nllw: any checkpoint that transformers reads. Needs the extra `translation`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from surtitle.core.errors import ModelError
from surtitle.translation.pieces import END, SubwordTokenizer
from surtitle.translation.translator import Text, max_output_tokens

_NO_REPEAT_SIZE = 5  # tokens; no sequence of this length may be repeated


class TransformersTranslator:
    """Encodes each text once for all languages, and decodes all of them together."""

    def __init__(self, directory: Path, model: str) -> None:
        """Raises `ModelError`."""
        try:
            import torch
            from nllw.core import TranslationModel
            from transformers import AutoModelForSeq2SeqLM
        except ImportError as error:
            raise ModelError(
                f"The model in {directory} needs torch: run `pip install 'surtitle[translation]'`, "
                "or use a model converted by CTranslate2."
            ) from error
        self.model = model
        self._threads = max(1, (os.cpu_count() or 1) // 2)
        self._tokenizer = SubwordTokenizer(directory)
        self.codes = self._tokenizer.codes
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            network = AutoModelForSeq2SeqLM.from_pretrained(directory, dtype=torch.float32, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"{directory} cannot be loaded by transformers ({error}): fetch the model again."
            ) from error
        self._model = TranslationModel(network.eval().to(device), device, model_name=str(directory))

    def translate(self, texts: Sequence[Text]) -> list[str]:
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        torch.set_num_threads(self._threads)  # for this thread; waiting threads spin, so more would slow recognition
        network, device = self._model.translator, self._model.device
        distinct = list(dict.fromkeys((text.text, text.source) for text in texts))
        sources = [self._tokenizer.to_ids(self._tokenizer.encode_source(*each)) for each in distinct]
        prefixes = [self._tokenizer.to_ids(self._tokenizer.encode(text.before)) for text in texts]
        end = network.config.eos_token_id
        with torch.inference_mode():
            tokens, mask = _pad(sources, network.config.pad_token_id, device)
            encoded = network.get_encoder()(input_ids=tokens, attention_mask=mask).last_hidden_state
            rows = torch.tensor([distinct.index((text.text, text.source)) for text in texts], device=device)
            begin = torch.tensor([[end, *self._tokenizer.to_ids([text.target])] for text in texts], device=device)
            written = network.generate(
                encoder_outputs=BaseModelOutput(encoded[rows]),
                attention_mask=mask[rows],
                decoder_input_ids=begin,
                logits_processor=[_ForcedPrefix(prefixes, begin.shape[1])],
                max_new_tokens=max(map(len, prefixes)) + max(max_output_tokens(len(source)) for source in sources),
                max_length=None,
                num_beams=1,
                do_sample=False,
                no_repeat_ngram_size=_NO_REPEAT_SIZE,
            ).tolist()
        found = []
        for row, prefix in zip(written, prefixes, strict=True):
            after = self._tokenizer.from_ids(row[begin.shape[1] + len(prefix) :])
            found.append(self._tokenizer.decode(after[: after.index(END)] if END in after else after))
        return found


class _ForcedPrefix:
    """A logits processor that makes each row begin with its prefix, after ``given`` tokens."""

    def __init__(self, prefixes: list[list[int]], given: int) -> None:
        self._prefixes = prefixes
        self._given = given

    def __call__(self, written: Any, scores: Any) -> Any:
        at = written.shape[1] - self._given
        for row, prefix in enumerate(self._prefixes):
            if at < len(prefix):
                scores[row] = float("-inf")
                scores[row, prefix[at]] = 0.0
        return scores


def _pad(rows: list[list[int]], pad: int, device: str) -> tuple[Any, Any]:
    import torch

    longest = max(map(len, rows))
    tokens = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
    return tokens, mask
