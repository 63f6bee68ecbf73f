"""Resolves names of Whisper models to a directory or the hub's cache. `download` fetches models that are in neither."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.core.errors import ModelError
from surtitle.models.repositories import REPOSITORIES

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo

FILES = ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"]
"""The files of a model; the same as in faster-whisper."""

INDEX_FOLDER = "index"
"""The subfolder of a cached repository for downloads from the package index; the hub's library ignores it."""
INDEX_SOURCE = "source.txt"
"""The file in it that lists the packages that a model came from."""

_NEEDED = ("config.json", "model.bin", "tokenizer.json")
_EXPECTED_SIZES = {
    "tiny": 78, "base": 148, "small": 486, "medium": 1530, "large": 3090, "large-v3-turbo": 1620,
    "distil-small.en": 336, "distil-medium.en": 792, "distil-large": 1520,
}  # megabytes, by the beginning of the name  # fmt: skip
_REPOSITORY = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """The names and files of one kind of models.

    ``files`` selects the files to fetch from those of a repository, in the order in which they are fetched;
    ``missing`` returns the required files that are not among the given ones. ``repository`` raises `ModelError`.
    """

    noun: str
    option: str  # of the command line
    wanted: str  # a description of valid models, for error messages
    repository: Callable[[str], str]
    files: Callable[[Iterable[str]], list[str]]
    missing: Callable[[Iterable[str]], set[str]]


@dataclass(frozen=True, slots=True)
class Model:
    """A known model; sizes are in bytes, ``size`` is that on this computer (0 if it is not there).

    ``source`` is where it came from: "model hub", "package index", or "" if it is not on this computer.
    """

    name: str
    repository: str
    expected_size: int | None
    size: int
    complete: bool
    source: str = ""


def on_disk(model: str) -> Path | None:
    """The directory of ``model`` if it is on this computer. Raises `ModelError`."""
    return local_directory(model) or find_cached(model)


def local_directory(model: str) -> Path | None:
    """The directory that ``model`` names, or None if it is not a path. Raises `ModelError`."""
    expanded = os.path.expanduser(model)
    path = Path(expanded)
    if not os.path.isdir(expanded):
        if path.is_absolute() or model.startswith((".", "~")):
            raise ModelError(
                f"There is no directory {path}: give the directory of a converted Whisper model, or a name."
            )
        return None
    if not (path / "model.bin").is_file():
        raise ModelError(f"{path} has no model.bin: give a Whisper model converted for CTranslate2, or a name.")
    return path


def repository(model: str) -> str:
    """The hub's repository of a model. Raises `ModelError` for an unknown name."""
    repo_id = REPOSITORIES.get(model, model)
    if not _REPOSITORY.fullmatch(repo_id):
        raise ModelError(
            f"{model[:80]!r} is not a known model: give one of {', '.join(REPOSITORIES)}, or a repository."
        )
    return repo_id


def find_cached(model: str) -> Path | None:
    """The directory of ``model`` in the hub's cache, or None if it is not there completely. Does not use the network.

    Raises `ModelError` for an unknown name.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    name = repository(model)
    try:
        path = Path(snapshot_download(name, cache_dir=cache(), allow_patterns=FILES, local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        return None
    return path if not missing(file.name for file in path.iterdir() if file.is_file()) else None


def missing(files: Iterable[str]) -> set[str]:
    """The required files that are not among ``files``."""
    return set(_NEEDED) - set(files)


def _select_files(names: Iterable[str]) -> list[str]:
    """The files to fetch, with the weights last: without them, a folder is not taken for a model."""
    ours = [name for name in names if any(fnmatch(name, pattern) for pattern in FILES)]
    return sorted(ours, key=lambda name: (name == "model.bin", name))


def cache() -> Path:
    """The hub's cache folder."""
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


def catalogue() -> list[Model]:
    """The models that have a name, and other ones in the cache."""
    here = {repo.repo_id: repo for repo in _scan()}
    models: dict[str, Model] = {}  # by repository: some have two names
    for name, repo_id in REPOSITORIES.items():
        models.setdefault(
            repo_id,
            Model(name, repo_id, _expected_size(name), *_stored(here.get(repo_id), name), _source(here, repo_id)),
        )
    for repo_id, repo in sorted(here.items()):
        size, complete = _stored(repo, repo_id)
        if repo_id not in models and complete:
            models[repo_id] = Model(repo_id, repo_id, None, size, complete, _source(here, repo_id))
    return list(models.values())


def remove(model: str, kind: Kind | None = None) -> int:
    """Delete ``model`` from the cache, and return the bytes that this freed. Raises `ModelError`."""
    if os.path.isdir(os.path.expanduser(model)):
        raise ModelError(f"{model} is your own directory, which Surtitle does not delete: delete it yourself.")
    repo_id = (kind or KIND).repository(model)
    folder = repository_folder(repo_id)
    if not folder.is_dir():
        raise ModelError(f"The model “{model}” is not on this computer: `surtitle models` lists those that are.")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(f"Cannot delete the model “{model}” in {folder} ({error.strerror}).") from error
    return size


def _scan() -> list[CachedRepoInfo]:
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        return [repo for repo in scan_cache_dir(cache()).repos if repo.repo_type == "model"]
    except (CacheNotFound, OSError, ValueError):
        return []


def _stored(repo: CachedRepoInfo | None, name: str) -> tuple[int, bool]:
    """The bytes on disk, and whether the model is complete."""
    if repo is None:
        return 0, False
    return repo.size_on_disk, find_cached(name) is not None


def _source(here: Container[str], repo_id: str) -> str:
    if repo_id not in here:
        return ""
    return "package index" if (repository_folder(repo_id) / INDEX_FOLDER / INDEX_SOURCE).is_file() else "model hub"


def _expected_size(name: str) -> int | None:
    prefixes = [prefix for prefix in _EXPECTED_SIZES if name.startswith(prefix)]
    return _EXPECTED_SIZES[max(prefixes, key=len)] * 1_000_000 if prefixes else None


KIND = Kind("Whisper model", "--model", "a Whisper model converted for CTranslate2", repository, _select_files, missing)
