"""mlx-whisper as a kind of engine: its models' names and files, and how they are loaded."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.core.kinds import describe_missing
from surtitle.model_files.kind import ModelKind
from surtitle.speech.kinds import EngineOptions, OfferedModel

if TYPE_CHECKING:
    from surtitle.speech.mlx.engine import MlxEngine

_SIZES = {
    "tiny.en": 74, "tiny": 74, "base.en": 144, "base": 144, "small.en": 481, "small": 481, "medium.en": 1520,
    "medium": 1520, "large-v3": 3080, "large-v3-turbo": 1610,
}  # megabytes, by the name  # fmt: skip
_CONFIG, _WEIGHTS = "config.json", ("weights.safetensors", "weights.npz")


def _repository(name: str) -> str:
    return f"mlx-community/whisper-{name}" + ("" if name == "large-v3-turbo" else "-mlx")


def _select(names: Iterable[str]) -> list[str]:
    """The files to fetch, with the weights last: without them, a folder is not taken for a model."""
    found = set(names)
    return [name for name in (_CONFIG, *_WEIGHTS) if name in found]


def _missing(names: Iterable[str]) -> set[str]:
    found = set(names)
    return ({_CONFIG} - found) | (set() if found.intersection(_WEIGHTS) else {_WEIGHTS[0]})


MLX = ModelKind(
    noun="MLX model",
    option="--model",
    wanted="a Whisper model converted for MLX",
    repositories={name: _repository(name) for name in _SIZES},
    select=_select,
    missing=_missing,
    missing_locally=_missing,
)


class MlxKind:
    """Whisper models run by mlx-whisper."""

    name = "mlx"
    title = "MLX"
    local = True
    default = "base"
    files = MLX
    models = tuple(OfferedModel(name, size * 1_000_000) for name, size in _SIZES.items())

    def problem(self) -> str:
        apple = sys.platform == "darwin" and platform.machine() == "arm64"
        if not apple and importlib.util.find_spec("mlx_whisper") is None:
            return "MLX is for Apple silicon: choose another recognizer, such as whisper.cpp."
        return describe_missing(self.title, "mlx_whisper", "mlx")

    def load(self, directory: Path | None, model: str, options: EngineOptions) -> MlxEngine:
        from surtitle.speech.mlx.engine import MlxEngine

        assert directory is not None
        return MlxEngine(directory, model, policy=options.policy)


KIND = MlxKind()
