"""Punctuation and capitals for models that write none, by a network of sherpa-onnx that comes with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from surtitle.core.errors import ModelError
from surtitle.core.words import Word
from surtitle.text.punctuation import FULL_STOPS, PAUSES, TERMINATORS

_FOLDERS = "*punct*"  # such as sherpa-onnx-online-punct-en-2024-08-06
_NETWORKS = ("model.int8.onnx", "model.onnx")
_VOCABULARY = "bpe.vocab"
_MARKS = FULL_STOPS + PAUSES + TERMINATORS


class Punctuator:
    """Adds marks and capitals to English words in lower case."""

    def __init__(self, folder: Path) -> None:
        """Load the network of a folder. Raises `ModelError`."""
        from sherpa_onnx import OnlinePunctuation, OnlinePunctuationConfig, OnlinePunctuationModelConfig

        network = next((folder / name for name in _NETWORKS if (folder / name).is_file()), None)
        if network is None or not (folder / _VOCABULARY).is_file():
            raise ModelError(f"{folder} has no {_NETWORKS[1]} with {_VOCABULARY}: complete it, or remove the folder.")
        try:
            config = OnlinePunctuationModelConfig(cnn_bilstm=str(network), bpe_vocab=str(folder / _VOCABULARY))
            self._network: Any = OnlinePunctuation(OnlinePunctuationConfig(config))
        except Exception as error:
            raise ModelError(
                f"Cannot load the model for punctuation in {folder} ({error}): remove the folder."
            ) from error

    def punctuate(self, words: Sequence[Word], *, whole: bool) -> list[Word]:
        """The words with marks and capitals; without ``whole``, the last one gets no mark, since others may follow."""
        if not words:
            return []
        texts = self._network.add_punctuation_with_case(" ".join(word.text for word in words)).split()
        if len(texts) != len(words):  # a word with a space in it
            return list(words)
        if not whole:
            texts[-1] = texts[-1].rstrip(_MARKS) or words[-1].text
        return [replace(word, text=text) for word, text in zip(words, texts, strict=True)]


def find_punctuator(directory: Path) -> Path | None:
    """The folder of a network for punctuation in a model's folder, or None."""
    return next((path for path in sorted(directory.glob(_FOLDERS)) if path.is_dir()), None)
