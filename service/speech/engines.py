"""Which engine a new source gets: the one that was asked for when it is ready, the embedded one until then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from service.errors import EngineError
from service.settings import Settings
from service.speech import models
from service.speech.engine import Engine
from service.speech.library import Library
from service.speech.pocketsphinx import PocketsphinxEngine
from service.speech.vad import SileroVad
from service.threads import start_thread

log = logging.getLogger("surtitle.speech")

EMBEDDED = PocketsphinxEngine.name
"""The embedded recognizer's name, where a model's could be."""

_EMBEDDED = "Captions run on the embedded recognizer (pocketsphinx, English only)"
_LOAD_PATIENCE = 20.0  # seconds a source waits for a local model that is being loaded


class Engines:
    """Owns the engines of one service. ``changed`` is called when the default became another one."""

    def __init__(self, settings: Settings) -> None:
        self.library = Library(settings)
        self.changed: Callable[[], None] = lambda: None
        self.notice = ""
        self.ready = False  # whether a source that starts now is recognized at once
        self._settings = settings
        self._embedded = PocketsphinxEngine()
        self._default: Engine = self._embedded
        self._wanted = ""  # the model that is to be the default
        self._loading: asyncio.Task[None] | None = None
        self._local = asyncio.Event()  # set once no local load is under way any more

    def start(self) -> None:
        """Begin to load, without waiting. Needs the event loop."""
        self._loading = asyncio.create_task(self._load())

    async def close(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            with suppress(asyncio.CancelledError):
                await self._loading
        await self.library.close()
        await asyncio.to_thread(self._embedded.close)

    async def current(self) -> Engine:
        """The engine for a source that starts now; waits for a model that is on this computer."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._local.wait(), _LOAD_PATIENCE)
        return self._default

    async def get(self, model: str | None) -> Engine:
        """The engine for a model by name or directory, fetched and loaded if need be; the default for None.

        Raises `ModelError`.
        """
        if model is None:
            return await self.current()
        return self._embedded if model == EMBEDDED else await self.library.get(model)

    def loaded(self, model: str | None) -> Engine | None:
        """The same, if it is there now."""
        if model is None:
            return self._default
        return self._embedded if model == EMBEDDED else self.library.loaded(model)

    async def at_hand(self, *wanted: str | None) -> Engine:
        """The engine for a source that starts now: of the first model that is on this computer, or the default."""
        for model in wanted:
            if model is None:
                break
            with suppress(TimeoutError, EngineError):
                async with asyncio.timeout(_LOAD_PATIENCE):
                    if self.loaded(model) is not None or await self._is_here(model):
                        return await self.get(model)
        return await self.current()

    async def _is_here(self, model: str) -> bool:
        return await start_thread("find model", lambda: models.on_disk(model)) is not None

    @property
    def description(self) -> dict[str, Any]:
        """For the dashboard: the default engine and model, and what there is to say about it."""
        return {"engine": self._default.name, "model": self._default.model, "notice": self.notice}

    @property
    def loading(self) -> dict[str, Any] | None:
        """How far the model is that is to be the default; None when it is that, or cannot be."""
        progress = self.library.progress(self._wanted)
        if self._default is not self._embedded or progress is None or progress.state == "failed":
            return None
        return progress.as_json(self._wanted)

    def _tell(self, notice: str) -> None:
        self.notice = notice
        if notice:
            log.warning("%s", notice)

    async def _load(self) -> None:
        try:
            await start_thread("load detector", SileroVad)  # kept for all sources
            if self._settings.engine != EMBEDDED:
                await self._load_whisper()
            elif self._settings.language not in ("auto", "en"):
                self._tell(f"{_EMBEDDED}; for other languages start with --engine whisper.")
        except EngineError as error:
            reason = str(error)
            self._tell(f"{_EMBEDDED}: {reason[0].lower()}{reason[1:]}")
        except Exception:
            log.exception("loading Whisper failed")
            self._tell(f"{_EMBEDDED}: Whisper could not be loaded, the log says why.")
        finally:
            self._local.set()
        if self._default is self._embedded:
            await self._warm()

    async def _warm(self) -> None:
        try:
            await start_thread("warm", self._embedded.warm)
            self.ready = True
        except EngineError as error:
            self._tell(f"The embedded recognizer cannot be started: run `make install` again. ({error})")

    async def _load_whisper(self) -> None:
        settings = self._settings
        name, directory = await start_thread("find model", lambda: models.find(settings.model, settings.language))
        self._wanted = name
        getting = asyncio.create_task(self.library.get(name))
        try:
            if directory is None:
                self._local.set()  # a download can take long: captions run on the embedded engine meanwhile
                self._tell(f"{_EMBEDDED} until the Whisper model “{name}” is fetched.")
                await self._warm()
            self._default = await getting
            self.ready = True
        finally:
            getting.cancel()
        self._tell("")
        self.changed()
