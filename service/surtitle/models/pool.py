"""The models that are loaded or being loaded, each once for all who use it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from surtitle.core.errors import ModelError
from surtitle.core.notifier import Notifier
from surtitle.core.threads import start_thread
from surtitle.core.wire.models import LoadState, ModelProgress
from surtitle.model_files.kind import ModelKind
from surtitle.models.download import download

log = logging.getLogger("surtitle.models")

M = TypeVar("M")

_MAX_CONCURRENT = 2  # models that are downloaded or loaded at the same time; others wait
_MAX_FAILURES = 10  # failures that are remembered


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of loading a model.

    ``done`` is the downloaded share, in [0, 1], while fetching; ``message`` is the reason of a failure.
    """

    state: LoadState
    done: float | None = None
    message: str = ""

    def as_json(self, model: str) -> ModelProgress:
        return ModelProgress(model=model, state=self.state, done=self.done, message=self.message)


@dataclass(frozen=True, slots=True)
class IdlePolicy:
    """Which unused models stay loaded.

    ``count`` models may stay, the most recently used ones; all stay for ``seconds`` after they were requested.
    ``finish_downloads`` says whether a download continues when nobody waits for it any more.
    """

    count: int
    seconds: float
    finish_downloads: bool


@dataclass(slots=True)
class _Load(Generic[M]):
    """A load that several tasks may wait for."""

    task: asyncio.Task[M]
    stop: threading.Event
    waiting: int = 0


@dataclass(slots=True)
class _Loaded(Generic[M]):
    model: M
    last_used: float


