"""What engines have in common that run Whisper models with another program than CTranslate2."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from surtitle.audio import Samples
from surtitle.speech.engine import Hints
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.whisper.engine import HintingDecoder, open_stream
from surtitle.speech.whisper.stream import WindowStream
from surtitle.speech.whisper.to_english import EnglishDecoder, SpeechToEnglish
from surtitle.text.languages import AUTO, recognizer_code


class LoadedModel(Protocol):
    """A model in memory."""

    @property
    def multilingual(self) -> bool:
        """Whether it was trained to translate, too."""

    @property
    def languages(self) -> Collection[str]:
        """The codes of the languages that it knows."""

    def close(self) -> None:
        """Free the memory."""


class WindowDecoder(HintingDecoder, Protocol):
    """A decoder of windows of several streams."""

    @property
    def capacity(self) -> int:
        """Windows that may be in progress at once."""


class TranslatingDecoder(WindowDecoder, EnglishDecoder, Protocol):
    """One that also translates into English."""


class WindowEngine:
    """One loaded model that serves all sources. Each source has its state in a stream. Subclasses have a ``name``."""

    step = 30.0  # seconds: a decoding costs the same with more audio

    def __init__(self, model: str, loaded: LoadedModel, decoder: TranslatingDecoder, *, policy: str) -> None:
        """``model`` is its name, and ``policy`` is "align-att" or "local-agreement"."""
        self.model = model
        self.languages = frozenset(loaded.languages)
        self.scheduler = Scheduler(decoder.capacity)
        self._model = loaded
        self._decoder = decoder
        self._to_english = SpeechToEnglish(decoder)
        self._align_att = policy == "align-att"

    def open(self, language: str, hints: Hints = Hints()) -> WindowStream:
        known = language if language in self.languages else AUTO
        return open_stream(self._decoder, known, hints, align_att=self._align_att)

    @property
    def translates(self) -> bool:
        return self._model.multilingual

    def translate(self, samples: Samples, language: str) -> Iterator[str | None]:
        """See `SpeechToEnglish.steps`."""
        return self._to_english.steps(samples, recognizer_code(language, self.languages) or AUTO)

    def close(self) -> None:
        self.scheduler.close()
        self._model.close()
