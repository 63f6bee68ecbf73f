"""The built-in recognizer as a kind of engine, with its one model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.speech.kinds import EngineOptions, OfferedModel

if TYPE_CHECKING:
    from surtitle.speech.pocketsphinx.engine import PocketsphinxEngine


class PocketsphinxKind:
    """Pocketsphinx, which comes with its model and knows English only."""

    name = "pocketsphinx"
    title = "Pocketsphinx"
    local = True
    default = "en-us"
    files = None
    models: Sequence[OfferedModel] = ()

    def problem(self) -> str:
        return ""

    def load(self, directory: Path | None, model: str, options: EngineOptions) -> PocketsphinxEngine:
        from surtitle.speech.pocketsphinx.engine import PocketsphinxEngine

        return PocketsphinxEngine()


KIND = PocketsphinxKind()
