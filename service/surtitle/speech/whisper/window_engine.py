"""What engines have in common that run Whisper models with another program than CTranslate2."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from surtitle.speech.engine import Hints
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.whisper.engine import HintingDecoder, open_stream
from surtitle.speech.whisper.stream import WindowStream
from surtitle.text.languages import AUTO


class LoadedModel(Protocol):
    """A model in memory."""

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


class WindowEngine:
    """One loaded model that serves all sources. Each source has its state in a stream. Subclasses have a ``name``."""

    step = 30.0  # seconds: a decoding costs the same with more audio

    def __init__(self, model: str, loaded: LoadedModel, decoder: WindowDecoder, *, policy: str) -> None:
        """``model`` is its name, and ``policy`` is "align-att" or "local-agreement"."""
        self.model = model
        self.languages = frozenset(loaded.languages)
        self.scheduler = Scheduler(decoder.capacity)
        self._model = loaded
        self._decoder = decoder
        self._align_att = policy == "align-att"

    def open(self, language: str, hints: Hints = Hints()) -> WindowStream:
        known = language if language in self.languages else AUTO
        return open_stream(self._decoder, known, hints, align_att=self._align_att)

    def close(self) -> None:
        self.scheduler.close()
        self._model.close()
