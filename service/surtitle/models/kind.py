"""Finds the models of one kind: in a directory, in the hub's cache, or by the name of a repository on the hub.

`download` fetches those that are not on this computer.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from surtitle.core.errors import ModelError
from surtitle.models.cache import cache, repository_folder

_REPOSITORY = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKind:
    """The names and files of one kind of models.

    ``repositories`` are those of the hub by the models' names. ``select`` returns the files to fetch from
    those of a repository, in the order in which they are fetched; ``missing`` the required files that are not among
    the given ones, and ``missing_locally`` the same for a directory that is not the hub's.
    """

    noun: str
    option: str  # of the command line
    wanted: str  # a description of valid models, for error messages
    repositories: Mapping[str, str]
    select: Callable[[Iterable[str]], list[str]]
    missing: Callable[[Iterable[str]], set[str]]
    missing_locally: Callable[[Iterable[str]], set[str]]

    def on_disk(self, model: str) -> Path | None:
        """The directory of ``model`` if it is on this computer. Raises `ModelError`."""
        return self.local_directory(model) or self.find_cached(model)

    def local_directory(self, model: str) -> Path | None:
        """The directory that ``model`` names, or None if it is not a path. Raises `ModelError`."""
        expanded = os.path.expanduser(model)
        path = Path(expanded)
        if not os.path.isdir(expanded):
            if path.is_absolute() or model.startswith((".", "~")):
                raise ModelError(f"There is no directory {path}: give the directory of {self.wanted}, or a name.")
            return None
        if missing := self.missing_locally(_files(path)):
            files = " and no ".join(sorted(missing))
            raise ModelError(f"{path} has no {files}: give the directory of {self.wanted}, or a name.")
        return path

    def repository(self, model: str) -> str:
        """The hub's repository of a model. Raises `ModelError` for an unknown name."""
        known = self.repositories
        repo_id = known.get(model, model)
        if not _REPOSITORY.fullmatch(repo_id):
            raise ModelError(f"{model[:80]!r} is not a known model: give one of {', '.join(known)}, or a repository.")
        return repo_id

    def check_name(self, model: str) -> None:
        """Check that a model of this name can exist, without looking at its files. Raises `ModelError`."""
        if self.local_directory(model) is None:
            self.repository(model)

    def find_cached(self, model: str) -> Path | None:
        """The directory of ``model`` in the hub's cache, or None if it is not there completely.

        Does not use the network. Raises `ModelError` for an unknown name.
        """
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            path = Path(snapshot_download(self.repository(model), cache_dir=cache(), local_files_only=True))
        except (LocalEntryNotFoundError, OSError):
            return None
        return path if not self.missing(_files(path)) else None

    def find_removable(self, model: str) -> Path:
        """The folder of ``model`` in the cache. Raises `ModelError` if it is not there."""
        if os.path.isdir(os.path.expanduser(model)):
            raise ModelError(f"{model} is your own directory, which Surtitle does not delete: delete it yourself.")
        folder = repository_folder(self.repository(model))
        if not folder.is_dir():
            raise ModelError(f"The model “{model}” is not on this computer: `surtitle models` lists those that are.")
        return folder

    def remove(self, model: str) -> int:
        """Delete ``model`` from the cache, and return the bytes that this freed. Raises `ModelError`."""
        folder = self.find_removable(model)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise ModelError(f"Cannot delete the model “{model}” in {folder} ({error.strerror}).") from error
        return size


def _files(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.is_file()]
