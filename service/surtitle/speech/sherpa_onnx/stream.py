"""One source's decoding by a streaming model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.core.errors import EngineError
from surtitle.core.words import Hypothesis, Word
from surtitle.speech.commitment import CommittedWords
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.plain_text import add_period, capitalize
from surtitle.speech.policy import Display, HoldBack
from surtitle.speech.sherpa_onnx.languages import guess_language
from surtitle.speech.sherpa_onnx.model import SherpaModel
from surtitle.speech.sherpa_onnx.punctuation import Punctuator
from surtitle.speech.sherpa_onnx.tokens import Tokens, make_words
from surtitle.text.languages import AUTO

_BEAM_HOLD_BACK = 1.0  # seconds after which the best path of a beam search is taken for settled
_SHOWN_AGE = 0.1  # seconds: the newest word may lack its last tokens; measured in docs/engines.md


class SherpaStream:
    """A streaming decoder. Greedy search never changes a token, so all words but the last are committed at once.

    The last word may still be continued, and is the one that gets the period.
    """

    bridges = 0.0
    rules = EndpointRules()

    def __init__(
        self,
        model: SherpaModel,
        languages: frozenset[str],
        language: str,
        hotwords: tuple[str, ...],
        punctuator: Punctuator | None,
    ) -> None:
        self._model = model
        self._languages = languages
        self._wanted = language
        self.language = next(iter(languages)) if language == AUTO and len(languages) == 1 else language
        self._hotwords = hotwords
        self._punctuator = punctuator
        hold_back = _BEAM_HOLD_BACK if hotwords and model.biasable else 0.0
        self._words = CommittedWords(HoldBack(hold_back), Display(_SHOWN_AGE, 0.0))
        self._settles_at_once = not hold_back
        self._decoding: tuple[Any, Any] | None = None
        self._failed = False
        self._heard = 0
        self._times: list[float] = []  # when tokens were first seen, for models that give no times

    def accept(self, samples: Samples, silence: float, voice: float | None = None) -> Hypothesis | None:
        if self._failed:
            return None
        self._heard += len(samples)
        words = self._write(self._decode(samples), whole=False)
        rest = self._words.rest(words)
        settled = max(0, len(rest) - 1)
        return self._words.insert(
            rest, self._heard / RATE, min_count=settled if self._settles_at_once else 0, max_count=settled
        )

    def finish(self) -> Hypothesis:
        words: list[Word] = []
        if self._decoding is not None:
            silence = np.zeros(round(self._model.tail * RATE), dtype=np.float32)
            words = self._words.rest(self._write(self._decode(silence, last=True), whole=True))
        self._decoding, self._failed, self._heard, self._times = None, False, 0, []
        return self._words.finish(words)

    def close(self) -> None:
        self._decoding = None

    def _decode(self, samples: Samples, *, last: bool = False) -> Tokens:
        """All tokens of the utterance. After an error, the rest of the utterance is not decoded."""
        try:
            if self._decoding is None:
                self._decoding = self._model.open(self._wanted, self._hotwords)
            tokens = self._model.decode(*self._decoding, samples, last=last)
        except EngineError:
            self._decoding, self._failed = None, True
            raise
        if len(tokens.times) == len(tokens.texts):
            return tokens
        heard = self._heard / RATE
        self._times = [*self._times, *[heard] * len(tokens.texts)][: len(tokens.texts)]
        return replace(tokens, times=self._times)

    def _write(self, tokens: Tokens, *, whole: bool) -> list[Word]:
        """The words of the utterance with capitals and marks."""
        vocabulary = self._model.vocabulary
        words = make_words(tokens, vocabulary, self._heard / RATE)
        if self._wanted == AUTO and len(self._languages) > 1:
            self.language = guess_language(words, self._languages) or self.language
        if not vocabulary.cased:
            words = [replace(word, text=word.text.lower()) for word in words]
            if self._punctuator is not None and not vocabulary.punctuated and self.language == "en":
                return self._punctuator.punctuate(words, whole=whole)
            words = capitalize(words, self.language)
        return add_period(words, self.language) if whole and not vocabulary.punctuated else words
