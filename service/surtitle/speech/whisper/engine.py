"""Whisper by faster-whisper (CTranslate2): any local directory or hub name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from surtitle.audio import Samples
from surtitle.core.errors import ModelError
from surtitle.speech.engine import Hints
from surtitle.speech.policy import AlignAtt, Display, LocalAgreement
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.speed import Speed, measure
from surtitle.speech.whisper.decoder import WhisperDecoder
from surtitle.speech.whisper.model import WhisperModel
from surtitle.speech.whisper.stream import WindowStream
from surtitle.speech.whisper.to_english import SpeechToEnglish
from surtitle.text.languages import AUTO

_SHOWN_AGE = 0.1  # seconds before the end of the audio in which words are not even shown
_UNSURE, _UNSURE_AGE = 0.65, 0.75  # probability below which words are shown later, and how long before the end
_HINT_TOKENS = 96
_WORKERS = 4  # decodings at once: CTranslate2's decoder gains nothing from a second thread (docs/engines.md)


class WhisperEngine:
    """One loaded model that serves all sources; it knows nothing of streams."""

    name = "whisper"
    step = 30.0  # seconds: one decoding of the newest audio costs as much as one of less

    def __init__(self, directory: Path, model: str, *, policy: str = "align-att") -> None:
        """Load a CTranslate2 directory; takes seconds, call in a thread. Raises `ModelError`.

        ``policy`` is "align-att" (where the model says which heads follow the sound) or "local-agreement".
        """
        cores = os.cpu_count() or 1
        self.model = model
        workers = min(_WORKERS, cores)
        self._threads = max(1, cores // workers)
        try:
            self._model = WhisperModel.load(directory, self._threads, workers)
            heads = bool(json.loads((directory / "config.json").read_text()).get("alignment_heads"))
        except Exception as error:
            raise ModelError(
                f"Cannot load the model in {directory} ({error}): it must be a Whisper model converted for CTranslate2."
            ) from error
        self._decoder = WhisperDecoder(self._model, heads=heads)
        self._to_english = SpeechToEnglish(self._model)
        self._align_att = heads and policy == "align-att"
        self.scheduler = Scheduler(self._decoder.places)

    def open(self, language: str, hints: Hints = Hints()) -> WindowStream:
        known = language in self._model.languages
        policy = AlignAtt() if self._align_att else LocalAgreement(2)
        said_before = " ".join((*hints.hotwords, hints.prompt))
        return WindowStream(
            self._decoder,
            language if known else "auto",
            policy,
            Display(_SHOWN_AGE, 0.0, _UNSURE, _UNSURE_AGE),
            self._decoder.hints(said_before, _HINT_TOKENS),
        )

    def measure(self) -> Speed:
        """How fast this computer runs the model; call in a thread, in a turn. Raises RuntimeError, ValueError."""
        return measure(self._model, self._threads)

    @property
    def languages(self) -> frozenset[str]:
        """Those that the tokenizer has a token for: `yue` only came with large-v3."""
        codes = self._model.languages
        if not self._model.multilingual:
            return codes
        tokens = self._model.tokenizer
        return frozenset(code for code in codes if tokens.token_to_id(f"<|{code}|>") is not None)

    @property
    def translates(self) -> bool:
        return self._model.multilingual

    def translate(self, samples: Samples, language: str) -> Iterator[str | None]:
        """See `SpeechToEnglish.steps`."""
        return self._to_english.steps(samples, language if language in self.languages else AUTO)

    def close(self) -> None:
        """CTranslate2 gives the memory back with the last reference."""
        self.scheduler.close()
