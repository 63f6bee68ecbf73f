"""The translation of one channel: follows the original captions, and writes a track for each requested language."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress

from surtitle.channels.channel import Channel
from surtitle.channels.feed import Event
from surtitle.core.errors import SurtitleError
from surtitle.core.notifier import Notifier
from surtitle.text.language_names import find
from surtitle.translation.speech import ENGLISH, Speech, SpeechTranslation
from surtitle.translation.translation_queue import LanguageJobs, TranslationQueue
from surtitle.translation.translation_status import State, TranslationStatus
from surtitle.translation.translator import Text
from surtitle.translation.translator_loader import TranslatorLoader
from surtitle.translation.translators import LoadedTranslator, Translators

log = logging.getLogger("surtitle.translation")

_IDLE_TIMEOUT = 60.0  # seconds to wait for something to do before looking again, in any case
_DEADLINE_MARGIN = 0.01  # seconds: what waits until a deadline is due after it
_RESTART_DELAY = 0.25  # seconds before a translation that failed is restarted


class Interpreter:
    """Owns the tasks that translate, as long as a language is requested.

    ``model`` gives the name of the model to use. Without one, ``speech`` may still translate into English. Nothing
    waits for a slow translator: it always gets the newest revisions, and every caption that became final.
    """

    def __init__(
        self, channel: Channel, translators: Translators, model: Callable[[], str | None], speech: Speech
    ) -> None:
        self._channel = channel
        self._model = model
        self._changes = Notifier()  # of what waits, and of the model
        self._queue = TranslationQueue(channel, self._changes)
        self._speech = SpeechTranslation(channel, speech)
        self._loader = TranslatorLoader(translators, self._restart, self._changes)
        self._status = TranslationStatus(channel, self._queue, self._speech, self._loader)
        self._now = asyncio.get_running_loop().time
        self._sequence = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def languages(self) -> Collection[str]:
        return self._queue.languages

    def set_languages(self, languages: Collection[str]) -> None:
        """Translate into these languages only from now on, beginning with the captions on screen.

        To be called when the model may have changed, too.
        """
        if not set(self.languages) & set(languages):
            self._sequence = self._channel.original.feed.last
        if languages:
            self._loader.select(self._model())
        self._queue.set_languages(languages, self._now())
        self._status.forget(languages)
        if languages and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name=f"interpreter {self._channel.name}")

    def state(self, language: str) -> State:
        return self._status.get(language)

    def waiting(self, language: str) -> float:
        """The seconds for which the oldest final caption has waited for its translation."""
        return self._queue.waiting(language, self._now())

    def skipped(self, language: str) -> int:
        """The number of captions that were not translated."""
        return self._queue.skipped(language)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._loader.close()

    def _restart(self) -> None:
        self._queue.restart(self._now())

    async def _run(self) -> None:
        while self.languages:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._follow(), name=f"follow {self._channel.name}")
                    tasks.create_task(self._run_jobs(), name=f"translate {self._channel.name}")
                    tasks.create_task(self._publish_states(), name=f"states {self._channel.name}")
            except* Exception:
                log.exception("%s: translation failed and is restarted", self._channel.name)
                self._restart()
                await asyncio.sleep(_RESTART_DELAY)

    async def _follow(self) -> None:
        """Follow the original captions, even while others are translated."""
        original = self._channel.original
        while self.languages:
            now = self._now()
            for event in await original.since(self._sequence):
                self._sequence = max(self._sequence, event.number)
                self._handle_event(event, now)
            self._queue.skip(ENGLISH, self._speech.release(now))
            self._changes.notify()
            await original.feed.wait(self._sequence, self._timeout(self._speech.deadline(now)))

    def _handle_event(self, event: Event, now: float) -> None:
        """Handle an event of the original track."""
        if event.name == "clear":
            self._speech.clear()
            self._queue.clear()
        elif (caption := event.caption) is not None:
            self._queue.put(caption, now)
            if self._loader.model is None and ENGLISH in self.languages:  # its audio is only kept for a while
                self._queue.skip(ENGLISH, self._speech.add(caption, now))

    async def _run_jobs(self) -> None:
        """Translate the captions that wait."""
        while self.languages:
            seen, now, loaded = self._changes.count, self._now(), self._loader.loaded
            self._queue.release(now)
            jobs = self._queue.jobs(now, loaded.translator.codes) if loaded else []
            if loaded and jobs:
                await self._translate(loaded, jobs)
            elif self._speech.pending:
                await self._translate_speech()
            else:
                await self._changes.wait(seen, self._timeout(self._queue.deadline(now)))

    async def _translate(self, loaded: LoadedTranslator, jobs: LanguageJobs) -> None:
        texts = [Text(job.text, find(job.language).nllb, find(language).nllb, job.before) for language, job in jobs]
        try:
            translations = await loaded.translate(texts)
        except SurtitleError as error:
            log.warning("%s: %d texts could not be translated: %s", self._channel.name, len(texts), error)
            self._queue.fail(jobs, error.message)
        except Exception:
            log.exception("%s: %d texts could not be translated", self._channel.name, len(texts))
            self._queue.fail(jobs, "Some captions could not be translated: see the service's log for details.")
        else:
            self._queue.finish(jobs, translations)

    async def _translate_speech(self) -> None:
        translated, lost = await self._speech.next()
        self._queue.skip(ENGLISH, lost)
        for caption, words in translated:
            self._queue.set_translation(ENGLISH, caption, words)
        self._changes.notify()

    async def _publish_states(self) -> None:
        """Publish the languages' states whenever they change."""
        while self.languages:
            seen = self._changes.count
            self._status.publish()
            await self._changes.wait(seen, self._timeout(self._status.deadline(self._now())))

    def _timeout(self, deadline: float) -> float:
        """The seconds to wait for something to do if something is to be done after ``deadline`` in any case."""
        return min(_IDLE_TIMEOUT, deadline - self._now() + _DEADLINE_MARGIN)
