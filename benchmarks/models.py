"""The Whisper models that are measured, as CTranslate2 directories."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from surtitle.core.errors import SurtitleError
from surtitle.speech.whisper.kind import WHISPER

DEFAULT = ("base", "tiny.en")
VARIABLE = "SURTITLE_BENCH_MODELS"
"""Directories of models, as `base=/DIR:tiny.en=/DIR` (`;` on Windows): before what `surtitle models` knows."""


@dataclass(frozen=True)
class Model:
    """A converted Whisper model."""

    name: str
    directory: Path

    @property
    def title(self) -> str:
        return f"Whisper {self.name}"

    @property
    def english_only(self) -> bool:
        return self.name.endswith(".en")

    @property
    def digest(self) -> str:
        """SHA-256 of `model.bin`, the first 12 digits."""
        return _digest(self.directory / "model.bin")


def find(name: str, directories: Mapping[str, Path]) -> Model:
    """The model of that name: from ``directories``, the environment, or those on this computer.

    Raises `ModelError`, and `LookupError` where it is nowhere.
    """
    directory = directories.get(name) or from_environment().get(name)
    try:
        directory = directory or WHISPER.on_disk(name)
    except SurtitleError as error:
        raise LookupError(error.message) from error
    if directory is None:
        raise LookupError(
            f"The model {name} is not on this computer: run `surtitle models fetch {name}`, "
            f"or give its directory with --model-dir {name}=DIR."
        )
    if not (directory / "model.bin").is_file():
        raise LookupError(f"{directory} holds no model.bin: give the directory of a converted Whisper model.")
    return Model(name, directory)


def from_environment() -> dict[str, Path]:
    """What `SURTITLE_BENCH_MODELS` names."""
    named = (item.partition("=") for item in os.environ.get(VARIABLE, "").split(os.pathsep) if item)
    return {name: Path(directory) for name, _, directory in named}


@cache
def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()[:12]
