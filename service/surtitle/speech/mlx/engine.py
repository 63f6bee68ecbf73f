"""The engine of Whisper models run by MLX."""

from __future__ import annotations

from pathlib import Path

from surtitle.speech.mlx.decoder import MlxDecoder
from surtitle.speech.mlx.model import MlxModel
from surtitle.speech.whisper.window_engine import WindowEngine


class MlxEngine(WindowEngine):
    """A directory of MLX weights."""

    name = "mlx"

    def __init__(self, directory: Path, model: str, *, policy: str = "align-att") -> None:
        """Load it; takes seconds, call in a thread. Raises `ModelError`. ``policy``: see `WindowEngine`."""
        loaded = MlxModel(directory)
        super().__init__(model, loaded, MlxDecoder(loaded), policy=policy)
