"""The engine of Whisper models run by whisper.cpp."""

from __future__ import annotations

import os
from pathlib import Path

from surtitle.speech.whisper.window_engine import WindowEngine
from surtitle.speech.whisper_cpp.decoder import WhisperCppDecoder
from surtitle.speech.whisper_cpp.model import WhisperCppModel

_WORKERS = 4  # parallel decodings, each in one thread if there are as many cores


class WhisperCppEngine(WindowEngine):
    """A ggml file."""

    name = "whisper.cpp"

    def __init__(self, file: Path, model: str, *, policy: str = "align-att") -> None:
        """Load it; takes seconds, call in a thread. Raises `ModelError`. ``policy``: see `WindowEngine`."""
        cores = os.cpu_count() or 1
        workers = min(_WORKERS, cores)
        loaded = WhisperCppModel(file, max(1, cores // workers), workers)
        super().__init__(model, loaded, WhisperCppDecoder(loaded), policy=policy)
