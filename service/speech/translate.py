"""Whisper's own translation into English, a sentence at a time, for as little work as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from service.audio import RATE, Samples
from service.errors import EngineError
from service.speech.decoder import storage
from service.speech.features import HOP, Frames, LogMel
from service.speech.guards import without_loop
from service.speech.words import Word, join
from service.text.languages import AUTO

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
    """Translates with the weights of a `faster_whisper.WhisperModel`, which others may use at the same time."""

    def __init__(self, whisper: Any) -> None:
        self._whisper = whisper
        self._mels = int(whisper.model.n_mels)
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
        mel = LogMel(self._mels)
        mel.feed(np.concatenate((samples[: _FULL * HOP], np.zeros(_TAIL, dtype=np.float32))))
        return mel.features()

    def _encoded(self, features: Frames, length: int) -> Any:
        padded = np.zeros((1, self._mels, length), dtype=np.float32)
        frames = min(length, features.shape[1])
        padded[0, :, :frames] = features[:, :frames]
        return self._whisper.model.encode(storage(padded))

    def _generated(self, encoded: Any, seconds: float, language: str) -> tuple[str, float, bool]:
        """The text up to where it begins to repeat itself, how sure it is, and whether it did."""
        if language == AUTO:
            language = str(self._whisper.model.detect_language(encoded)[0][0][0]).strip("<|>")
        tokenizer = self._tokenizer(language)
        most = min(_MOST_TOKENS, _TOKENS + int(_TOKENS_PER_SECOND * seconds))
        (result,) = self._whisper.model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]],
            beam_size=1,
            max_length=2 * most,  # CTranslate2 leaves half of it to the prompt
            return_scores=True,
            return_no_speech_prob=True,
        )
        text = tokenizer.decode([token for token in result.sequences_ids[0] if token < tokenizer.eot]).strip()
        score = float(result.scores[0])
        if score < _POOR and result.no_speech_prob > _NO_SPEECH:
            return "", score, False
        words = [Word(word, 0.0, 0.0) for word in text.split()]
        once = without_loop(words)
        return join(once), score, len(once) < len(words)

    def _make_tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._whisper.hf_tokenizer, self._whisper.model.is_multilingual, "translate", language)
