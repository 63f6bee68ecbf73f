"""A source whose words a person types: a human captioner."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence

from surtitle.captions.post_sequence import PostSequence
from surtitle.captions.segmenter import Segmenter
from surtitle.captions.typed import TypedUpdate, TypedWords
from surtitle.channels.channel import Channel
from surtitle.channels.source_stats import SourceStats
from surtitle.core.metrics import Metrics
from surtitle.core.wire.sources import SourceEvent, SourceState, SourceStatus
from surtitle.vocabulary.substituter import Substituter

log = logging.getLogger("surtitle.text_source")

PAUSE = 3.0
"""Seconds without text after which all words are committed."""

CAPTIONER = "captioner"
"""The engine of these sources, in statuses and metrics."""


class TextSource:
    """Makes captions of the text of one captioner.

    Owns the task that finishes captions in pauses, and ends the source ``idle`` seconds after the last request.
    ``on_end`` is called when it has ended.
    """

    def __init__(
        self,
        channel: Channel,
        name: str,
        language: str,
        idle: float,
        on_end: Callable[[TextSource], None],
        metrics: Metrics | None = None,
    ) -> None:
        self.channel = channel
        self.name = name
        self.sequence = PostSequence()
        self._key = secrets.token_hex(3)
        self._language = language
        self._idle = idle
        self._on_end = on_end
        self._typed = TypedWords()
        self._substituter = Substituter()
        self._segmenter = Segmenter(name, channel.session.new_caption_id)
        self._stats = SourceStats(channel.name, metrics)
        self._now = asyncio.get_running_loop().time
        self._began = self._last_post = self._last_text = self._now()
        self._posted = asyncio.Event()
        self._ended = False
        self._sent_status: tuple[object, ...] = ()
        self._publish_status()
        self._task = asyncio.create_task(self._run(), name=f"text source {name}")
        self._task.add_done_callback(lambda task: self._end())
        log.info("%s/%s: started", channel.name, name)

    def write(self, text: str, number: int | None, language: str | None, age: float = 0.0) -> None:
        """Take more text, unless it is what a request with the same ``number`` had.

        ``language`` is that of the text from now on, None for the same as before; ``age`` is how many seconds ago it
        was spoken. An empty text keeps the source from ending.
        """
        self._last_post = self._now()
        self.channel.session.note_activity()
        self._posted.set()
        before = self.sequence.missing
        if not self.sequence.accept(number, text):
            return
        if self.channel.paused:
            self._publish(self._typed.pause())
            return
        if language is not None and language != self._language:
            self._publish(self._typed.pause())
            self._language = language
        if (lost := self.sequence.missing - before) > 0:
            log.warning("%s/%s: %d requests of the captioner did not arrive", self.channel.name, self.name, lost)
            text = text if text.startswith("\b") else f" {text}"  # the word in progress may have ended in one of them
        if text:
            self._last_text = self._last_post
            self._publish(self._typed.write(text, self.channel.session.clock(age)))

    async def finish(self) -> None:
        """End the source; all its words become final."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def snapshot(self) -> SourceStatus:
        """The source's state for the dashboard."""
        return SourceStatus(
            name=self.name,
            id=self._key,
            state=self._state,
            engine=CAPTIONER,
            model="",
            language=self._language,
            notice="",
            speaking=self._typed.unsettled,
            level=round(self._stats.level, 1),
            seconds=round(self._now() - self._began, 1),
            lag=0.0,
            skipped=0.0,
            waiting=0.0,
            standby=False,
            captions=self._stats.captions,
            pace=self._stats.pace,
            speakers_skipped=None,
            remote=None,
        )

    @property
    def _state(self) -> SourceState:
        return SourceState.ENDED if self._ended else SourceState.LIVE

    async def _run(self) -> None:
        while (now := self._now()) < (end := self._last_post + self._idle):
            if self._typed.unsettled and now >= self._last_text + PAUSE:
                self._publish(self._typed.pause())
            until = min(end, self._last_text + PAUSE) if self._typed.unsettled else end
            self._posted.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._posted.wait()
            except TimeoutError:
                continue

    def _end(self) -> None:
        self._publish(self._typed.pause())
        self._ended = True
        self._publish_status()
        log.info("%s/%s: ended", self.channel.name, self.name)
        self._on_end(self)

    def _publish(self, updates: Sequence[TypedUpdate]) -> None:
        for update in updates:
            rules = self.channel.settings.vocabulary.rules
            hypothesis = self._substituter.apply(update.hypothesis, rules, final=update.endpoint)
            for caption in self._segmenter.update(hypothesis, self._language, endpoint=update.endpoint):
                self._stats.count_caption(caption, CAPTIONER, None)
                self.channel.original.put(caption)
        self._publish_status()
        self.channel.changes.notify()

    def _publish_status(self) -> None:
        """Publish the status to the channel's readers, if it has changed."""
        state, speaking, language = self._state, self._typed.unsettled, self._language
        if self._sent_status != (state, speaking, language):
            self._sent_status = (state, speaking, language)
            event = SourceEvent(source=self.name, state=state, engine=CAPTIONER, language=language, speaking=speaking)
            self.channel.tell(event)
