"""A channel's translation into English by its recognizer, from the sound, where there is no translation model."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.core.errors import SurtitleError
from surtitle.core.words import Word
from surtitle.text.language_names import same
from surtitle.translation.stretches import Stretch, Stretches, parts

log = logging.getLogger("surtitle.translation")

ENGLISH = "en"
_QUEUE = 8  # sentences that may wait for the recognizer
_TOO_LATE = 20.0  # seconds after which a sentence is left out
_BEHIND = 5.0  # seconds of waiting that readers should know about
_RECENT = 30.0  # seconds for which they are told that something was left out

Translate = Callable[[], Awaitable[str]]
"""Translates a sound that was kept for it."""


class SpokenSource(Protocol):
    """Somebody who is heard, and whose sound is kept for a while, also after the end."""

    def english_translator(self, start: float, end: float, language: str) -> Translate | None:
        """What translates the sound of that time, in seconds on the channel's clock; None if it cannot be done."""


class Speech(Protocol):
    """The recognizers that hear a channel."""

    def translates(self, channel: Channel) -> bool | None:
        """Whether one of them translates into English itself; None while the channel has no source."""

    def source(self, channel: Channel, name: str) -> SpokenSource | None:
        """The source of that name, if it runs."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    stretch: Stretch
    translate: Translate


class SpeechTranslation:
    """Sentences that wait for the recognizer, which translates when nothing waits to be recognized.

    Times are seconds on the loop's clock.
    """

    def __init__(self, channel: Channel, speech: Speech) -> None:
        self._channel = channel
        self._speech = speech
        self._stretches = Stretches()
        self._waiting: deque[_Sentence] = deque()
        self._current: Stretch | None = None
        self._sources: dict[str, SpokenSource] = {}  # those with a sentence that is not over
        self._able: bool | None = None
        self._left_out = float("-inf")  # when a sentence was, last

    @property
    def pending(self) -> bool:
        """Whether a sentence waits."""
        return bool(self._waiting)

    @property
    def possible(self) -> bool | None:
        """Whether the channel's recognizer can do it, or could when somebody was heard last; None before that."""
        if (able := self._speech.translates(self._channel)) is not None:
            self._able = able
        return self._able

    def behind(self, now: float) -> bool:
        """Whether readers miss something, or wait long."""
        oldest = self._current or (self._waiting[0].stretch if self._waiting else None)
        return now - self._left_out < _RECENT or (oldest is not None and now - oldest.since > _BEHIND)

    def hear(self, caption: Caption, now: float) -> list[Caption]:
        """A revision of a caption; the captions that are left out because too many wait."""
        if same(caption.language, ENGLISH):
            return []
        if (source := self._speech.source(self._channel, caption.source)) is not None:
            self._sources[caption.source] = source
        return self._ask(self._stretches.put(caption, now), now)

    def release(self, now: float) -> list[Caption]:
        """Take sentences that do not go on; the captions that are left out because too many wait."""
        return self._ask(self._stretches.release(now), now)

    def clear(self) -> None:
        """What was said is not wanted any more."""
        self._stretches.clear()
        self._waiting.clear()

    async def next(self) -> tuple[list[tuple[Caption, tuple[Word, ...]]], list[Caption]]:
        """Translate the oldest sentence: its captions with their words, and those that are left out.

        There has to be one that waits.
        """
        sentence = self._waiting.popleft()
        stretch = self._current = sentence.stretch
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(stretch.since + _TOO_LATE):
                text = await sentence.translate()
        except TimeoutError:
            log.warning("%s: recognition leaves no time to translate, a sentence was left out", self._channel.name)
        except (SurtitleError, RuntimeError) as error:  # the engine may have been closed
            log.warning("%s: %s", self._channel.name, error)
        else:
            return list(zip(stretch.captions, parts(text, stretch.captions), strict=True)), []
        finally:
            self._current = None
        self._left_out = loop.time()
        return [], list(stretch.captions)

    def _ask(self, stretches: list[Stretch], now: float) -> list[Caption]:
        """The sound has to be asked for now, while it is there."""
        lost: list[Caption] = []
        for stretch in stretches:
            source = self._sources.get(stretch.captions[0].source)
            translate = source.english_translator(stretch.start, stretch.end, stretch.language) if source else None
            if translate is None:
                lost += stretch.captions
            else:
                self._waiting.append(_Sentence(stretch, translate))
        self._sources = {name: one for name, one in self._sources.items() if self._stretches.waits(name)}
        while len(self._waiting) > _QUEUE:
            lost += self._waiting.popleft().stretch.captions
            self._left_out = now
        return lost
