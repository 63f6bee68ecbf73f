"""The cache folder of the model hub's library, in which all downloaded models are."""

from __future__ import annotations

import shutil
from pathlib import Path

from surtitle.core.errors import ModelError


def cache() -> Path:
    """The cache folder."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def repository_folder(repo_id: str) -> Path:
    """The folder of a repository in the cache."""
    return cache() / f"models--{repo_id.replace('/', '--')}"


def check_disk_space(name: str, needed: int) -> None:
    """Check that ``needed`` bytes are free in the cache folder. Raises `ModelError`, which begins with ``name``."""
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ModelError(
            f"{name} needs {needed / 1e6:.0f} MB in {folder}, where {free / 1e6:.0f} MB are free: "
            "free some space, or choose a smaller model."
        )
