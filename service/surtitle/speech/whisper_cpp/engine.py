"""The engine of Whisper models run by whisper.cpp."""

from __future__ import annotations

import os
from pathlib import Path

from surtitle.speech.engine import Hints
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.whisper.engine import open_stream
from surtitle.speech.whisper.stream import WindowStream
from surtitle.speech.whisper_cpp.decoder import WhisperCppDecoder
from surtitle.speech.whisper_cpp.model import WhisperCppModel
from surtitle.text.languages import AUTO

_WORKERS = 4  # parallel decodings, each in one thread if there are as many cores


class WhisperCppEngine:
    """One loaded model that serves all sources. Each source has its state in a stream."""

    name = "whisper.cpp"
    step = 30.0  # seconds: a decoding costs the same with more audio

    def __init__(self, file: Path, model: str, *, policy: str = "align-att") -> None:
        """Load a ggml file; takes seconds, call in a thread. Raises `ModelError`.

        ``policy`` is "align-att" or "local-agreement".
        """
        cores = os.cpu_count() or 1
        workers = min(_WORKERS, cores)
        self.model = model
        self._model = WhisperCppModel(file, max(1, cores // workers), workers)
        self._decoder = WhisperCppDecoder(self._model)
        self._align_att = policy == "align-att"
        self.languages = frozenset(self._model.languages)
        self.scheduler = Scheduler(self._decoder.capacity)

    def open(self, language: str, hints: Hints = Hints()) -> WindowStream:
        known = language if language in self.languages else AUTO
        return open_stream(self._decoder, known, hints, align_att=self._align_att)

    def close(self) -> None:
        self.scheduler.close()
        self._model.close()
