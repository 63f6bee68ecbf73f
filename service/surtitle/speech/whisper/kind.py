"""Whisper by CTranslate2, as a kind of engine: its models' names and files, and how they are loaded."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.core.errors import ModelError
from surtitle.model_files.kind import ModelKind
from surtitle.speech.kinds import EngineOptions, OfferedModel, split_name
from surtitle.speech.whisper.check import check_directory
from surtitle.speech.whisper.repositories import REPOSITORIES

if TYPE_CHECKING:
    from surtitle.speech.whisper.engine import WhisperEngine

_FILES = ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"]  # as faster-whisper
_NEEDED = ("config.json", "model.bin", "tokenizer.json")
_EXPECTED_SIZES = {
    "tiny": 78, "base": 148, "small": 486, "medium": 1530, "large": 3090, "large-v3-turbo": 1620,
    "distil-small.en": 336, "distil-medium.en": 792, "distil-large": 1520,
}  # megabytes, by the beginning of the name  # fmt: skip


def _select_files(names: Iterable[str]) -> list[str]:
    """The files to fetch, with the weights last: without them, a folder is not taken for a model."""
    ours = [name for name in names if any(fnmatch(name, pattern) for pattern in _FILES)]
    return sorted(ours, key=lambda name: (name == "model.bin", name))


def _missing(files: Iterable[str]) -> set[str]:
    return set(_NEEDED) - set(files)


def _missing_locally(files: Iterable[str]) -> set[str]:
    return {"model.bin"} - set(files)  # `check_directory` names the others


WHISPER = ModelKind(
    noun="Whisper model",
    option="--model",
    wanted="a Whisper model converted for CTranslate2",
    repositories=REPOSITORIES,
    select=_select_files,
    missing=_missing,
    missing_locally=_missing_locally,
)


def expected_size(name: str) -> int | None:
    """The bytes of a named model, approximately."""
    prefixes = [prefix for prefix in _EXPECTED_SIZES if name.startswith(prefix)]
    return _EXPECTED_SIZES[max(prefixes, key=len)] * 1_000_000 if prefixes else None


class WhisperKind:
    """Whisper by CTranslate2, the kind of a model that is named without a kind."""

    name = "whisper"
    title = "Whisper"
    local = True
    default = ""
    files = WHISPER
    models = tuple(OfferedModel(name, expected_size(name)) for name in REPOSITORIES)

    def problem(self) -> str:
        return ""

    def load(self, directory: Path | None, model: str, options: EngineOptions) -> WhisperEngine:
        from surtitle.speech.whisper.engine import WhisperEngine

        assert directory is not None
        own = WHISPER.local_directory(split_name(model)[1]) is not None
        check_directory(directory, None if own else model)
        try:
            return WhisperEngine(directory, model, policy=options.policy)
        except ModelError as error:
            if own:
                raise
            raise ModelError(
                f"Cannot load the Whisper model “{model}” ({error.__cause__ or error}): if its files are damaged, "
                f"remove them with `surtitle models remove {model}` and download it again."
            ) from error


KIND = WhisperKind()
