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

LONGEST = 25.0
"""Seconds of speech that are translated at once: Whisper hears 30, and a sentence may begin before its first word."""

_FULL = 3000  # frames: the 30 s that Whisper was trained on
_CONTEXT = 1500  # frames that the encoder is given at least; with 1000 it loses whole sentences
_AFTER = 100  # frames of nothing after the speech
_TOKENS, _TOKENS_PER_SECOND = 16, 8  # that may be written: a loop costs no more than speech
_MOST_TOKENS = 224
_POOR = -1.5  # mean logarithm of the tokens' probabilities below which the full context is worth its price
_NO_SPEECH = 0.8  # probability of no speech from which a poor translation is none
_TAIL = 200  # samples of silence that complete the last frames


class SpeechToEnglish:
    """Translates with a model that others may use at the same time."""

    def __init__(self, model: WhisperModel) -> None:
        self._model = model
        self._tokenizer = cache(self._make_tokenizer)

    def steps(self, samples: Samples, language: str) -> Iterator[str | None]:
        """Translate up to `LONGEST` seconds of 16 kHz speech in ``language``, a code or "auto".

        Each `next` does a part of the work, so that somebody else can use the model in between. It gives None until
        the last, which is the text; "" if nothing was said. Raises `EngineError`.
        """
        try:
            features = self._features(samples)
            length = min(_FULL, max(_CONTEXT, features.shape[1] + _AFTER))
            encoded = self._encoded(features, length)
            yield None
            text, score, looped = self._generated(encoded, len(samples) / RATE, language)
            if length < _FULL and (score < _POOR or looped):
                yield None
                encoded = self._encoded(features, _FULL)
                yield None
                text, score, looped = self._generated(encoded, len(samples) / RATE, language)
            yield text
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"Whisper could not translate these words ({error}).") from error

    def _features(self, samples: Samples) -> Frames:
        """Shape (mels, frames), at most 30 s."""
        mel = LogMel(self._model.mels)
        mel.feed(np.concatenate((samples[: _FULL * HOP], np.zeros(_TAIL, dtype=np.float32))))
        return mel.features()

    def _encoded(self, features: Frames, length: int) -> Any:
        padded = np.zeros((1, self._model.mels, length), dtype=np.float32)
        frames = min(length, features.shape[1])
        padded[0, :, :frames] = features[:, :frames]
        return self._model.encode(padded)

    def _generated(self, encoded: Any, seconds: float, language: str) -> tuple[str, float, bool]:
        """The text up to where it begins to repeat itself, how sure it is, and whether it did."""
        if language == AUTO:
            language = self._model.detect_language(encoded)[0]
        tokenizer = self._tokenizer(language)
        most = min(_MOST_TOKENS, _TOKENS + int(_TOKENS_PER_SECOND * seconds))
        (result,) = self._model.generate(encoded, [Prompt(tuple(tokenizer.sot_sequence))], max_tokens=most)
        text = tokenizer.decode([token for token in result.tokens if token < tokenizer.eot]).strip()
        if result.score < _POOR and result.no_speech > _NO_SPEECH:
            return "", result.score, False
        words = [Word(word, 0.0, 0.0) for word in text.split()]
        once = remove_loops(words)
        return join(once), result.score, len(once) < len(words)

    def _make_tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._model.tokenizer, self._model.multilingual, "translate", language)
