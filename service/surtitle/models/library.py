"""The Whisper models that are loaded, or on their way: each once, for all sources."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from surtitle.core.errors import ModelError
from surtitle.core.settings import Settings
from surtitle.core.threads import start_thread
from surtitle.models import catalogue
from surtitle.models.check import check_directory
from surtitle.models.download import download
from surtitle.speech.whisper.engine import WhisperEngine

log = logging.getLogger("surtitle.speech")

_AT_ONCE = 2  # models that are fetched or loaded at the same time; others wait
_IDLE = 2  # models kept that no source uses
_FRESH = 60.0  # seconds that a model is kept in any case, for whoever just asked for it
_FAILURES = 10  # kept, to be told


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a model is: ``state`` is waiting, fetching, loading, ready or failed.

    ``done`` is the share of it that is here, in [0, 1], while it is fetched; ``message`` says why it failed.
    """

    state: str
    done: float | None = None
    message: str = ""

    def as_json(self, model: str) -> dict[str, Any]:
        return {"model": model, "state": self.state, "done": self.done, "message": self.message}


@dataclass(slots=True)
class _Load:
    """A load that several may wait for; while it is fetched, it is stopped when nobody does any more."""

    task: asyncio.Task[WhisperEngine]
    stop: threading.Event
    waiting: int = 0


@dataclass(slots=True)
class _Loaded:
    engine: WhisperEngine
    asked: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class Library:
    """Owns the models and the tasks that load them. ``in_use`` says which models have sources now."""

    def __init__(self, settings: Settings) -> None:
        self.in_use: Callable[[], set[str]] = set
        self._settings = settings
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()  # the one asked for last is the last
        self._loads: dict[str, _Load] = {}
        self._progress: dict[str, Progress] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def get(self, model: str) -> WhisperEngine:
        """The engine for a name or a directory, fetched and loaded if need be. Raises `ModelError`."""
        if (loaded := self._loaded.get(model)) is not None:
            self._loaded.move_to_end(model)
            loaded.asked = asyncio.get_running_loop().time()
            return loaded.engine
        load = self._loads.get(model) or self._begin(model)
        load.waiting += 1
        try:
            return await asyncio.shield(load.task)
        finally:
            load.waiting -= 1
            progress = self._progress.get(model)
            if not load.waiting and progress is not None and progress.state in ("waiting", "fetching"):
                await self._end(model, load)

    def loaded(self, model: str) -> WhisperEngine | None:
        """The engine, if it is there now."""
        loaded = self._loaded.get(model)
        return loaded.engine if loaded else None

    def progress(self, model: str) -> Progress | None:
        """How far that model is; None when nobody asked for it."""
        return self._progress.get(model)

    def describe(self) -> list[dict[str, Any]]:
        """All models that are loaded, on their way, or could not be had."""
        return [one.as_json(model) for model, one in self._progress.items()]

    async def close(self) -> None:
        for model, load in list(self._loads.items()):
            await self._end(model, load)
        engines = [loaded.engine for loaded in self._loaded.values()]
        self._loaded.clear()
        for engine in engines:
            await asyncio.to_thread(engine.close)

    def _begin(self, model: str) -> _Load:
        stop = threading.Event()
        self._tell(model, Progress("waiting"), stop)
        load = self._loads[model] = _Load(asyncio.create_task(self._load(model, stop), name=f"load {model}"), stop)
        load.task.add_done_callback(lambda task: self._forget(model, load))
        return load

    async def _end(self, model: str, load: _Load) -> None:
        """Stop a load that is not done."""
        self._forget(model, load)
        if load.task.done():
            return
        load.stop.set()
        self._progress.pop(model, None)
        load.task.cancel()
        with suppress(asyncio.CancelledError, ModelError):
            await load.task

    def _forget(self, model: str, load: _Load) -> None:
        """Whoever asks now begins anew."""
        if self._loads.get(model) is load:
            del self._loads[model]
        if load.task.done() and not load.task.cancelled():
            load.task.exception()  # marks it as seen, should nobody wait any more

    async def _load(self, model: str, stop: threading.Event) -> WhisperEngine:
        try:
            async with self._slots:
                engine = await self._fetch_and_load(model, stop)
        except Exception as error:
            if not isinstance(error, ModelError):
                log.exception("loading the model %s failed", model)
                error = ModelError(f"The Whisper model “{model}” could not be loaded: the log says why.")
            self._tell(model, Progress("failed", message=error.message), stop)
            raise error from None
        self._loaded[model] = _Loaded(engine)
        self._tell(model, Progress("ready"), stop)
        log.info("the Whisper model %s is loaded", model)
        await self._unload_idle()
        return engine

    async def _fetch_and_load(self, model: str, stop: threading.Event) -> WhisperEngine:
        directory = await start_thread("find model", lambda: catalogue.on_disk(model))
        local = catalogue.local_directory(model) is not None
        if directory is None:
            self._tell(model, Progress("fetching", 0.0), stop)
            loop = asyncio.get_running_loop()

            def tell(done: int, total: int) -> None:
                loop.call_soon_threadsafe(self._tell, model, Progress("fetching", done / max(1, total)), stop)

            directory = await start_thread("fetch model", lambda: download(model, tell, stop))
        self._tell(model, Progress("loading"), stop)
        found, settings, name = directory, self._settings, None if local else model

        def load() -> WhisperEngine:
            check_directory(found, name)
            try:
                return WhisperEngine(found, model, policy=settings.policy)
            except ModelError as error:
                if local:
                    raise
                raise ModelError(
                    f"The Whisper model “{model}” cannot be loaded ({error.__cause__ or error}): if its files are "
                    f"damaged, remove them with `surtitle models remove {model}` and fetch it again."
                ) from error

        return await start_thread("load model", load)

    async def _unload_idle(self) -> None:
        """Give back what nobody has used for longest."""
        now = asyncio.get_running_loop().time()
        used = self.in_use()
        idle = [name for name, loaded in self._loaded.items() if name not in used and now - loaded.asked > _FRESH]
        for name in idle[: max(0, len(idle) - _IDLE)]:
            engine = self._loaded.pop(name).engine
            self._progress.pop(name, None)
            await asyncio.to_thread(engine.close)
            log.info("the Whisper model %s is not needed any more", name)

    def _tell(self, model: str, progress: Progress, stop: threading.Event) -> None:
        if stop.is_set():
            return
        self._progress[model] = progress
        failed = [name for name, one in self._progress.items() if one.state == "failed"]
        for name in failed[:-_FAILURES]:
            del self._progress[name]
