"""Brings a channel's sources to what its settings say, while captions run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from surtitle.channels.channel import Channel
from surtitle.channels.settings import Changes
from surtitle.channels.source import Source
from surtitle.core.errors import EngineError
from surtitle.models.engines import BUILT_IN, Engines
from surtitle.models.library import Progress
from surtitle.speech.engine import Engine, Hints, Stream
from surtitle.text.languages import AUTO, recognizer_code, unknown_language

log = logging.getLogger("surtitle.tuner")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """What a source is recognized with."""

    engine: Engine
    language: str
    hints: Hints
    notice: str = ""
    """What the publisher should know about the language, if anything."""

    def serves(self, wanted: EngineChoice) -> bool:
        """Whether it is as good as another one: the embedded recognizer knows one language, and takes no hints."""
        same_engine = self.engine is wanted.engine and self.notice == wanted.notice
        return self == wanted or (same_engine and self.engine.name == BUILT_IN)


class EngineSwitcher:
    """Owns one task for each channel that changes; the newest change wins.

    A channel keeps the model that it has until the new one is ready, and for good if that fails.
    ``sources`` gives a channel's running sources with the languages that their clients asked for.
    """

    def __init__(
        self, engines: Engines, language: str, sources: Callable[[Channel], Iterable[tuple[Source, str | None]]]
    ) -> None:
        self._engines = engines
        self._language = language
        self._sources = sources
        self._tuned: WeakKeyDictionary[Source, EngineChoice] = WeakKeyDictionary()
        self._tasks: dict[Channel, asyncio.Task[None]] = {}

    async def open(self, channel: Channel, language: str | None) -> tuple[EngineChoice, Stream]:
        """The best that can be had soon for a source whose client asked for ``language``. Raises `EngineError`."""
        engine = await self._engines.get_available(channel.settings.model, channel.model)
        tuning = self._tuning(engine, channel, language)
        return tuning, await _open(tuning)

    def settle(self, source: Source, tuning: EngineChoice, language: str | None) -> None:
        """A source was started; if it should have something else by now, see to it."""
        channel = source.channel
        self._tuned[source] = tuning
        source.warn(tuning.notice)
        engine = self._engines.get_loaded(channel.settings.model)
        right = engine is not None and tuning.serves(self._tuning(engine, channel, language))
        if not right and channel not in self._tasks:
            self.switch_engine(channel)

    def change(self, channel: Channel, changes: Changes) -> None:
        """Take note of new settings, and begin to apply them. Raises `BadRequest`."""
        before, after = channel.settings, channel.settings.changed(changes)
        channel.settings, channel.failure = after, ""
        if before.names != after.names:
            channel.rename()
        if (before.model, before.language, before.hints) != (after.model, after.language, after.hints):
            self.switch_engine(channel)

    def switch_engine(self, channel: Channel) -> None:
        """Begin to bring all sources to what the settings say."""
        before = self._tasks.get(channel)
        task = self._tasks[channel] = asyncio.create_task(self._retune(channel), name=f"retune {channel.name}")
        task.add_done_callback(lambda done: self._forget(channel, done))
        if before is not None:
            before.cancel()  # after the new one has begun: a model that both wait for is not let go

    def describe(self, channel: Channel) -> dict[str, Any] | None:
        """The model that is on its way, or could not be had; None when there is nothing to tell."""
        model = channel.settings.model
        if channel in self._tasks and model is not None and model != channel.model:
            return (self._engines.library.progress(model) or Progress("waiting")).as_json(model)
        return Progress("failed", message=channel.failure).as_json(model or "") if channel.failure else None

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _retune(self, channel: Channel) -> None:
        wanted = channel.settings.model
        try:
            engine = await self._engines.get(wanted)
        except EngineError as error:
            log.warning("%s: %s", channel.name, error)
            channel.failure = f"{error.message} The captions go on as before."
            if self._engines.get_loaded(channel.model) is None:
                channel.model = None
            channel.settings = replace(channel.settings, model=channel.model)
            engine = await self._engines.get(channel.model)
        channel.model = channel.settings.model
        while (found := self._next(channel, engine)) is not None:
            source, tuning = found
            self._tuned[source] = tuning
            try:
                stream = await _open(tuning)
            except EngineError as error:
                log.warning("%s/%s: %s", channel.name, source.name, error)
                channel.failure = error.message
            else:
                await source.use(engine, stream)
                source.warn(tuning.notice)

    def _next(self, channel: Channel, engine: Engine) -> tuple[Source, EngineChoice] | None:
        """A source that does not have what it should have, and that; sources may come and go meanwhile."""
        for source, language in self._sources(channel):
            wanted, has = self._tuning(engine, channel, language), self._tuned.get(source)
            if has is None or not has.serves(wanted):
                return source, wanted
        return None

    def _tuning(self, engine: Engine, channel: Channel, language: str | None) -> EngineChoice:
        settings = channel.settings
        wanted = language or settings.language or self._language
        code = recognizer_code(wanted, engine.languages)
        name = engine.name if engine.name == BUILT_IN else engine.model
        notice = "" if code else unknown_language(wanted, name, engine.languages)
        return EngineChoice(engine, code or AUTO, settings.hints, notice)

    def _forget(self, channel: Channel, task: asyncio.Task[None]) -> None:
        if self._tasks.get(channel) is task:
            del self._tasks[channel]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: its sources could not be changed", channel.name, exc_info=error)


async def _open(tuning: EngineChoice) -> Stream:
    """A stream; when cancelled, what was opened is given back. Raises `EngineError`."""
    opening = asyncio.ensure_future(asyncio.to_thread(tuning.engine.open, tuning.language, tuning.hints))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(EngineError):
            stream = await opening
            await asyncio.to_thread(stream.close)
        raise
