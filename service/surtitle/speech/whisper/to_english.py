"""Whisper's own translation into English, one sentence at a time, with as little work as possible."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

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


class SpeechToEnglish:
    """Translates with a model that may be used for other work at the same time."""

    def __init__(self, model: WhisperModel) -> None:
        self._model = model
        self._tokenizer = cache(self._make_tokenizer)

    def steps(self, samples: Samples, language: str) -> Iterator[str | None]:
        """Translate up to `MAX_SECONDS` seconds of 16 kHz speech in ``language``, a code or "auto".

        Each `next` does a part of the work, so that other work can use the model in between. All items are None except
        the last, which is the text, or "" if nothing was said. Raises `EngineError`.
        """
        try:
            features = self._features(samples)
            length = min(_MAX_FRAMES, max(_MIN_FRAMES, features.shape[1] + _PADDING_FRAMES))
            encoded = self._encode(features, length)
            yield None
            text, score, looped = self._generate(encoded, len(samples) / RATE, language)
            if length < _MAX_FRAMES and (score < _MIN_SCORE or looped):
                yield None
                encoded = self._encode(features, _MAX_FRAMES)
                yield None
                text, score, looped = self._generate(encoded, len(samples) / RATE, language)
            yield text
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"Whisper could not translate these words ({error}).") from error

    def _features(self, samples: Samples) -> Frames:
        """The features of at most 30 s, shape (mels, frames)."""
        mel = LogMel(self._model.mels)
        mel.feed(np.concatenate((samples[: _MAX_FRAMES * HOP], np.zeros(_PADDING_SAMPLES, dtype=np.float32))))
        return mel.features()

    def _encode(self, features: Frames, length: int) -> Any:
        padded = np.zeros((1, self._model.mels, length), dtype=np.float32)
        frames = min(length, features.shape[1])
        padded[0, :, :frames] = features[:, :frames]
        return self._model.encode(padded)

    def _generate(self, encoded: Any, seconds: float, language: str) -> tuple[str, float, bool]:
        """The text without repetitions, its score, and whether it had repetitions."""
        if language == AUTO:
            language = self._model.detect_language(encoded)[0]
        tokenizer = self._tokenizer(language)
        max_tokens = min(_MAX_TOKENS, _BASE_TOKENS + int(_MAX_TOKENS_PER_SECOND * seconds))
        (result,) = self._model.generate(encoded, [Prompt(tuple(tokenizer.sot_sequence))], max_tokens=max_tokens)
        text = tokenizer.decode([token for token in result.tokens if token < tokenizer.eot]).strip()
        if result.score < _MIN_SCORE and result.no_speech > _MAX_NO_SPEECH:
            return "", result.score, False
        words = [Word(word, 0.0, 0.0) for word in text.split()]
        unlooped = remove_loops(words)
        return join(unlooped), result.score, len(unlooped) < len(words)

    def _make_tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._model.tokenizer, self._model.multilingual, "translate", language)
