"""The engine of Whisper models run by MLX."""

from __future__ import annotations

from pathlib import Path

from surtitle.speech.engine import Hints
from surtitle.speech.mlx.decoder import MlxDecoder
from surtitle.speech.mlx.model import MlxModel
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.whisper.engine import open_stream
from surtitle.speech.whisper.stream import WindowStream
from surtitle.text.languages import AUTO


class MlxEngine:
    """One loaded model that serves all sources. Each source has its state in a stream."""

    name = "mlx"
    step = 30.0  # seconds: a decoding costs the same with more audio

    def __init__(self, directory: Path, model: str, *, policy: str = "align-att") -> None:
        """Load a directory of MLX weights; takes seconds, call in a thread. Raises `ModelError`.

        ``policy`` is "align-att" or "local-agreement".
        """
        self.model = model
        self._model = MlxModel(directory)
        self._decoder = MlxDecoder(self._model)
        self._align_att = policy == "align-att"
        self.languages = frozenset(self._model.languages)
        self.scheduler = Scheduler(self._decoder.capacity)

    def open(self, language: str, hints: Hints = Hints()) -> WindowStream:
        known = language if language in self.languages else AUTO
        return open_stream(self._decoder, known, hints, align_att=self._align_att)

    def close(self) -> None:
        self.scheduler.close()
        self._model.close()
