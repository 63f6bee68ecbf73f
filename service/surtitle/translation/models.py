"""The translation models: their names and their files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from surtitle.model_files.kind import ModelKind
from surtitle.pool.address import KIND as POOL
from surtitle.pool.address import read_address

NAMES = {
    "nllb-200-distilled-600M": ("entai2965/nllb-200-distilled-600M-ctranslate2", 2_500_000_000),
    "nllb-200-distilled-1.3B": ("entai2965/nllb-200-distilled-1.3B-ctranslate2", 5_500_000_000),
    "nllb-200-3.3B": ("entai2965/nllb-200-3.3B-ctranslate2", 13_400_000_000),
}
"""The named models, with their repositories on the hub and approximate sizes in bytes."""

LICENCE = "NLLB-200's weights are licensed for non-commercial use only (CC BY-NC 4.0)."

_NEEDED = ("config.json", "tokenizer.json")
_OTHERS = ("generation_config.json", "shared_vocabulary.json", "shared_vocabulary.txt", "tokenizer_config.json")
_CONVERTED = "model.bin"
_WEIGHTS = (_CONVERTED, "model.safetensors", "pytorch_model.bin")  # the first one that exists is used


def is_converted(directory: Path) -> bool:
    """Whether the model is in CTranslate2's format, and not in that of transformers."""
    return (directory / _CONVERTED).is_file()


def _select_files(names: Iterable[str]) -> list[str]:
    """The files to fetch; the weights come last, in one format."""
    there = set(names)
    weights = next((name for name in _WEIGHTS if name in there), None)
    return [*sorted(there & {*_NEEDED, *_OTHERS}), *([weights] if weights else [])]


def _missing(names: Iterable[str]) -> set[str]:
    there = set(names)
    return {*_NEEDED} - there | (set() if there & {*_WEIGHTS} else {_CONVERTED})


NLLB = ModelKind(
    noun="translation model",
    option="--translation-model",
    wanted="an NLLB model",
    repositories={name: repository for name, (repository, _) in NAMES.items()},
    select=_select_files,
    missing=_missing,
    missing_locally=_missing,
)


def is_on_pool(model: str) -> bool:
    """Whether a model of this name runs on the inference pool, such as "pool:nllb-200-distilled-600M"."""
    return model.startswith(f"{POOL}:")


def check_name(model: str) -> None:
    """Check that a model of this name can exist, without looking for it. Raises `ModelError`."""
    if is_on_pool(model):
        read_address(os.environ)
    else:
        NLLB.check_name(model)
