"""A Whisper model in MLX: what `mlx_whisper` does, in one thread, because MLX's arrays belong to threads.

The package is imported when a model is loaded. It documents `transcribe`, which decodes files of any length; this uses
the functions of which that consists, which tests/speech/mlx checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from surtitle.core.errors import EngineError, ModelError
from surtitle.speech.whisper.decoding import MAX_FRAMES
from surtitle.speech.whisper.features import Frames
from surtitle.speech.whisper.to_english import EnglishText

_NON_SPEECH = -1  # mlx_whisper's name for all tokens that are no speech
_MIN_ALIGNED = 16  # frames: the filter of the alignment needs some
_TIMEOUT = 60.0  # seconds for a decoding, or those before it

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """A word as it is spelled, with the space before it, and its times in seconds from the window's start."""

    spelled: str
    tokens: tuple[int, ...]
    start: float
    end: float
    probability: float


class MlxModel:
    """A loaded model; may be used by any thread."""

    def __init__(self, directory: Path) -> None:
        """Load MLX weights; takes seconds. Raises `ModelError`."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="mlx")
        try:
            self._executor.submit(self._load, directory).result()
        except Exception as error:
            self._executor.shutdown(wait=False)
            raise ModelError(
                f"Cannot load the model in {directory} ({error}): it must be a Whisper model converted for MLX."
            ) from error

    def decode(
        self,
        features: Frames,
        language: str,
        context: Sequence[int],
        prefix: Sequence[int],
        *,
        suppressed: Sequence[int],
        may_end: bool,
        max_tokens: int,
    ) -> tuple[list[AlignedWord], float]:
        """Decode ``features`` of shape (mels, n), with silence after them.

        The text begins with ``prefix`` and has up to ``max_tokens`` more tokens. Returns all of its words, and the
        probability that nobody speaks. Raises `EngineError`.
        """

        def run() -> tuple[list[AlignedWord], float]:
            encoded = self._encode(features)
            options = self._decoding.DecodingOptions(
                language=language,
                sample_len=max_tokens,
                prompt=list(context) or None,
                prefix=list(prefix) or None,
                suppress_tokens=[_NON_SPEECH, *suppressed],
                suppress_blank=not may_end,
                without_timestamps=True,
                fp16=self._half,
            )
            result = self._decoding.decode(self._whisper, encoded[0], options)
            tokens = [*prefix, *result.tokens]
            aligned = self._timing.find_alignment(
                _Encoded(self._whisper, encoded),
                self._tokenizer(language),
                tokens,
                encoded[0],
                max(_MIN_ALIGNED, min(MAX_FRAMES, features.shape[1])),
            )
            words = [
                AlignedWord(
                    word.word,
                    tuple(word.tokens),
                    float(word.start),
                    max(float(word.start), float(word.end)),
                    float(word.probability),
                )
                for word in aligned
            ]
            return words, float(result.no_speech_prob)

        return self._run(run)

    def translate(self, features: Frames, language: str, max_tokens: int) -> EnglishText:
        """Translate ``features`` of shape (mels, n) into English, with silence after them. Raises `EngineError`."""

        def run() -> EnglishText:
            options = self._decoding.DecodingOptions(
                task="translate", language=language, sample_len=max_tokens, without_timestamps=True, fp16=self._half
            )
            result = self._decoding.decode(self._whisper, self._encode(features)[0], options)
            return EnglishText(result.text, float(result.avg_logprob), float(result.no_speech_prob))

        return self._run(run)

    def detect_language(self, features: Frames) -> tuple[str, float]:
        """The most likely language, and its probability. Raises `EngineError`."""
        if not self.multilingual:
            return "en", 1.0

        def run() -> tuple[str, float]:
            _, (probabilities,) = self._decoding.detect_language(self._whisper, self._encode(features))
            best = max(probabilities, key=probabilities.__getitem__)
            return best, float(probabilities[best])

        return self._run(run)

    def encode_text(self, text: str) -> list[int]:
        """The tokens of a text."""
        return list(self._tokenizer("en").encode(text))

    def decode_text(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        return str(self._tokenizer("en").decode(list(tokens)))

    def close(self) -> None:
        """Free the memory, as soon as no thread decodes any more."""
        self._executor.shutdown(wait=False)

    def _load(self, directory: Path) -> None:
        import mlx.core
        from mlx_whisper import decoding, load_models, timing, tokenizer

        self._mlx, self._decoding, self._timing = mlx.core, decoding, timing
        self._half = mlx.core.default_device().type == mlx.core.DeviceType.gpu  # processors are slower with it
        self._type = mlx.core.float16 if self._half else mlx.core.float32
        self._whisper = load_models.load_model(str(directory), self._type)
        self.mels: int = self._whisper.dims.n_mels
        self.multilingual: bool = self._whisper.is_multilingual
        count: int = self._whisper.num_languages
        self.languages: tuple[str, ...] = tuple(tokenizer.LANGUAGES)[:count] if self.multilingual else ("en",)

        def make_tokenizer(language: str) -> Any:
            return tokenizer.get_tokenizer(self.multilingual, num_languages=count, language=language, task="transcribe")

        self._tokenizer: Callable[[str], Any] = cache(make_tokenizer)

    def _encode(self, features: Frames) -> Any:
        """The encoder's output, shape (1, positions, width), for 30 seconds, which is what it is made for."""
        padded = np.zeros((1, MAX_FRAMES, self.mels), dtype=np.float32)
        padded[0, : features.shape[1]] = features[:, :MAX_FRAMES].T
        return self._whisper.embed_audio(self._mlx.array(padded).astype(self._type))

    def _run(self, work: Callable[[], T]) -> T:
        """Do it in MLX's thread. Raises `EngineError`."""
        try:
            return self._executor.submit(work).result(_TIMEOUT)
        except FutureTimeoutError as error:
            raise EngineError("MLX did not answer within a minute: choose a smaller model.") from error
        except Exception as error:
            message = f"MLX failed to decode these words ({error}): captions continue with the next."
            raise EngineError(message) from error


class _Encoded:
    """A model for `find_alignment` whose encoder is not run a second time."""

    def __init__(self, whisper: Any, encoded: Any) -> None:
        self.alignment_heads = whisper.alignment_heads
        self._whisper, self._encoded = whisper, encoded

    def forward_with_cross_qk(self, _: Any, tokens: Any) -> tuple[Any, Any]:
        logits, _, attention = self._whisper.decoder(tokens, self._encoded)
        return logits, attention
