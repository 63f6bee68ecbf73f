"""Chooses the engine of a new source: the requested one once it is ready, the built-in one until then.

A model that `auto` chose is measured once, monitored while captions run, and replaced by a smaller one if it is too
slow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from surtitle.core.errors import EngineError, ModelError, Unreachable
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Settings
from surtitle.core.threads import start_thread
from surtitle.core.wire.models import EngineDescription, LoadState, ModelProgress
from surtitle.models import catalogue
from surtitle.models.engine_pool import create_engine_pool
from surtitle.models.lag import LagMonitor, SourcePace
from surtitle.models.selection import Selection, select, smaller_models
from surtitle.models.speed_store import SpeedStore
from surtitle.speech.engine import Engine, Measurable, find_recipient
from surtitle.speech.kinds import find_model
from surtitle.speech.pocketsphinx.engine import PocketsphinxEngine
from surtitle.speech.speed import Speed
from surtitle.speech.vad import SileroVad
from surtitle.text.languages import AUTO, primary

log = logging.getLogger("surtitle.speech")

BUILT_IN = PocketsphinxEngine.name
"""The built-in recognizer's name, as used in place of a model's name."""

_BUILT_IN_NOTICE = "Using the built-in recognizer (pocketsphinx, English only)"
_LOAD_TIMEOUT = 20.0  # seconds that a source waits for a local model to load
_RETRY_INTERVAL = 3.0  # seconds until another computer that has the model is asked again
_LAG_INTERVAL = 2.0  # seconds between two checks of the sources' lag


class Engines:
    """Owns the engines of one service.

    ``on_default_changed`` is called when the default engine has changed; ``paces`` returns the pace of all sources.
    ``changes`` is notified of changes of `description`, and of the progress of models.
    """

    def __init__(self, settings: Settings, changes: Notifier | None = None) -> None:
        self._changes = changes or Notifier()
        self.library = create_engine_pool(settings, self._changes)
        self.on_default_changed: Callable[[], None] = lambda: None
        self.paces: Callable[[], Iterable[SourcePace]] = tuple
        self.notice = ""
        self.choice = ""  # the reason for the default model, for people
        self.ready = False  # whether recognition of a new source starts at once
        self._settings = settings
        self._built_in = PocketsphinxEngine()
        self._default: Engine = self._built_in
        self._speeds = SpeedStore(settings.data_dir)
        self._wanted = ""  # the model that will be the default once it is loaded
        self._loading: asyncio.Task[None] | None = None
        self._local = asyncio.Event()  # set as soon as no model on this computer is being loaded

    def start(self) -> None:
        """Start loading, without waiting. Needs the event loop."""
        self._loading = asyncio.create_task(self._run(), name="engines")

    async def close(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            with suppress(asyncio.CancelledError):
                await self._loading
        await self.library.close()
        await asyncio.to_thread(self._built_in.close)

    async def current(self) -> Engine:
        """The default engine for a new source; waits while a model on this computer is being loaded."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._local.wait(), _LOAD_TIMEOUT)
        return self._default

    async def get(self, model: str | None) -> Engine:
        """The engine of a model (a name or directory), downloaded and loaded if necessary; the default for None.

        Raises `ModelError`.
        """
        if model is None:
            return await self.current()
        return self._built_in if model == BUILT_IN else await self.library.get(model)

    def get_loaded(self, model: str | None) -> Engine | None:
        """The engine of a model if it is loaded now, or else None; the default for None."""
        if model is None:
            return self._default
        return self._built_in if model == BUILT_IN else self.library.get_loaded(model)

    async def get_available(self, *wanted: str | None) -> Engine:
        """The engine for a new source: that of the first of these models that is on this computer, or the default."""
        for model in wanted:
            if model is None:
                break
            with suppress(TimeoutError, EngineError):
                async with asyncio.timeout(_LOAD_TIMEOUT):
                    if self.get_loaded(model) is not None or await self._is_local(model):
                        return await self.get(model)
        return await self.current()

    async def _is_local(self, model: str) -> bool:
        return await start_thread("find model", lambda: find_model(model).is_local())

    @property
    def description(self) -> EngineDescription:
        """The default engine and model, and notices about them, for the dashboard."""
        return EngineDescription(
            engine=self._default.name,
            model=catalogue.plain_name(self._default.model),
            notice=self.notice,
            choice=self.choice,
            recipient=find_recipient(self._default),
        )

    @property
    def automatic(self) -> str:
        """The loaded model that `auto` chose, or ""."""
        chosen = self._settings.model is None and self._default is not self._built_in
        return self._default.model if chosen else ""

    @property
    def settled(self) -> bool:
        """Whether the default engine is what it is going to be, as no other one is on its way."""
        return self._local.is_set() and self.loading is None

    @property
    def loading(self) -> ModelProgress | None:
        """The progress of the model that will be the default; None if it is loaded or cannot be loaded."""
        progress = self.library.progress(self._wanted)
        if self._default is not self._built_in or progress is None or progress.state is LoadState.FAILED:
            return None
        return progress.as_json(self._wanted)

    def _set_notice(self, notice: str) -> None:
        changed, self.notice = notice != self.notice, notice
        self._changes.notify()
        if notice and changed:
            log.warning("%s", notice)

    async def _run(self) -> None:
        """Load the default model, then monitor it if `auto` chose it."""
        await self._load()
        if not self.automatic:
            return
        try:
            await self._watch()
        except Exception:
            log.exception("monitoring the lag of sources failed")

    async def _load(self) -> None:
        """Load the default model. One on a computer that cannot be reached is tried until it can."""
        reached = await self._try_to_load()
        self._local.set()
        if self._default is self._built_in:
            await self._warm_up()
        while not reached:
            await asyncio.sleep(_RETRY_INTERVAL)
            reached = await self._try_to_load()

    async def _try_to_load(self) -> bool:
        """Load the default model, or say why that is impossible. Returns False if it is on a computer out of reach."""
        try:
            await start_thread("load detector", SileroVad)  # cached for all sources
            if BUILT_IN not in (self._settings.engine, self._settings.model):
                await self._load_requested()
            elif primary(self._settings.language) not in (AUTO, "en"):
                self._set_notice(f"{_BUILT_IN_NOTICE}; for other languages start with --engine whisper.")
        except EngineError as error:
            reason = str(error)
            self._set_notice(f"{_BUILT_IN_NOTICE}: {reason[0].lower()}{reason[1:]}")
            return not isinstance(error, Unreachable)
        except Exception:
            log.exception("loading the recognizer failed")
            self._set_notice(f"{_BUILT_IN_NOTICE}: the model could not be loaded, see the service's log.")
        return True

    async def _warm_up(self) -> None:
        try:
            await start_thread("warm", self._built_in.warm)
            self.ready = True
        except EngineError as error:
            self._set_notice(f"Cannot start the built-in recognizer ({error}): run `make install` again.")

    async def _load_requested(self) -> None:
        """Load the requested model, or the one that `auto` chooses. Raises `ModelError` if there is none."""
        settings = self._settings
        selection = await start_thread("choose model", lambda: select(settings.model, settings.language, self._speeds))
        engine = await self._load_first(selection)
        if settings.model is None:
            await self._measure(engine)
            await self._explain(engine.model)
        self._set_notice("")
        self._set_default(engine)

    async def _explain(self, model: str) -> None:
        """Set the reason for the choice of a model, unless it is too slow and only better than none."""
        language = self._settings.language
        now = await start_thread("choose model", lambda: select(None, language, self._speeds, ask_hub=False))
        speed = await asyncio.to_thread(self._speeds.get, model)
        if speed is None or not speed.too_slow:
            hint = f" {now.proposal} would also be fast enough." if now.proposal else ""
            self.choice = f"{model} was chosen for this computer ({now.reason}).{hint}"

    def _set_default(self, engine: Engine) -> None:
        self._default = engine
        self.ready = True
        self._changes.notify()
        self.on_default_changed()

    async def _load_first(self, selection: Selection) -> Engine:
        """Load the first selected model that can be loaded; the built-in engine is used while it is downloaded.

        Raises `ModelError`.
        """
        for name in selection.names:
            self._wanted = name
            load = asyncio.create_task(self.library.get(name))
            try:
                if not await self._is_local(name):
                    self._local.set()  # a download can take long
                    self._set_notice(f"{_BUILT_IN_NOTICE} until the {find_model(name).noun} “{name}” is downloaded.")
                    await self._warm_up()
                return await load
            except ModelError as error:
                if name == selection.names[-1]:
                    raise
                log.warning("%s", error)
            finally:
                load.cancel()
        raise ModelError("There is no model for this computer: choose one with --model.")

    async def _measure(self, engine: Engine) -> None:
        """Measure a model once per computer, if the result can be stored: it delays the first captions."""
        if not isinstance(engine, Measurable) or not self._speeds.is_persistent:
            return
        if self._speeds.get(engine.model) is not None:
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
        """Step down as long as the default model is too slow, by its measurement or because sources lag."""
        while True:
            model = self._default.model
            speed = await asyncio.to_thread(self._speeds.get, model)
            if speed is None or not speed.too_slow:
                speed = await self._wait_for_lag(model)
            if not await self._step_down(speed):
                return

    async def _wait_for_lag(self, model: str) -> Speed:
        """Wait until the sources of a model lag too much, and return its speed with that noted."""
        clock = asyncio.get_running_loop().time
        monitor = LagMonitor(model, clock())
        while True:
            await asyncio.sleep(_LAG_INTERVAL)
            paces = list(self.paces())
            if monitor.observe(clock(), paces):
                break
        known = await asyncio.to_thread(self._speeds.get, model)
        speed = replace(known, lagged=True) if known is not None else Speed(0.0, 0.0, lagged=True)
        if sum(pace.model == model for pace in paces) == 1:  # with several sources, it may still be fast enough for one
            await asyncio.to_thread(self._speeds.put, model, speed)
        return speed

    async def _step_down(self, why: Speed) -> bool:
        """Make the next smaller model the default. Returns False if there is none."""
        model, language = self._default.model, self._settings.language
        for name in await start_thread("choose model", lambda: smaller_models(model, language)):
            try:
                engine = await self.library.get(name)
            except ModelError as error:
                log.warning("%s", error)
                continue
            await self._measure(engine)
            self.choice = f"{name} was chosen for this computer, because {model} was too slow ({why})."
            self._set_notice(f"{model} was too slow for this computer ({why}), so {name} is used instead.")
            self._set_default(engine)
            return True
        hint = "" if primary(language) == "en" else " If all speech is English, --language en allows smaller models."
        self._set_notice(f"{model} is too slow for this computer ({why}), and no smaller one can be downloaded.{hint}")
        return False