class ModelPool(Generic[M]):
    """Owns models and the tasks that load them.

    ``find_files`` returns the kind of a model's files and the model's name in it, or None for a model without files;
    it raises `ModelError`. ``load`` loads the model in a directory (None without files) by its name, and ``unload``
    releases it. All three are called in threads. ``in_use`` returns the names of the models that are used now.
    ``changes`` is notified of every progress.
    """

    def __init__(
        self,
        find_files: Callable[[str], tuple[ModelKind, str] | None],
        load: Callable[[Path | None, str], M],
        unload: Callable[[M], None],
        idle: IdlePolicy,
        changes: Notifier | None = None,
    ) -> None:
        self.in_use: Callable[[], Collection[str | None]] = set
        self._find_files = find_files
        self._load_files, self._unload = load, unload
        self._idle = idle
        self._changes = changes or Notifier()
        self._loaded: OrderedDict[str, _Loaded[M]] = OrderedDict()  # least recently used first
        self._loads: dict[str, _Load[M]] = {}
        self._progress: dict[str, Progress] = {}
        self._unloading: set[asyncio.Future[None]] = set()
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT)

    async def get(self, name: str) -> M:
        """A model by its name or directory, downloaded and loaded if necessary. Raises `ModelError`."""
        if (loaded := self._loaded.get(name)) is not None:
            self._loaded.move_to_end(name)
            loaded.last_used = asyncio.get_running_loop().time()
            return loaded.model
        load = self._loads.get(name) or self._start(name)
        load.waiting += 1
        try:
            return await asyncio.shield(load.task)
        finally:
            load.waiting -= 1
            progress = self._progress.get(name)
            unfinished = progress is not None and progress.state in (LoadState.WAITING, LoadState.FETCHING)
            if not load.waiting and unfinished and not self._idle.finish_downloads:
                await self._stop(name, load)

    def get_loaded(self, name: str) -> M | None:
        """The model if it is loaded now, or else None."""
        loaded = self._loaded.get(name)
        return loaded.model if loaded else None

    def progress(self, name: str) -> Progress | None:
        """The progress of a model; None if nobody requested it."""
        return self._progress.get(name)

    def describe(self) -> list[ModelProgress]:
        """All models that are loaded, being loaded or failed to load."""
        return [progress.as_json(name) for name, progress in self._progress.items()]

    def unload_idle(self) -> None:
        """Begin to unload the models that have been unused for longest."""
        now, used = asyncio.get_running_loop().time(), self.in_use()
        idle = [
            name
            for name, loaded in self._loaded.items()
            if name not in used and now - loaded.last_used >= self._idle.seconds
        ]
        for name in idle[: max(0, len(idle) - self._idle.count)]:
            self._begin_unloading(name)
            log.info("unloaded the model %s, which is not used", name)

    async def close(self) -> None:
        for name, load in list(self._loads.items()):
            await self._stop(name, load)
        for name in list(self._loaded):
            self._begin_unloading(name)
        await asyncio.gather(*self._unloading, return_exceptions=True)

    def _start(self, name: str) -> _Load[M]:
        stop = threading.Event()
        self._set_progress(name, Progress(LoadState.WAITING), stop)
        load = self._loads[name] = _Load(asyncio.create_task(self._load(name, stop), name=f"load {name}"), stop)
        load.task.add_done_callback(lambda task: self._forget(name, load))
        return load

    async def _stop(self, name: str, load: _Load[M]) -> None:
        """Stop a load that is not finished."""
        self._forget(name, load)
        if load.task.done():
            return
        load.stop.set()
        self._progress.pop(name, None)
        load.task.cancel()
        with suppress(asyncio.CancelledError, ModelError):
            await load.task

    def _forget(self, name: str, load: _Load[M]) -> None:
        """Remove a load, so that the next request starts a new one."""
        if self._loads.get(name) is load:
            del self._loads[name]
        if load.task.done() and not load.task.cancelled():
            load.task.exception()  # marks it as retrieved, in case no task waits any more

    async def _load(self, name: str, stop: threading.Event) -> M:
        try:
            async with self._slots:
                model = await self._fetch_and_load(name, stop)
        except Exception as error:
            if not isinstance(error, ModelError):
                log.exception("loading the model %s failed", name)
                error = ModelError(f"The model “{name}” could not be loaded: see the service's log.")
            self._set_progress(name, Progress(LoadState.FAILED, message=error.message), stop)
            raise error from None
        self._loaded[name] = _Loaded(model, asyncio.get_running_loop().time())
        self._set_progress(name, Progress(LoadState.READY), stop)
        log.info("loaded the model %s", name)
        self.unload_idle()
        return model

    async def _fetch_and_load(self, name: str, stop: threading.Event) -> M:
        files = await start_thread("find model", lambda: self._find_files(name))
        directory = await self._find_or_fetch(name, *files, stop) if files else None
        self._set_progress(name, Progress(LoadState.LOADING), stop)
        return await start_thread("load model", lambda: self._load_files(directory, name))

    async def _find_or_fetch(self, name: str, kind: ModelKind, model: str, stop: threading.Event) -> Path:
        """The directory of ``model``, which is what ``kind`` calls the model ``name``. Raises `ModelError`."""
        directory = await start_thread("find model", lambda: kind.on_disk(model))
        if directory is not None:
            return directory
        self._set_progress(name, Progress(LoadState.FETCHING, 0.0), stop)
        loop = asyncio.get_running_loop()

        def report(done: int, total: int) -> None:
            progress = Progress(LoadState.FETCHING, done / max(1, total))
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._set_progress, name, progress, stop)

        return await start_thread("fetch model", lambda: download(model, report, stop, kind))

    def _begin_unloading(self, name: str) -> None:
        model = self._loaded.pop(name).model
        self._progress.pop(name, None)
        unloading = start_thread("unload model", lambda: self._unload(model))
        self._unloading.add(unloading)
        unloading.add_done_callback(self._unloading.discard)

    def _set_progress(self, name: str, progress: Progress, stop: threading.Event) -> None:
        if stop.is_set():
            return
        self._progress[name] = progress
        self._changes.notify()
        failed = [name for name, each in self._progress.items() if each.state is LoadState.FAILED]
        for name in failed[:-_MAX_FAILURES]:
            del self._progress[name]
