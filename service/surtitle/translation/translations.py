"""All translations of the service: a language is translated while it has readers or is pinned."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from surtitle.channels.channel import Channel
from surtitle.channels.track import Track
from surtitle.core.errors import TooMany
from surtitle.core.notifier import Notifier
from surtitle.core.settings import Settings
from surtitle.core.wire.translation import RunningTranslation, TranslationStatus
from surtitle.text.language_names import find
from surtitle.translation.interpreter import Interpreter
from surtitle.translation.speech import Speech
from surtitle.translation.translators import create_translators

ORIGINAL = "original"
"""The name by which a reader requests the original captions."""


class Translations:
    """Owns the translators and an interpreter for each channel that has translations. ``speech``: see `Interpreter`.

    ``changes`` is notified of the progress of models.
    """

    def __init__(self, settings: Settings, speech: Speech, changes: Notifier | None = None) -> None:
        self._settings = settings
        self._speech = speech
        self._limits = settings.limits
        self._translators = create_translators(changes)
        self._translators.in_use = self._list_models_in_use
        self._interpreters: dict[Channel, Interpreter] = {}
        self._readers: Counter[tuple[Channel, str]] = Counter()
        self._leaving: dict[tuple[Channel, str], asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def language(self, channel: Channel, asked: str | None) -> str | None:
        """The tag of the language that a reader requests, None for the original. Raises `BadRequest`, `TooMany`."""
        if not asked or asked.strip().casefold() == ORIGINAL:
            return None
        tag = find(asked).tag
        self.check_limit({*self._list_wanted(channel), tag})
        return tag

    async def find_language(self, channel: Channel, asked: str | None) -> str | None:
        """Like `language`, but others do not wait while the names of languages are loaded for the first time."""
        if asked and asked.strip().casefold() != ORIGINAL:
            await asyncio.to_thread(find, asked)
        return self.language(channel, asked)

    def check_limit(self, languages: set[str]) -> None:
        """Raises `TooMany`."""
        if len(languages) > self._limits.languages:
            raise TooMany(
                f"A channel is translated into at most {self._limits.languages} languages: read one of "
                f"{', '.join(sorted(languages)[: self._limits.languages])}, or unpin one."
            )

    @contextmanager
    def subscribe(self, channel: Channel, language: str | None) -> Iterator[Track]:
        """The track for a reader, which is translated as long as the block runs; None means the original."""
        if language is None:
            yield channel.original
            return
        key = channel, language
        self._readers[key] += 1
        if (leaving := self._leaving.pop(key, None)) is not None:
            leaving.cancel()
        self.apply(channel)
        try:
            yield channel.translation(language)
        finally:
            self._readers[key] -= 1
            channel.changes.notify()
            if not self._readers[key]:
                del self._readers[key]
                later = asyncio.get_running_loop().call_later
                self._leaving[key] = later(self._limits.language_linger, self._reader_timeout, key)

    def apply(self, channel: Channel) -> None:
        """Start and stop translations according to readers and the channel's settings."""
        wanted = self._list_wanted(channel)
        interpreter = self._interpreters.get(channel)
        if interpreter is None and wanted:
            interpreter = Interpreter(channel, self._translators, lambda: self._model(channel), self._speech)
            self._interpreters[channel] = interpreter
        if interpreter is not None:
            interpreter.set_languages(wanted)
            if not wanted:
                del self._interpreters[channel]
                closing = asyncio.create_task(interpreter.close())
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)
        channel.changes.notify()
        self._translators.unload_idle()

    def problem(self, channel: Channel, language: str) -> str:
        """Why the translation into a requested language failed, in one sentence; empty if it did not."""
        interpreter = self._interpreters.get(channel)
        state = interpreter.state(language) if interpreter else None
        return state.message if state and state.name == "failed" else ""

    def describe(self, channel: Channel) -> dict[str, Any]:
        """Part of the channel's description: the model, and the languages being translated."""
        interpreter = self._interpreters.get(channel)
        model = self._model(channel)
        progress = self._translators.progress(model) if model else None
        languages = list(interpreter.languages) if interpreter else []
        status = TranslationStatus(
            model=model,
            state=progress.state if progress else None,
            done=progress.done if progress else None,
            message=progress.message if progress else "",
            languages=[self._describe(channel, interpreter, one) for one in languages] if interpreter else [],
        )
        return {"translation": status}

    async def close(self) -> None:
        for leaving in self._leaving.values():
            leaving.cancel()
        for interpreter in self._interpreters.values():
            await interpreter.close()
        await asyncio.gather(*self._closing)
        await self._translators.close()

    def _model(self, channel: Channel) -> str | None:
        return channel.settings.translation_model or self._settings.translation_model

    def _list_models_in_use(self) -> set[str | None]:
        return {self._settings.translation_model, *map(self._model, self._interpreters)}

    def _list_wanted(self, channel: Channel) -> list[str]:
        """The languages that are pinned, have readers, or had some a moment ago."""
        read = [language for one, language in (*self._readers, *self._leaving) if one is channel]
        return list(dict.fromkeys((*channel.settings.translations, *read)))

    def _reader_timeout(self, key: tuple[Channel, str]) -> None:
        self._leaving.pop(key, None)
        self.apply(key[0])

    def _describe(self, channel: Channel, interpreter: Interpreter, language: str) -> RunningTranslation:
        state = interpreter.state(language)
        return RunningTranslation(
            language=language,
            name=find(language).name,
            state=state.name,
            message=state.message,
            readers=self._readers[channel, language],
            pinned=language in channel.settings.translations,
            lag=round(interpreter.waiting(language), 1),
            skipped=interpreter.skipped(language),
        )
