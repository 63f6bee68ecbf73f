"""The Whisper engine, with faster-whisper (CTranslate2) and a model from any local directory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from surtitle.audio import Samples
from surtitle.core.errors import ModelError
from surtitle.speech.engine import Hints
from surtitle.speech.policy import AlignAtt, Display, LocalAgreement
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.speed import Speed, measure
from surtitle.speech.whisper.decoder import WhisperDecoder
from surtitle.speech.whisper.model import WhisperModel
from surtitle.speech.whisper.pieces import Decoder
from surtitle.speech.whisper.stream import WindowStream
from surtitle.speech.whisper.to_english import SpeechToEnglish, WhisperToEnglish
from surtitle.text.languages import AUTO, recognizer_code

_SHOWN_AGE = 0.1  # seconds: words that end within this time before the end of the audio are not shown
_UNSURE, _UNSURE_AGE = 0.65, 0.75  # words below this probability are shown later, at this age in seconds
_HINT_TOKENS = 96
_WORKERS = 4  # parallel decodings: a second thread does not make CTranslate2's decoder faster (docs/engines.md)


class HintingDecoder(Decoder, Protocol):
    """A decoder that knows the tokens of a text."""

    def hints(self, text: str, max_tokens: int) -> tuple[int, ...]:
        """The first ``max_tokens`` tokens of a text that precedes every transcript."""


def open_stream(decoder: HintingDecoder, language: str, hints: Hints, *, align_att: bool) -> WindowStream:
    """A stream of a Whisper model, whatever decodes its windows; ``language`` is one that it knows, or "auto"."""
    hint_text = " ".join((*hints.hotwords, hints.prompt))
    return WindowStream(
        decoder,
        language,
        AlignAtt() if align_att else LocalAgreement(2),
        Display(_SHOWN_AGE, 0.0, _UNSURE, _UNSURE_AGE),
        decoder.hints(hint_text, _HINT_TOKENS),
    )


class WhisperEngine:
    """One loaded model that serves all sources. Each source has its state in a stream."""

    name = "whisper"
    step = 30.0  # seconds: a decoding costs the same with more audio

    def __init__(self, directory: Path, model: str, *, policy: str = "align-att", cores: int | None = None) -> None:
        """Load a CTranslate2 directory; takes seconds, call in a thread. Raises `ModelError`.

        ``policy`` is "align-att" (if the model lists the attention heads that follow the sound) or "local-agreement".
        It uses ``cores`` of the processor, by default all.
        """
        cores = cores or os.cpu_count() or 1
        self.model = model
        workers = min(_WORKERS, cores)
        self._threads = max(1, cores // workers)
        try:
            self._model = WhisperModel.load(directory, self._threads, workers)
            self._heads = bool(json.loads((directory / "config.json").read_text()).get("alignment_heads"))
        except Exception as error:
            raise ModelError(
                f"Cannot load the model in {directory} ({error}): it must be a Whisper model converted for CTranslate2."
            ) from error
        self._decoder = WhisperDecoder(self._model, heads=self._heads)
        self._to_english = SpeechToEnglish(WhisperToEnglish(self._model))
        self._align_att = self._heads and policy == "align-att"
        self.scheduler = Scheduler(self._decoder.capacity)

    def open(self, language: str, hints: Hints = Hints()) -> WindowStream:
        known = language if language in self._model.languages else AUTO
        return open_stream(self._decoder, known, hints, align_att=self._align_att)

    @property
    def decoder(self) -> WhisperDecoder:
        """Decodes windows for streams elsewhere."""
        return self._decoder

    @property
    def aligned(self) -> bool:
        """Whether words can be aligned with the sound, which the policy "align-att" needs."""
        return self._heads

    def measure(self) -> Speed:
        """Measure how fast this computer is; call in a thread, in a turn. Raises RuntimeError, ValueError."""
        return measure(self._model, self._threads)

    @property
    def languages(self) -> frozenset[str]:
        """The languages that the tokenizer has a token for: `yue` was only added in large-v3."""
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
        return self._to_english.steps(samples, recognizer_code(language, self.languages) or AUTO)

    def close(self) -> None:
        """Stop the scheduler; CTranslate2 frees the memory with the last reference."""
        self.scheduler.close()
