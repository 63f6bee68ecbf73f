"""The engine of streaming models run by sherpa-onnx."""

from __future__ import annotations

import os
from pathlib import Path

from surtitle.speech.engine import Hints
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.sherpa_onnx.languages import find_languages
from surtitle.speech.sherpa_onnx.model import SherpaModel
from surtitle.speech.sherpa_onnx.punctuation import Punctuator, find_punctuator
from surtitle.speech.sherpa_onnx.stream import SherpaStream
from surtitle.text.languages import AUTO


class SherpaEngine:
    """One loaded model that serves all sources. Each source has its state in a stream."""

    name = "sherpa-onnx"
    step = 1.0

    def __init__(self, directory: Path, model: str) -> None:
        """Load a folder; takes seconds, call in a thread. Raises `ModelError`."""
        self.model = model
        self._model = SherpaModel(directory)
        folder = find_punctuator(directory)
        self._punctuator = Punctuator(folder) if folder else None
        self.languages = self._model.prompt_languages or find_languages(model, self._model.metadata)
        self.scheduler = Scheduler(max(2, os.cpu_count() or 1))  # a stream is decoded by one thread

    def open(self, language: str, hints: Hints = Hints()) -> SherpaStream:
        known = language if language in self.languages else AUTO
        return SherpaStream(self._model, self.languages, known, hints.hotwords, self._punctuator)

    def close(self) -> None:
        self.scheduler.close()
        self._model.close()
