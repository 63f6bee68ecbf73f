"""The translation models, and where to find them: a directory, the hub's cache, or the hub."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from threading import Event

from surtitle.core.errors import ModelError
from surtitle.models.catalogue import Kind, cache
from surtitle.models.download import ReportProgress, download

NAMES = {
    "nllb-200-distilled-600M": ("entai2965/nllb-200-distilled-600M-ctranslate2", 2_500_000_000),
    "nllb-200-distilled-1.3B": ("entai2965/nllb-200-distilled-1.3B-ctranslate2", 5_500_000_000),
    "nllb-200-3.3B": ("entai2965/nllb-200-3.3B-ctranslate2", 13_400_000_000),
}
"""The named models, with their repositories on the hub and approximate sizes in bytes."""

LICENCE = "NLLB-200's weights are licensed for non-commercial use only (CC BY-NC 4.0)."

_REPOSITORY = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)
_NEEDED = ("config.json", "tokenizer.json")
_OTHERS = ("generation_config.json", "shared_vocabulary.json", "shared_vocabulary.txt", "tokenizer_config.json")
_CONVERTED = "model.bin"
_WEIGHTS = (_CONVERTED, "model.safetensors", "pytorch_model.bin")  # the first one that exists is used


def local_directory(model: str) -> Path | None:
    """The directory that ``model`` names; None if it is not a path. Raises `ModelError`."""
    place = os.path.expanduser(model)
    path = Path(place)
    if not os.path.isdir(place):
        if path.is_absolute() or model.startswith((".", "~")):
            raise ModelError(f"There is no directory {path}: give the directory or the name of an NLLB model.")
        return None
    if lacking := missing(file.name for file in path.iterdir()):
        raise ModelError(f"{path} lacks {' and '.join(sorted(lacking))}: give the directory of an NLLB model.")
    return path


def repository(model: str) -> str:
    """The hub's repository for a model's name. Raises `ModelError` for an unknown name."""
    place = NAMES[model][0] if model in NAMES else model
    if not _REPOSITORY.fullmatch(place):
        raise ModelError(
            f"{model[:80]!r} is not the name of a translation model: give one of {', '.join(NAMES)}, or a repository."
        )
    return place


def find_cached(model: str) -> Path | None:
    """The directory of ``model`` in the hub's cache if it is complete; uses no network.

    Raises `ModelError` for an unknown name.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(repository(model), cache_dir=cache(), local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        return None
    return path if not missing(file.name for file in path.iterdir()) else None


def on_disk(model: str) -> Path | None:
    """The directory of ``model`` if it is on this computer. Raises `ModelError`."""
    return local_directory(model) or find_cached(model)


def fetch(model: str, tell: ReportProgress | None = None, stop: Event | None = None) -> Path:
    """Fetch ``model``; see `surtitle.models.download.download`."""
    return download(model, tell, stop, KIND)


def is_converted(directory: Path) -> bool:
    """Whether the model is in CTranslate2's format, and not in that of transformers."""
    return (directory / _CONVERTED).is_file()


def files(names: Iterable[str]) -> list[str]:
    """The files to fetch from a repository; the weights come last, in one format."""
    there = set(names)
    weights = next((name for name in _WEIGHTS if name in there), None)
    return [*sorted(there & {*_NEEDED, *_OTHERS}), *([weights] if weights else [])]


def missing(names: Iterable[str]) -> set[str]:
    """The required files that are missing."""
    there = set(names)
    return {*_NEEDED} - there | (set() if there & {*_WEIGHTS} else {_CONVERTED})


KIND = Kind("translation model", "--translation-model", "an NLLB model", repository, files, missing)
