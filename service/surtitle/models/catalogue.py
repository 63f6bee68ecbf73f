"""The models of speech recognizers: their names, their files, and which of them are on this computer."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from surtitle.core.errors import ModelError
from surtitle.model_files.cache import cache, repository_folder
from surtitle.speech.kinds import DEFAULT, EngineKind, engine_kinds, split_name
from surtitle.speech.whisper.kind import WHISPER, expected_size
from surtitle.speech.whisper.repositories import REPOSITORIES

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo

INDEX_FOLDER = "index"
"""The subfolder of a cached repository for downloads from the package index; the hub's library ignores it."""
INDEX_SOURCE = "source.txt"
"""The file in it that lists the packages that a model came from."""

_CACHED = "models--"  # begins the names of repositories' folders in the hub's cache


@dataclass(frozen=True, slots=True)
class Model:
    """A known model; sizes are in bytes, ``size`` is that on this computer (0 if it is not there).

    ``source`` is where it came from: "model hub", "package index", or "" if it is not on this computer.
    ``engine`` is the kind of its engine; the ``name`` of a model of another kind than Whisper begins with it.
    """

    name: str
    repository: str
    expected_size: int | None
    size: int
    complete: bool
    source: str = ""
    engine: str = DEFAULT


def other_models() -> list[Model]:
    """The models that other kinds of engines than Whisper and the built-in recognizer offer and that can be used."""
    kinds = [kind for name, kind in engine_kinds().items() if name != DEFAULT and not kind.problem()]
    return [model for kind in kinds for model in _list_offered(kind)]


def _list_offered(kind: EngineKind) -> list[Model]:
    models = []
    for offered in kind.models:
        repository, path = "", None
        if kind.files is not None:
            with suppress(ModelError):
                repository, path = kind.files.repository(offered.name), kind.files.find_cached(offered.name)
        size = _size_on_disk(path) if path else 0
        complete = path is not None or kind.files is None
        source = "model hub" if path else ""
        name = f"{kind.name}:{offered.name}"
        models.append(Model(name, repository, offered.bytes, size, complete, source, kind.name))
    return models


def _size_on_disk(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def catalogue() -> list[Model]:
    """The Whisper models that have a name, and other ones in the cache."""
    here = {repo.repo_id: repo for repo in _scan()}
    models: dict[str, Model] = {}  # by repository: some have two names
    for name, repo_id in REPOSITORIES.items():
        models.setdefault(
            repo_id,
            Model(name, repo_id, expected_size(name), *_stored(here.get(repo_id), name), _source(here, repo_id)),
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
    kind, name = split_name(model)
    if kind != DEFAULT:
        return model if model == kind else f"{kind}:{_plain_name(name)}"
    return _plain_name(name)


def _plain_name(model: str) -> str:
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
