"""Translation of a channel's audio into English by its recognizer, where there is no translation model."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.core.errors import SurtitleError
from surtitle.core.words import Word
from surtitle.text.language_names import is_same_language
from surtitle.translation.stretches import Stretch, Stretches, distribute_words

log = logging.getLogger("surtitle.translation")

ENGLISH = "en"
_MAX_QUEUE = 8  # sentences waiting for the recognizer
_TIMEOUT = 20.0  # seconds after which a sentence is skipped
_LAG_THRESHOLD = 5.0  # seconds of waiting above which the translation is behind
_RECENT_WINDOW = 30.0  # seconds for which it is behind after a sentence was skipped

Translate = Callable[[], Awaitable[str]]
"""Translates a piece of audio that was kept for it."""


class SpokenSource(Protocol):
    """A source whose recent audio is kept for a while, even after its end."""

    def english_translator(self, start: float, end: float, language: str) -> Translate | None:
        """A function that translates the audio of that time, in seconds on the channel's clock; None if impossible."""


class Speech(Protocol):
    """The recognizers of channels."""

    def translates(self, channel: Channel) -> bool | None:
        """Whether a channel's recognizer can translate into English; None while the channel has no source."""

    def find(self, channel: Channel, name: str) -> SpokenSource | None:
        """The newest running source of that name, if there is one."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    stretch: Stretch
    translate: Translate


class SpeechTranslation:
    """A queue of sentences for the recognizer, which translates when no audio waits for recognition.

    Times are in seconds on the loop's clock.
    """

    def __init__(self, channel: Channel, speech: Speech) -> None:
        self._channel = channel
        self._speech = speech
        self._stretches = Stretches()
        self._waiting: deque[_Sentence] = deque()
        self._current: Stretch | None = None
        self._sources: dict[str, SpokenSource] = {}  # those with an unfinished sentence
        self._last_possible: bool | None = None
        self._skipped_at = float("-inf")  # when a sentence was last skipped

    @property
    def pending(self) -> bool:
        """Whether a sentence waits."""
        return bool(self._waiting)

    @property
    def possible(self) -> bool | None:
        """Whether the channel's recognizer can translate, or could while it last had a source; None before that."""
        if (able := self._speech.translates(self._channel)) is not None:
            self._last_possible = able
        return self._last_possible

    def is_behind(self, now: float) -> bool:
        """Whether readers miss sentences or wait long for them."""
        oldest = self._oldest
        return now - self._skipped_at < _RECENT_WINDOW or (oldest is not None and now - oldest.since > _LAG_THRESHOLD)

    def deadline(self, now: float) -> float:
        """The next time after which `release` or `is_behind` may return something else; or infinity."""
        oldest = self._oldest
        lags = oldest.since + _LAG_THRESHOLD if oldest else math.inf
        times = (self._stretches.deadline(), self._skipped_at + _RECENT_WINDOW, lags)
        return min((at for at in times if at >= now), default=math.inf)

    @property
    def _oldest(self) -> Stretch | None:
        """The sentence that is being translated, or else waits for longest."""
        return self._current or (self._waiting[0].stretch if self._waiting else None)

    def add(self, caption: Caption, now: float) -> list[Caption]:
        """Add a revision of a caption. Returns the captions that are skipped because too many wait."""
        if is_same_language(caption.language, ENGLISH):
            return []
        if (source := self._speech.find(self._channel, caption.source)) is not None:
            self._sources[caption.source] = source
        return self._enqueue(self._stretches.put(caption, now), now)

    def release(self, now: float) -> list[Caption]:
        """Queue sentences that do not continue. Returns the captions that are skipped because too many wait."""
        return self._enqueue(self._stretches.release(now), now)

    def clear(self) -> None:
        """Discard all sentences, because the channel was cleared."""
        self._stretches.clear()
        self._waiting.clear()

    async def next(self) -> tuple[list[tuple[Caption, tuple[Word, ...]]], list[Caption]]:
        """Translate the oldest sentence. Returns its captions with their translated words, and the skipped captions.

        A sentence must be waiting: see `pending`.
        """
        sentence = self._waiting.popleft()
        stretch = self._current = sentence.stretch
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(stretch.since + _TIMEOUT):
                text = await sentence.translate()
        except TimeoutError:
            log.warning("%s: recognition leaves no time to translate, so a sentence was skipped", self._channel.name)
        except (SurtitleError, RuntimeError) as error:  # the engine may have been closed
            log.warning("%s: %s", self._channel.name, error)
        else:
            return list(zip(stretch.captions, distribute_words(text, stretch.captions), strict=True)), []
        finally:
            self._current = None
        self._skipped_at = loop.time()
        return [], list(stretch.captions)

    def _enqueue(self, stretches: list[Stretch], now: float) -> list[Caption]:
        """Queue sentences with their audio, which must be taken now, while it is kept."""
        lost: list[Caption] = []
        for stretch in stretches:
            source = self._sources.get(stretch.captions[0].source)
            translate = source.english_translator(stretch.start, stretch.end, stretch.language) if source else None
            if translate is None:
                lost += stretch.captions
            else:
                self._waiting.append(_Sentence(stretch, translate))
        self._sources = {name: one for name, one in self._sources.items() if self._stretches.has_open_sentence(name)}
        while len(self._waiting) > _MAX_QUEUE:
            lost += self._waiting.popleft().stretch.captions
            self._skipped_at = now
        return lost
