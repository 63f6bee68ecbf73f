"""Which engine a new source gets: the one that was asked for when it is ready, the embedded one until then."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from service.errors import EngineError
from service.settings import Settings
from service.speech import models
from service.speech.engine import Engine
from service.speech.pocketsphinx import PocketsphinxEngine
from service.speech.vad import SileroVad
from service.speech.whisper import WhisperEngine
from service.threads import start_thread

log = logging.getLogger("surtitle.speech")

_EMBEDDED = "Captions run on the embedded recognizer (pocketsphinx, English only)"
_LOAD_PATIENCE = 20.0  # seconds a source waits for a local model that is being loaded


class Engines:
    """Owns the engines of one service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._embedded = PocketsphinxEngine()
        self._whisper: WhisperEngine | None = None
        self._loading: asyncio.Task[None] | None = None
        self._local = asyncio.Event()  # set once no local load is under way any more
        self.notice = ""

    def start(self) -> None:
        """Begin to load, without waiting. Needs the event loop."""
        self._loading = asyncio.create_task(self._load())

    async def close(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            with suppress(asyncio.CancelledError):
                await self._loading
        await asyncio.to_thread(self._embedded.close)

    async def current(self) -> Engine:
        """The engine for a source that starts now; waits for a model that is on this computer."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._local.wait(), _LOAD_PATIENCE)
        return self._whisper or self._embedded

    @property
    def description(self) -> dict[str, str]:
        """For the dashboard: the engine and model in use, and what there is to say about it."""
        engine: Engine = self._whisper or self._embedded
        return {"engine": engine.name, "model": engine.model, "notice": self.notice}

    def _tell(self, notice: str) -> None:
        self.notice = notice
        if notice:
            log.warning("%s", notice)

    async def _load(self) -> None:
        try:
            await start_thread("load detector", SileroVad)  # kept for all sources
            if self._settings.engine != "pocketsphinx":
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
        if self._whisper is None:
            await self._warm()

    async def _warm(self) -> None:
        try:
            await start_thread("warm", self._embedded.warm)
        except EngineError as error:
            self._tell(f"The embedded recognizer cannot be started: run `make install` again. ({error})")

    async def _load_whisper(self) -> None:
        settings = self._settings
        name, directory = await start_thread("find model", lambda: models.find(settings.model, settings.language))
        if directory is None:
            self._local.set()  # a download can take long: captions run on the embedded engine meanwhile
            self._tell(f"{_EMBEDDED} until the Whisper model “{name}” is fetched.")
            await self._warm()
            directory = await start_thread("fetch model", lambda: models.download(name))
        found = directory
        self._whisper = await start_thread("load model", lambda: WhisperEngine(found, name))
        self._tell("")
        log.info("the Whisper model %s is loaded", name)
