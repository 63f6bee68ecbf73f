"""whisper.cpp as a kind of engine: its models' names and files, and how they are loaded."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.core.errors import ModelError
from surtitle.core.kinds import describe_missing
from surtitle.model_files.kind import ModelKind
from surtitle.speech.kinds import EngineOptions, OfferedModel

if TYPE_CHECKING:
    from surtitle.speech.whisper_cpp.engine import WhisperCppEngine

_REPOSITORY = "ggerganov/whisper.cpp"
_FILES = "ggml-*.bin"
_SIZES = {
    "tiny.en": 78, "tiny": 78, "base.en": 148, "base": 148, "small.en": 488, "small": 488, "medium.en": 1530,
    "medium": 1530, "large-v1": 3090, "large-v2": 3090, "large-v3": 3090, "large-v3-turbo": 1620,
    "tiny-q5_1": 32, "base-q5_1": 60, "small-q5_1": 190, "medium-q5_0": 539, "large-v3-q5_0": 1080,
    "large-v3-turbo-q5_0": 574,
}  # megabytes, by the name  # fmt: skip


def _select(names: Iterable[str]) -> list[str]:
    return [name for name in names if fnmatch(name, _FILES)]


def _missing(names: Iterable[str]) -> set[str]:
    return set() if _select(names) else {_FILES}


GGML = ModelKind(
    noun="whisper.cpp model",
    option="--model",
    wanted="a Whisper model in ggml's format",
    repositories={name: f"{_REPOSITORY}/ggml-{name}.bin" for name in _SIZES},
    select=_select,
    missing=_missing,
    missing_locally=_missing,
    single_files=True,
)


class WhisperCppKind:
    """Whisper models run by whisper.cpp."""

    name = "whisper.cpp"
    title = "whisper.cpp"
    local = True
    default = "base"
    files = GGML
    models = tuple(OfferedModel(name, size * 1_000_000) for name, size in _SIZES.items())

    def problem(self) -> str:
        return describe_missing(self.title, "pywhispercpp", "whisper-cpp")

    def load(self, directory: Path | None, model: str, options: EngineOptions) -> WhisperCppEngine:
        from surtitle.speech.whisper_cpp.engine import WhisperCppEngine

        assert directory is not None
        return WhisperCppEngine(_find_file(directory), model, policy=options.policy)


def _find_file(path: Path) -> Path:
    """The model's file, at a path that a person may have given. Raises `ModelError`."""
    if path.is_file():
        return path
    found = sorted(path.glob(_FILES))
    if len(found) != 1:
        raise ModelError(f"{path} has {len(found)} files {_FILES}: give one of them.")
    return found[0]


KIND = WhisperCppKind()
