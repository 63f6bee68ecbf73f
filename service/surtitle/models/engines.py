"""Which engine a new source gets: the one that was asked for when it is ready, the embedded one until then.

A model that `auto` chose is measured once, watched while captions run, and replaced by a smaller one if it is too slow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from surtitle.core.errors import EngineError, ModelError
from surtitle.core.settings import Settings
from surtitle.core.threads import start_thread
from surtitle.models import catalogue
from surtitle.models.lag import LagMonitor, SourcePace
from surtitle.models.library import Library
from surtitle.models.selection import Selection, select, smaller
from surtitle.models.speed_store import SpeedStore
from surtitle.speech.engine import Engine
from surtitle.speech.pocketsphinx.engine import PocketsphinxEngine
from surtitle.speech.speed import Speed
from surtitle.speech.vad import SileroVad
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.text.languages import AUTO, primary

log = logging.getLogger("surtitle.speech")

EMBEDDED = PocketsphinxEngine.name
"""The embedded recognizer's name, where a model's could be."""

_EMBEDDED = "Captions run on the embedded recognizer (pocketsphinx, English only)"
_LOAD_PATIENCE = 20.0  # seconds a source waits for a local model that is being loaded
_LAG_INTERVAL = 2.0  # seconds between two looks at how sources keep pace


class Engines:
    """Owns the engines of one service.

    ``changed`` is called when the default became another one; ``paces`` gives how all sources keep pace.
    """

    def __init__(self, settings: Settings) -> None:
        self.library = Library(settings)
        self.changed: Callable[[], None] = lambda: None
        self.paces: Callable[[], Iterable[SourcePace]] = tuple
        self.notice = ""
        self.choice = ""  # why the default is what it is, for people
        self.ready = False  # whether a source that starts now is recognized at once
        self._settings = settings
        self._embedded = PocketsphinxEngine()
        self._default: Engine = self._embedded
        self._speeds = SpeedStore(settings.data_dir)
        self._wanted = ""  # the model that is to be the default
        self._loading: asyncio.Task[None] | None = None
        self._local = asyncio.Event()  # set once no local load is under way any more

    def start(self) -> None:
        """Begin to load, without waiting. Needs the event loop."""
        self._loading = asyncio.create_task(self._run(), name="engines")

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
        return await start_thread("find model", lambda: catalogue.on_disk(model)) is not None

    @property
    def description(self) -> dict[str, Any]:
        """For the dashboard: the default engine and model, and what there is to say about it."""
        return {
            "engine": self._default.name,
            "model": self._default.model,
            "notice": self.notice,
            "choice": self.choice,
        }

    @property
    def automatic(self) -> str:
        """The model that `auto` chose and that is loaded, or ""."""
        chosen = self._settings.model is None and self._default is not self._embedded
        return self._default.model if chosen else ""

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

    async def _run(self) -> None:
        """Load what is wanted, then watch it if it was chosen by `auto`."""
        await self._load()
        if not self.automatic:
            return
        try:
            await self._watch()
        except Exception:
            log.exception("watching the lag of sources failed")

    async def _load(self) -> None:
        try:
            await start_thread("load detector", SileroVad)  # kept for all sources
            if self._settings.engine != EMBEDDED:
                await self._load_whisper()
            elif primary(self._settings.language) not in (AUTO, "en"):
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
        """Raises `ModelError` when there is none."""
        settings = self._settings
        selection = await start_thread("choose model", lambda: select(settings.model, settings.language, self._speeds))
        engine = await self._first_of(selection)
        if settings.model is None:
            await self._measure(engine)
            await self._explain(engine.model)
        self._tell("")
        self._use(engine)

    async def _explain(self, model: str) -> None:
        """Say why a model was chosen, unless it is only better than none."""
        language = self._settings.language
        now = await start_thread("choose model", lambda: select(None, language, self._speeds, ask=False))
        speed = await asyncio.to_thread(self._speeds.get, model)
        if speed is None or not speed.too_slow:
            more = f" {now.proposal} would be fast enough, too." if now.proposal else ""
            self.choice = f"{model} was chosen for this computer ({now.reason}).{more}"

    def _use(self, engine: Engine) -> None:
        self._default = engine
        self.ready = True
        self.changed()

    async def _first_of(self, selection: Selection) -> WhisperEngine:
        """The first of the selected models that can be loaded; captions run on the embedded engine if it is fetched."""
        for name in selection.names:
            self._wanted = name
            getting = asyncio.create_task(self.library.get(name))
            try:
                if not await self._is_here(name):
                    self._local.set()  # a download can take long
                    self._tell(f"{_EMBEDDED} until the Whisper model “{name}” is fetched.")
                    await self._warm()
                return await getting
            except ModelError as error:
                if name == selection.names[-1]:
                    raise
                log.warning("%s", error)
            finally:
                getting.cancel()
        raise ModelError("There is no model for this computer: name one with --model.")

    async def _measure(self, engine: WhisperEngine) -> None:
        """Once for each model and computer; never where it cannot be kept, since it delays the first captions."""
        if not self._speeds.lasts or self._speeds.get(engine.model) is not None:
            return
        try:
            async with engine.scheduler.turn(asyncio.get_running_loop().time()) as work:
                speed = await work(engine.measure)
        except (RuntimeError, ValueError) as error:
            log.warning("the speed of %s could not be measured: %s", engine.model, error)
            return
        log.info("%s: %s", engine.model, speed)
        await asyncio.to_thread(self._speeds.put, engine.model, speed)

    async def _watch(self) -> None:
        """Step down for as long as the default is too slow, by its measurement or because sources lag."""
        while True:
            model = self._default.model
            speed = await asyncio.to_thread(self._speeds.get, model)
            if speed is None or not speed.too_slow:
                speed = await self._lagged(model)
            if not await self._step_down(speed):
                return

    async def _lagged(self, model: str) -> Speed:
        """Wait until its sources lag too much."""
        clock = asyncio.get_running_loop().time
        monitor = LagMonitor(model, clock())
        while True:
            await asyncio.sleep(_LAG_INTERVAL)
            paces = list(self.paces())
            if monitor.observe(clock(), paces):
                break
        known = await asyncio.to_thread(self._speeds.get, model)
        speed = replace(known, lagged=True) if known is not None else Speed(0.0, 0.0, lagged=True)
        if sum(pace.model == model for pace in paces) == 1:  # with more sources it may be fast enough for one
            await asyncio.to_thread(self._speeds.put, model, speed)
        return speed

    async def _step_down(self, why: Speed) -> bool:
        """Make the next smaller model the default; False if there is none."""
        model, language = self._default.model, self._settings.language
        for name in await start_thread("choose model", lambda: smaller(model, language)):
            try:
                engine = await self.library.get(name)
            except ModelError as error:
                log.warning("%s", error)
                continue
            await self._measure(engine)
            self.choice = f"{name} was chosen for this computer, because {model} was too slow ({why})."
            self._tell(f"{model} was too slow for this computer ({why}): {name} is used.")
            self._use(engine)
            return True
        more = "" if primary(language) == "en" else " If all speech is English, --language en allows smaller models."
        self._tell(f"{model} is too slow for this computer ({why}), and no smaller model can be fetched.{more}")
        return False
