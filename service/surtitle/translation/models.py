"""Which translation model, and where it is: a directory, the hub's cache, or the hub."""

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
"""Models that have a name: where the hub has them, and about how many bytes that is."""

LICENCE = "NLLB-200's weights are licensed for non-commercial use only (CC BY-NC 4.0)."

_REPOSITORY = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)
_NEEDED = ("config.json", "tokenizer.json")
_OTHERS = ("generation_config.json", "shared_vocabulary.json", "shared_vocabulary.txt", "tokenizer_config.json")
_CONVERTED = "model.bin"
_WEIGHTS = (_CONVERTED, "model.safetensors", "pytorch_model.bin")  # the first of them that there is


def local_directory(model: str) -> Path | None:
    """The directory that ``model`` names, if it is a path at all. Raises `ModelError`."""
    place = os.path.expanduser(model)
    path = Path(place)
    if not os.path.isdir(place):
        if path.is_absolute() or model.startswith((".", "~")):
            raise ModelError(f"There is no directory {path}: give the directory of an NLLB model, or a name.")
        return None
    if lacking := missing(file.name for file in path.iterdir()):
        raise ModelError(f"{path} holds no {' and no '.join(sorted(lacking))}: give the directory of an NLLB model.")
    return path


def repository(model: str) -> str:
    """Where the hub has the model of that name. Raises `ModelError` for an unknown one."""
    place = NAMES[model][0] if model in NAMES else model
    if not _REPOSITORY.fullmatch(place):
        raise ModelError(
            f"{model[:80]!r} is no translation model's name: give one of {', '.join(NAMES)}, or a repository's."
        )
    return place


def cached(model: str) -> Path | None:
    """Where the hub's cache has all of ``model``; asks nobody. Raises `ModelError` for an unknown name."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(repository(model), cache_dir=cache(), local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        return None
    return path if not missing(file.name for file in path.iterdir()) else None


def on_disk(model: str) -> Path | None:
    """The directory of ``model`` if it is on this computer. Raises `ModelError`."""
    return local_directory(model) or cached(model)


def fetch(model: str, tell: ReportProgress | None = None, stop: Event | None = None) -> Path:
    """Fetch ``model``; see `surtitle.models.download.download`."""
    return download(model, tell, stop, KIND)


def is_converted(directory: Path) -> bool:
    """Whether CTranslate2 reads it, and not transformers."""
    return (directory / _CONVERTED).is_file()


def files(names: Iterable[str]) -> list[str]:
    """Of all that a repository has, what is needed; the weights come last, and in one form."""
    there = set(names)
    weights = next((name for name in _WEIGHTS if name in there), None)
    return [*sorted(there & {*_NEEDED, *_OTHERS}), *([weights] if weights else [])]


def missing(names: Iterable[str]) -> set[str]:
    """The files without which there is no model."""
    there = set(names)
    return {*_NEEDED} - there | (set() if there & {*_WEIGHTS} else {_CONVERTED})


KIND = Kind("translation model", "--translation-model", "an NLLB model", repository, files, missing)
