"""The loaded translation models, which all channels share."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from surtitle.core.errors import ModelError
from surtitle.core.threads import start_thread
from surtitle.core.wire import LoadState
from surtitle.models.library import Progress
from surtitle.translation import models
from surtitle.translation.translator import Text, Translator

log = logging.getLogger("surtitle.translation")

_NICENESS = 10  # added to a translator's niceness: captions get the processor first


class LoadedTranslator:
    """A translator with the one thread that runs it, in which all channels take turns."""

    def __init__(self, translator: Translator) -> None:
        self.translator = translator
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="translate", initializer=_lower_priority)

    async def translate(self, texts: Sequence[Text]) -> list[str]:
        """See `Translator.translate`."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.translator.translate, texts)

    def close(self) -> None:
        self._pool.shutdown(wait=False)


class Translators:
    """Owns the models and the tasks that fetch and load them."""

    def __init__(self) -> None:
        self._loads: dict[str, asyncio.Task[LoadedTranslator]] = {}
        self._progress: dict[str, Progress] = {}
        self._stopping = threading.Event()

    async def get(self, model: str) -> LoadedTranslator:
        """The translator for a model's name or directory, fetched and loaded if necessary. Raises `ModelError`."""
        load = self._loads.get(model)
        if load is None or (load.done() and (load.cancelled() or load.exception())):
            load = self._loads[model] = asyncio.create_task(self._load(model), name=f"load {model}")
        return await asyncio.shield(load)

    def progress(self, model: str) -> Progress | None:
        """The progress of loading a model; None if it was never requested."""
        return self._progress.get(model)

    def release_unused(self, used: Collection[str | None]) -> None:
        """Release the models that are not in ``used``."""
        for model in [model for model, load in self._loads.items() if model not in used and load.done()]:
            load = self._loads.pop(model)
            self._progress.pop(model, None)
            if not load.cancelled() and load.exception() is None:
                load.result().close()
                log.info("the translation model %s was released", model)

    async def close(self) -> None:
        self._stopping.set()
        for load in self._loads.values():
            load.cancel()
        await asyncio.gather(*self._loads.values(), return_exceptions=True)
        self.release_unused(())

    async def _load(self, model: str) -> LoadedTranslator:
        try:
            loaded = LoadedTranslator(await self._fetch_and_load(model))
        except Exception as error:
            if not isinstance(error, ModelError):
                log.exception("loading the translation model %s failed", model)
                error = ModelError(
                    f"The translation model “{model}” could not be loaded: see the service's log for details."
                )
            self._progress[model] = Progress(LoadState.FAILED, message=error.message)
            log.warning("%s", error)
            raise error from None
        self._progress[model] = Progress(LoadState.READY)
        log.info("the translation model %s is loaded", model)
        return loaded

    async def _fetch_and_load(self, model: str) -> Translator:
        self._progress[model] = Progress(LoadState.LOADING)
        directory = await start_thread("find translation model", lambda: models.on_disk(model))
        if directory is None:
            loop = asyncio.get_running_loop()

            def tell(done: int, total: int) -> None:
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(self._fetched, model, done / max(1, total))

            self._fetched(model, 0.0)
            directory = await start_thread("fetch translation model", lambda: models.fetch(model, tell, self._stopping))
        self._progress[model] = Progress(LoadState.LOADING)
        found = directory
        return await start_thread("load translation model", lambda: load(found, model))

    def _fetched(self, model: str, share: float) -> None:
        self._progress[model] = Progress(LoadState.FETCHING, share)


def load(directory: Path, model: str) -> Translator:
    """Load the translator in a model's directory. Takes seconds: call it in a thread. Raises `ModelError`."""
    _lower_priority()  # threads started by a library inherit the niceness
    if models.is_converted(directory):
        from surtitle.translation.ctranslate import CTranslate2Translator

        return CTranslate2Translator(directory, model)
    from surtitle.translation.transformer import TransformersTranslator

    return TransformersTranslator(directory, model)


def _lower_priority() -> None:
    """Lower the priority of this thread, which only Linux can do for a single thread."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
