"""A Whisper model loaded with CTranslate2: encodes, generates text after a prefix, and aligns words."""

from __future__ import annotations

import logging
import struct
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from surtitle.core.hardware import has_gpu
from surtitle.speech.whisper.model_file import MAX_BYTES, read_vocabulary, write_reordered
from surtitle.speech.whisper.token_order import TokenOrder

log = logging.getLogger("surtitle.speech")

T = TypeVar("T")

MAX_FRAMES = 3000
"""Frames in 30 s, the length that Whisper was trained on."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The tokens that the model is given: ``before`` ends with language and task; the text begins with ``prefix``."""

    before: tuple[int, ...]
    prefix: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """The text of one window: ``tokens`` include the prefix; ``score`` is the mean logarithm of their probabilities.

    ``no_speech`` is the probability that nobody speaks.
    """

    tokens: list[int]
    no_speech: float
    score: float


class WhisperModel:
    """One loaded model, safe to use from several threads. All tokens are numbers in the model's own vocabulary."""

    def __init__(self, whisper: Any, order: TokenOrder | None = None) -> None:
        """``whisper`` is a `faster_whisper.WhisperModel` with its tokens in ``order``; None means its own order."""
        self._model = whisper.model
        self._order = order
        self.tokenizer = whisper.hf_tokenizer
        self.languages: frozenset[str] = frozenset(whisper.supported_languages)
        self.mels = int(whisper.model.n_mels)
        self.multilingual = bool(whisper.model.is_multilingual)
        self.on_cpu = whisper.model.device == "cpu"
        self.workers = int(whisper.model.num_workers)
        self.prefixes_are_cheap = order is not None or not self.on_cpu
        self._no_timestamps = int(self.tokenizer.token_to_id("<|notimestamps|>"))

    @classmethod
    def load(cls, directory: Path, threads: int, workers: int) -> WhisperModel:
        """Load a CTranslate2 directory and decode once; takes seconds, call in a thread.

        The first decoding reveals missing GPU libraries, and makes the first caption faster. Raises what CTranslate2
        and faster-whisper raise.
        """
        return on_best_device(lambda device: cls._load(directory, device, threads, workers))

    @classmethod
    def _load(cls, directory: Path, device: str, threads: int, workers: int) -> WhisperModel:
        with tempfile.TemporaryDirectory(prefix="surtitle-") as folder:
            order = _reorder(directory, Path(folder)) if device == "cpu" else None
            model = cls(load_faster_whisper(Path(folder) if order else directory, device, threads, workers), order)
        silence = model.encode(np.zeros((1, model.mels, MAX_FRAMES), dtype=np.float32))
        model.generate(silence, [Prompt((model.tokenizer.token_to_id("<|startoftranscript|>"),))], max_tokens=1)
        return model

    def encode(self, features: npt.NDArray[np.float32], *, to_cpu: bool = False) -> Any:
        """Encode features of shape (windows, mels, frames)."""
        return self._model.encode(to_storage_view(features), to_cpu=to_cpu)

    def detect_language(self, encoded: Any) -> tuple[str, float]:
        """The most likely language of the first window, and its probability."""
        if not self.multilingual:
            return "en", 1.0
        token, probability = self._model.detect_language(encoded)[0][0]
        return str(token).strip("<|>"), float(probability)

    def generate(
        self,
        encoded: Any,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int,
        beams: int = 1,
        suppressed: Sequence[int] = (-1,),
        allow_blank: bool = False,
        no_repeat: int = 0,
    ) -> list[GeneratedText]:
        """Generate text without timestamps for each window.

        The ``before`` of all prompts must have the same length. The best of ``beams`` texts is returned, with at most
        ``max_tokens`` tokens after the prefix and none of the ``suppressed`` ones (-1 stands for the model's own list).
        ``allow_blank`` allows for no text at all. As many tokens as ``no_repeat`` never appear twice in the same order;
        0 allows that.
        """
        prompt_end = self._order.find_prompt_end([prompt.prefix for prompt in prompts]) if self._order else None
        # the tokens of the prefixes that are read one per step
        stepped = max(len(prompt.prefix) for prompt in prompts) - (prompt_end or 0) + 1
        given = max(len(prompt.before) for prompt in prompts) + (prompt_end or 0) + 1
        results = self._model.generate(
            encoded,
            [self._tokens(prompt, prompt_end) for prompt in prompts],
            beam_size=beams,
            # CTranslate2 uses half of it, or what the prompt leaves
            max_length=max(2 * (max_tokens + stepped), max_tokens + stepped + given),
            suppress_tokens=self._reorder_suppressed(suppressed),
            suppress_blank=not allow_blank,
            no_repeat_ngram_size=no_repeat,
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [
            GeneratedText(
                self._text(prompt, prompt_end, result.sequences_ids[0]), result.no_speech_prob, result.scores[0]
            )
            for prompt, result in zip(prompts, results, strict=True)
        ]

    def align(
        self, encoded: Any, before: Sequence[int], texts: Sequence[list[int]], frames: Sequence[int]
    ) -> list[Any]:
        """Align each text with the audio, and return CTranslate2's results; ``before`` has language and task."""
        if self._order:
            before, texts = self._order.reorder(before), [self._order.reorder(text) for text in texts]
        results: list[Any] = self._model.align(encoded, list(before), list(texts), list(frames))
        return results

    def _tokens(self, prompt: Prompt, prompt_end: int | None) -> list[int]:
        if self._order:
            return self._order.build_prompt(prompt.before, prompt.prefix, prompt_end)
        return [*prompt.before, self._no_timestamps, *prompt.prefix]

    def _text(self, prompt: Prompt, prompt_end: int | None, tokens: Sequence[int]) -> list[int]:
        """The prefix and the generated text, from the ``tokens`` after the prompt that CTranslate2 returns."""
        if self._order:
            tokens = self._order.restore(tokens)
        if prompt_end is None:
            return list(tokens)
        return [*prompt.prefix[: prompt_end - 1], *tokens] if prompt_end else list(tokens[1:])

    def _reorder_suppressed(self, tokens: Sequence[int]) -> list[int]:
        if not self._order:
            return list(tokens)
        listed = self._order.reorder(token for token in (*tokens, self._order.timestamp_token) if token >= 0)
        return [*listed, *(token for token in tokens if token < 0)]


def _reorder(directory: Path, target: Path) -> TokenOrder | None:
    """Write the model's files with their tokens in a faster order; None for a model that must be loaded unchanged."""
    try:
        if (directory / "model.bin").stat().st_size > MAX_BYTES:
            return None
        order = TokenOrder.from_vocabulary(read_vocabulary(directory))
        write_reordered(directory, order, target)
        return order
    except (OSError, ValueError, KeyError, struct.error) as error:
        log.info("the model in %s is loaded unchanged (%s)", directory, error)
        return None


def on_best_device(load: Callable[[str], T]) -> T:
    """Return ``load("cuda")``, or ``load("cpu")`` where there is no GPU or the libraries for it are missing."""
    if has_gpu():
        try:
            return load("cuda")
        except RuntimeError as error:
            # CTranslate2 finds a GPU but not the libraries for it; the processor always works.
            log.warning("the GPU cannot be used (%s): Whisper runs on the processor", error)
    return load("cpu")


def load_faster_whisper(directory: Path, device: str, threads: int, workers: int) -> Any:
    """Load a `faster_whisper.WhisperModel` with the best number format for the device."""
    import faster_whisper

    return faster_whisper.WhisperModel(
        str(directory), device=device, compute_type="auto", cpu_threads=threads, num_workers=workers
    )


def to_storage_view(array: npt.NDArray[np.float32]) -> Any:
    """Convert an array to CTranslate2's `StorageView`."""
    from ctranslate2 import StorageView

    return StorageView.from_array(array)
