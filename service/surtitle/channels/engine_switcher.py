"""Switches the engines of a channel's sources to what its settings require, while captions run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import msgspec

from surtitle.channels.channel import Channel
from surtitle.channels.settings import SettingsChanges
from surtitle.channels.source import Source
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import BadRequest, EngineError
from surtitle.core.wire.models import LoadState, ModelProgress
from surtitle.models.catalogue import plain_name
from surtitle.models.engines import BUILT_IN, Engines
from surtitle.models.pool import Progress
from surtitle.speech.chinese import open_stream
from surtitle.speech.engine import Engine, Hints, Stream
from surtitle.text.chinese import Characters, find_characters
from surtitle.text.languages import AUTO, recognizer_code, unknown_language

log = logging.getLogger("surtitle.tuner")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine, language and hints with which a source is recognized."""

    engine: Engine
    language: str
    hints: Hints
    characters: Characters | None = None
    """The Chinese characters to write; None for what the recognizer writes."""
    notice: str = ""
    """A notice for the publisher about the language; may be empty."""

    def satisfies(self, wanted: EngineChoice) -> bool:
        """Whether this choice does what ``wanted`` asks for.

        The embedded recognizer knows one language and takes no hints, so with it any language and hints are sufficient.
        """
        same_engine = self.engine is wanted.engine and self.notice == wanted.notice
        return self == wanted or (same_engine and self.engine.name == BUILT_IN)


class EngineSwitcher:
    """Owns one task for each channel that changes; the newest change wins.

    A channel keeps its current model until the new one is ready, and permanently if that fails.
    ``sources`` gives a channel's running sources with the options that their clients requested. ``on_revert`` is
    called when the setting of a channel's model was reverted because its new model failed.
    """

    def __init__(
        self,
        engines: Engines,
        language: str,
        sources: Callable[[Channel], Iterable[tuple[Source, SourceOptions]]],
        on_revert: Callable[[Channel], None],
    ) -> None:
        self._engines = engines
        self._language = language
        self._sources = sources
        self._on_revert = on_revert
        self._choices: WeakKeyDictionary[Source, EngineChoice] = WeakKeyDictionary()
        self._tasks: dict[Channel, asyncio.Task[None]] = {}

    async def open(self, channel: Channel, options: SourceOptions) -> tuple[EngineChoice, Stream]:
        """The best engine that is available soon, and a stream for a client that requested ``options``.

        Raises `EngineError`.
        """
        engine = await self._engines.get_available(channel.settings.model, channel.model)
        choice = self._choose(engine, channel, options)
        return choice, await _open(choice)

    def check_choice(self, source: Source, choice: EngineChoice, options: SourceOptions) -> None:
        """Register the choice for a source that was started, and switch it if the settings have changed meanwhile."""
        channel = source.channel
        self._choices[source] = choice
        source.warn(choice.notice)
        engine = self._engines.get_loaded(channel.settings.model)
        up_to_date = engine is not None and choice.satisfies(self._choose(engine, channel, options))
        if not up_to_date and channel not in self._tasks:
            self.switch_engine(channel)

    def check_options(self, source: Source, options: SourceOptions) -> None:
        """Check whether a running source's engine recognizes the requested language. Raises `BadRequest`."""
        engine = self._choices[source].engine
        if options.language and recognizer_code(options.language, engine.languages) is None:
            name = engine.name if engine.name == BUILT_IN else plain_name(engine.model)
            raise BadRequest(unknown_language(options.language, name, engine.languages, detected=False))

    def change(self, channel: Channel, changes: SettingsChanges) -> None:
        """Change a channel's settings, and begin to apply them to its sources. Raises `BadRequest`."""
        before, after = channel.settings, channel.settings.apply(changes)
        channel.settings, channel.failure = after, ""
        channel.publish_pause()
        if before.names != after.names:
            channel.rename()
        if (before.model, before.language, before.hints) != (after.model, after.language, after.hints):
            self.switch_engine(channel)

    def switch_engine(self, channel: Channel) -> None:
        """Begin to switch all sources to what the settings require."""
        before = self._tasks.get(channel)
        task = self._tasks[channel] = asyncio.create_task(self._switch(channel), name=f"retune {channel.name}")
        task.add_done_callback(lambda done: self._task_done(channel, done))
        if before is not None:
            before.cancel()  # after the new task has begun, so that a model that both wait for is not released

    def describe(self, channel: Channel) -> ModelProgress | None:
        """The progress of the model that is loading, or the failure of the last change; None without either."""
        model = channel.settings.model
        if channel in self._tasks and model is not None and model != channel.model:
            return (self._engines.library.progress(model) or Progress(LoadState.WAITING)).as_json(model)
        return Progress(LoadState.FAILED, message=channel.failure).as_json(model or "") if channel.failure else None

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _switch(self, channel: Channel) -> None:
        wanted = channel.settings.model
        try:
            engine = await self._engines.get(wanted)
        except EngineError as error:
            log.warning("%s: %s", channel.name, error)
            channel.failure = f"{error.message} Captions continue with the previous model."
            if self._engines.get_loaded(channel.model) is None:
                channel.model = None
            channel.settings = msgspec.structs.replace(channel.settings, model=channel.model)
            self._on_revert(channel)
            engine = await self._engines.get(channel.model)
        channel.model = channel.settings.model
        while (found := self._find_outdated(channel, engine)) is not None:
            source, choice = found
            self._choices[source] = choice
            try:
                stream = await _open(choice)
            except EngineError as error:
                log.warning("%s/%s: %s", channel.name, source.name, error)
                channel.failure = error.message
            else:
                await source.use(engine, stream)
                source.warn(choice.notice)

    def _find_outdated(self, channel: Channel, engine: Engine) -> tuple[Source, EngineChoice] | None:
        """A source with another choice than it should have, and the right one; None when all are up to date."""
        for source, options in self._sources(channel):
            wanted, current = self._choose(engine, channel, options), self._choices.get(source)
            if current is None or not current.satisfies(wanted):
                return source, wanted
        return None

    def _choose(self, engine: Engine, channel: Channel, options: SourceOptions) -> EngineChoice:
        settings = channel.settings
        wanted = options.language or settings.language or self._language
        code = recognizer_code(wanted, engine.languages)
        name = engine.name if engine.name == BUILT_IN else plain_name(engine.model)
        notice = "" if code else unknown_language(wanted, name, engine.languages)
        return EngineChoice(engine, code or AUTO, options.hints(settings), find_characters(wanted), notice)

    def _task_done(self, channel: Channel, task: asyncio.Task[None]) -> None:
        if self._tasks.get(channel) is task:
            del self._tasks[channel]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: switching the engine of its sources failed", channel.name, exc_info=error)
        channel.changes.notify()


async def _open(choice: EngineChoice) -> Stream:
    """Open a stream; if the caller is cancelled, the stream is closed again. Raises `EngineError`."""
    opening = asyncio.ensure_future(
        asyncio.to_thread(open_stream, choice.engine, choice.language, choice.hints, choice.characters)
    )
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(EngineError):
            stream = await opening
            await asyncio.to_thread(stream.close)
        raise
