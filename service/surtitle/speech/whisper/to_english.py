"""Whisper's own translation into English, one sentence at a time, with as little work as possible."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.core.errors import EngineError
from surtitle.core.words import Word, join
from surtitle.speech.whisper.features import HOP, Frames, LogMel
from surtitle.speech.whisper.hallucinations import remove_loops
from surtitle.speech.whisper.model import Prompt, WhisperModel
from surtitle.text.languages import AUTO

MAX_SECONDS = 25.0
"""Seconds of speech that are translated at once: Whisper accepts 30, and the audio may begin before the first word."""

_MAX_FRAMES = 3000  # 30 s, the length that Whisper was trained on
_MIN_FRAMES = 1500  # given to the encoder; with 1000 it loses whole sentences
_PADDING_FRAMES = 100  # of silence after the speech
_BASE_TOKENS, _MAX_TOKENS_PER_SECOND = 16, 8  # limits of the output: a loop costs no more than speech
_MAX_TOKENS = 224
_MIN_SCORE = (
    -1.5
)  # mean logarithm of the tokens' probabilities below which a second attempt with 30 s is worth its cost
_MAX_NO_SPEECH = 0.8  # probability of no speech above which a translation with a low score is dropped
_PADDING_SAMPLES = 200  # of silence, which complete the last frames


@dataclass(frozen=True, slots=True)
class EnglishText:
    """A translation; ``score`` is the mean logarithm of its tokens' probabilities.

    ``no_speech`` is the probability that nobody speaks.
    """

    text: str
    score: float
    no_speech: float


class EnglishDecoder(Protocol):
    """Translates with a model that may be used for other work at the same time."""

    @property
    def mels(self) -> int:
        """The rows of the features."""

    def translate(
        self, features: Frames, frames: int, language: str, max_tokens: int
    ) -> Generator[None, None, EnglishText]:
        """Translate ``features`` of shape (mels, n), of which the encoder is given ``frames``, with silence at the end.

        ``language`` is a code or "auto". Yields where other work may use the model. Raises `EngineError`.
        """


class SpeechToEnglish:
    """Translates in steps, and once more if the translation is poor."""

    def __init__(self, decoder: EnglishDecoder) -> None:
        self._decoder = decoder

    def steps(self, samples: Samples, language: str) -> Iterator[str | None]:
        """Translate up to `MAX_SECONDS` seconds of 16 kHz speech in ``language``, a code or "auto".

        Each `next` does a part of the work, so that other work can use the model in between. All items are None except
        the last, which is the text, or "" if nothing was said. Raises `EngineError`.
        """
        features = self._features(samples)
        max_tokens = min(_MAX_TOKENS, _BASE_TOKENS + int(_MAX_TOKENS_PER_SECOND * len(samples) / RATE))
        length = min(_MAX_FRAMES, max(_MIN_FRAMES, features.shape[1] + _PADDING_FRAMES))
        result = yield from self._decoder.translate(features, length, language, max_tokens)
        text, looped = _remove_repetitions(result)
        if length < _MAX_FRAMES and (result.score < _MIN_SCORE or looped):
            yield None
            result = yield from self._decoder.translate(features, _MAX_FRAMES, language, max_tokens)
            text, _ = _remove_repetitions(result)
        yield text

    def _features(self, samples: Samples) -> Frames:
        """The features of at most 30 s, shape (mels, frames)."""
        mel = LogMel(self._decoder.mels)
        mel.feed(np.concatenate((samples[: _MAX_FRAMES * HOP], np.zeros(_PADDING_SAMPLES, dtype=np.float32))))
        return mel.features()


class WhisperToEnglish:
    """An `EnglishDecoder` by CTranslate2."""

    def __init__(self, model: WhisperModel) -> None:
        self.mels = model.mels
        self._model = model
        self._tokenizer = cache(self._make_tokenizer)

    def translate(
        self, features: Frames, frames: int, language: str, max_tokens: int
    ) -> Generator[None, None, EnglishText]:
        try:
            padded = np.zeros((1, self.mels, frames), dtype=np.float32)
            known = min(frames, features.shape[1])
            padded[0, :, :known] = features[:, :known]
            encoded = self._model.encode(padded)
            yield
            if language == AUTO:
                language = self._model.detect_language(encoded)[0]
            tokenizer = self._tokenizer(language)
            (result,) = self._model.generate(encoded, [Prompt(tuple(tokenizer.sot_sequence))], max_tokens=max_tokens)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"Whisper could not translate these words ({error}).") from error
        text = tokenizer.decode([token for token in result.tokens if token < tokenizer.eot])
        return EnglishText(text, result.score, result.no_speech)

    def _make_tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._model.tokenizer, self._model.multilingual, "translate", language)


def _remove_repetitions(result: EnglishText) -> tuple[str, bool]:
    """The text of a translation without repetitions, and whether it had any; "" if nothing was said."""
    if result.score < _MIN_SCORE and result.no_speech > _MAX_NO_SPEECH:
        return "", False
    words = [Word(word, 0.0, 0.0) for word in result.text.split()]
    unlooped = remove_loops(words)
    return join(unlooped), len(unlooped) < len(words)
