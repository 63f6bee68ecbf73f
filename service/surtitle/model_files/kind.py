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
from surtitle.model_files.cache import cache, repository_folder

_REPOSITORY = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)
_REPOSITORY_FILE = re.compile(rf"({_REPOSITORY.pattern})/(\w[\w.-]{{0,95}})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKind:
    """The names and files of one kind of models.

    ``repositories`` are those of the hub by the models' names. ``select`` returns the files to fetch from
    those of a repository, in the order in which they are fetched; ``missing`` the required files that are not among
    the given ones, and ``missing_locally`` the same for a directory that is not the hub's.

    With ``single_files``, a model is one file: repositories end with the file's name ("owner/name/file.bin"), and what
    is found of a model is that file, or a directory that a person named.
    """

    noun: str
    option: str  # of the command line
    wanted: str  # a description of valid models, for error messages
    repositories: Mapping[str, str]
    select: Callable[[Iterable[str]], list[str]]
    missing: Callable[[Iterable[str]], set[str]]
    missing_locally: Callable[[Iterable[str]], set[str]]
    single_files: bool = False

    def on_disk(self, model: str) -> Path | None:
        """The directory (or single file) of ``model`` if it is on this computer. Raises `ModelError`."""
        return self.local_directory(model) or self.find_cached(model)

    def local_directory(self, model: str) -> Path | None:
        """The directory (or single file) that ``model`` names, or None if it is not a path. Raises `ModelError`."""
        expanded = os.path.expanduser(model)
        path = Path(expanded)
        if self.single_files and os.path.isfile(expanded):
            return path
        if not os.path.isdir(expanded):
            if path.is_absolute() or model.startswith((".", "~")):
                kinds = "file or directory" if self.single_files else "directory"
                raise ModelError(f"There is no {kinds} {path}: give the {kinds} of {self.wanted}, or a name.")
            return None
        if missing := self.missing_locally(_files(path)):
            files = " and no ".join(sorted(missing))
            raise ModelError(f"{path} has no {files}: give the directory of {self.wanted}, or a name.")
        return path

    def repository(self, model: str) -> str:
        """The hub's repository of a model. Raises `ModelError` for an unknown name."""
        return self._split_repository(model)[0]

    def _split_repository(self, model: str) -> tuple[str, str]:
        """The hub's repository of a model, and its single file in it or "". Raises `ModelError` for an unknown name."""
        known = self.repositories
        repo_id = known.get(model, model)
        if self.single_files and (match := _REPOSITORY_FILE.fullmatch(repo_id)):
            return match[1], match[2]
        if self.single_files or not _REPOSITORY.fullmatch(repo_id):
            form = "a repository's file (owner/name/file)" if self.single_files else "a repository"
            raise ModelError(f"{model[:80]!r} is not a known model: give one of {', '.join(known)}, or {form}.")
        return repo_id, ""

    def select_for(self, model: str, names: Iterable[str]) -> list[str]:
        """The files of ``model`` to fetch from those of its repository, in that order."""
        file = self._split_repository(model)[1]
        return [name for name in names if name == file] if file else self.select(names)

    def missing_for(self, model: str, names: Iterable[str]) -> set[str]:
        """The files of ``model`` that are not among ``names``."""
        file = self._split_repository(model)[1]
        return {file} - set(names) if file else self.missing(names)

    def locate(self, model: str, directory: Path) -> Path:
        """What is found of ``model`` in its repository's ``directory``: that, or its single file."""
        file = self._split_repository(model)[1]
        return directory / file if file else directory

    def check_name(self, model: str) -> None:
        """Check that a model of this name can exist, without looking at its files. Raises `ModelError`."""
        if self.local_directory(model) is None:
            self.repository(model)

    def find_cached(self, model: str) -> Path | None:
        """The directory (or single file) of ``model`` in the hub's cache, or None if it is not there completely.

        Does not use the network. Raises `ModelError` for an unknown name.
        """
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            path = Path(snapshot_download(self.repository(model), cache_dir=cache(), local_files_only=True))
        except (LocalEntryNotFoundError, OSError):
            return None
        return self.locate(model, path) if not self.missing_for(model, _files(path)) else None

    def find_removable(self, model: str) -> Path:
        """The folder (or single file) of ``model`` in the cache. Raises `ModelError` if it is not there."""
        if os.path.exists(os.path.expanduser(model)):
            raise ModelError(f"{model} is your own, so Surtitle does not delete it: delete it yourself.")
        folder = repository_folder(self.repository(model))
        found = self.find_cached(model) if self.single_files else folder if folder.is_dir() else None
        if found is None:
            raise ModelError(f"The model “{model}” is not on this computer: `surtitle models` lists those that are.")
        return found

    def remove(self, model: str) -> int:
        """Delete ``model`` from the cache, and return the bytes that this freed. Raises `ModelError`."""
        folder = self.find_removable(model)
        if self.single_files:
            return _remove_file(folder, model)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise ModelError(f"Cannot delete the model “{model}” in {folder} ({error.strerror}).") from error
        return size


def _remove_file(file: Path, model: str) -> int:
    """Delete a file of a repository that may have other models, and return its bytes. Raises `ModelError`."""
    stored = file.resolve()
    size = stored.stat().st_size
    try:
        stored.unlink()
        file.unlink(missing_ok=True)  # a link, where the file system has them
    except OSError as error:
        raise ModelError(f"Cannot delete the model “{model}” in {file} ({error.strerror}).") from error
    return size


def _files(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.is_file()]
