"""The Whisper models: their names, their files, and which of them are on this computer."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.models.cache import cache, repository_folder
from surtitle.models.kind import ModelKind
from surtitle.models.repositories import REPOSITORIES

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo

INDEX_FOLDER = "index"
"""The subfolder of a cached repository for downloads from the package index; the hub's library ignores it."""
INDEX_SOURCE = "source.txt"
"""The file in it that lists the packages that a model came from."""

_CACHED = "models--"  # begins the names of repositories' folders in the hub's cache
_FILES = ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"]  # as faster-whisper
_NEEDED = ("config.json", "model.bin", "tokenizer.json")
_EXPECTED_SIZES = {
    "tiny": 78, "base": 148, "small": 486, "medium": 1530, "large": 3090, "large-v3-turbo": 1620,
    "distil-small.en": 336, "distil-medium.en": 792, "distil-large": 1520,
}  # megabytes, by the beginning of the name  # fmt: skip


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


def _select_files(names: Iterable[str]) -> list[str]:
    """The files to fetch, with the weights last: without them, a folder is not taken for a model."""
    ours = [name for name in names if any(fnmatch(name, pattern) for pattern in _FILES)]
    return sorted(ours, key=lambda name: (name == "model.bin", name))


def _missing(files: Iterable[str]) -> set[str]:
    return set(_NEEDED) - set(files)


def _missing_locally(files: Iterable[str]) -> set[str]:
    return {"model.bin"} - set(files)  # `check` names the others


WHISPER = ModelKind(
    noun="Whisper model",
    option="--model",
    wanted="a Whisper model converted for CTranslate2",
    repositories=REPOSITORIES,
    select=_select_files,
    missing=_missing,
    missing_locally=_missing_locally,
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


def plain_name(model: str) -> str:
    """A model's name for clients and messages, without the directories of this computer.

    A directory in the hub's cache has the name of its model, such as "base", and any other one its own.
    """
    path = Path(model)
    if not path.is_absolute():
        return path.name if model.startswith((".", "~")) else model
    folder = next((part for part in path.parts if part.startswith(_CACHED)), None)
    if folder is None:
        return path.name
    repository = folder.removeprefix(_CACHED).replace("--", "/")
    return next((name for name, known in REPOSITORIES.items() if known == repository), repository)


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
    return repo.size_on_disk, WHISPER.find_cached(name) is not None


def _source(here: Container[str], repo_id: str) -> str:
    if repo_id not in here:
        return ""
    return "package index" if (repository_folder(repo_id) / INDEX_FOLDER / INDEX_SOURCE).is_file() else "model hub"


def _expected_size(name: str) -> int | None:
    prefixes = [prefix for prefix in _EXPECTED_SIZES if name.startswith(prefix)]
    return _EXPECTED_SIZES[max(prefixes, key=len)] * 1_000_000 if prefixes else None
