"""The Whisper models that are loaded or being loaded, each once for all sources."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from surtitle.core.errors import ModelError
from surtitle.core.settings import Settings
from surtitle.core.threads import start_thread
from surtitle.core.wire import LoadState, ModelProgress
from surtitle.models import catalogue
from surtitle.models.check import check_directory
from surtitle.models.download import download
from surtitle.speech.whisper.engine import WhisperEngine

log = logging.getLogger("surtitle.speech")

_MAX_CONCURRENT = 2  # models that are downloaded or loaded at the same time; others wait
_MAX_IDLE = 2  # models kept that no source uses
_MIN_IDLE_TIME = 60.0  # seconds that a model is always kept, for the source that just requested it
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


@dataclass(slots=True)
class _Load:
    """A load that several tasks may wait for. If none waits any more during the download, it is stopped."""

    task: asyncio.Task[WhisperEngine]
    stop: threading.Event
    waiting: int = 0


@dataclass(slots=True)
class _LoadedModel:
    engine: WhisperEngine
    last_used: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class Library:
    """Owns the models and the tasks that load them. ``in_use`` returns the models that have sources now."""

    def __init__(self, settings: Settings) -> None:
        self.in_use: Callable[[], set[str]] = set
        self._settings = settings
        self._loaded: OrderedDict[str, _LoadedModel] = OrderedDict()  # least recently used first
        self._loads: dict[str, _Load] = {}
        self._progress: dict[str, Progress] = {}
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT)

    async def get(self, model: str) -> WhisperEngine:
        """The engine of a model (a name or directory), downloaded and loaded if necessary. Raises `ModelError`."""
        if (loaded := self._loaded.get(model)) is not None:
            self._loaded.move_to_end(model)
            loaded.last_used = asyncio.get_running_loop().time()
            return loaded.engine
        load = self._loads.get(model) or self._start(model)
        load.waiting += 1
        try:
            return await asyncio.shield(load.task)
        finally:
            load.waiting -= 1
            progress = self._progress.get(model)
            if not load.waiting and progress is not None and progress.state in (LoadState.WAITING, LoadState.FETCHING):
                await self._stop(model, load)

    def get_loaded(self, model: str) -> WhisperEngine | None:
        """The engine of a model if it is loaded now, or else None."""
        loaded = self._loaded.get(model)
        return loaded.engine if loaded else None

    def progress(self, model: str) -> Progress | None:
        """The progress of a model; None if nobody requested it."""
        return self._progress.get(model)

    def describe(self) -> list[ModelProgress]:
        """All models that are loaded, being loaded or failed to load, as JSON values."""
        return [progress.as_json(model) for model, progress in self._progress.items()]

    async def close(self) -> None:
        for model, load in list(self._loads.items()):
            await self._stop(model, load)
        engines = [loaded.engine for loaded in self._loaded.values()]
        self._loaded.clear()
        for engine in engines:
            await asyncio.to_thread(engine.close)

    def _start(self, model: str) -> _Load:
        stop = threading.Event()
        self._set_progress(model, Progress(LoadState.WAITING), stop)
        load = self._loads[model] = _Load(asyncio.create_task(self._load(model, stop), name=f"load {model}"), stop)
        load.task.add_done_callback(lambda task: self._forget(model, load))
        return load

    async def _stop(self, model: str, load: _Load) -> None:
        """Stop a load that is not finished."""
        self._forget(model, load)
        if load.task.done():
            return
        load.stop.set()
        self._progress.pop(model, None)
        load.task.cancel()
        with suppress(asyncio.CancelledError, ModelError):
            await load.task

    def _forget(self, model: str, load: _Load) -> None:
        """Remove a load, so that the next request starts a new one."""
        if self._loads.get(model) is load:
            del self._loads[model]
        if load.task.done() and not load.task.cancelled():
            load.task.exception()  # marks it as retrieved, in case no task waits any more

    async def _load(self, model: str, stop: threading.Event) -> WhisperEngine:
        try:
            async with self._slots:
                engine = await self._fetch_and_load(model, stop)
        except Exception as error:
            if not isinstance(error, ModelError):
                log.exception("loading the model %s failed", model)
                error = ModelError(f"The Whisper model “{model}” could not be loaded: see the service's log.")
            self._set_progress(model, Progress(LoadState.FAILED, message=error.message), stop)
            raise error from None
        self._loaded[model] = _LoadedModel(engine)
        self._set_progress(model, Progress(LoadState.READY), stop)
        log.info("loaded the Whisper model %s", model)
        await self._unload_idle()
        return engine

    async def _fetch_and_load(self, model: str, stop: threading.Event) -> WhisperEngine:
        directory = await start_thread("find model", lambda: catalogue.on_disk(model))
        local = catalogue.local_directory(model) is not None
        if directory is None:
            self._set_progress(model, Progress(LoadState.FETCHING, 0.0), stop)
            loop = asyncio.get_running_loop()

            def tell(done: int, total: int) -> None:
                loop.call_soon_threadsafe(
                    self._set_progress, model, Progress(LoadState.FETCHING, done / max(1, total)), stop
                )

            directory = await start_thread("fetch model", lambda: download(model, tell, stop))
        self._set_progress(model, Progress(LoadState.LOADING), stop)
        found, settings, name = directory, self._settings, None if local else model

        def load() -> WhisperEngine:
            check_directory(found, name)
            try:
                return WhisperEngine(found, model, policy=settings.policy)
            except ModelError as error:
                if local:
                    raise
                raise ModelError(
                    f"Cannot load the Whisper model “{model}” ({error.__cause__ or error}): if its files are damaged, "
                    f"remove them with `surtitle models remove {model}` and download it again."
                ) from error

        return await start_thread("load model", load)

    async def _unload_idle(self) -> None:
        """Unload the models that have been unused for longest."""
        now = asyncio.get_running_loop().time()
        used = self.in_use()
        idle = [
            name
            for name, loaded in self._loaded.items()
            if name not in used and now - loaded.last_used > _MIN_IDLE_TIME
        ]
        for name in idle[: max(0, len(idle) - _MAX_IDLE)]:
            engine = self._loaded.pop(name).engine
            self._progress.pop(name, None)
            await asyncio.to_thread(engine.close)
            log.info("unloaded the Whisper model %s, which no source uses", name)

    def _set_progress(self, model: str, progress: Progress, stop: threading.Event) -> None:
        if stop.is_set():
            return
        self._progress[model] = progress
        failed = [name for name, each in self._progress.items() if each.state is LoadState.FAILED]
        for name in failed[:-_MAX_FAILURES]:
            del self._progress[name]
