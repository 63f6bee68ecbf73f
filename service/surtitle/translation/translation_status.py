"""The status of a channel's translations."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from surtitle.channels.channel import Channel
from surtitle.core.wire.translation import TranslationEvent, TranslationState
from surtitle.translation.speech import ENGLISH, SpeechTranslation
from surtitle.translation.translation_queue import TranslationQueue
from surtitle.translation.translator_loader import TranslatorLoader

_LAG_THRESHOLD = 3.0  # seconds of waiting above which the status is "behind"
_PROGRESS_INTERVAL = 1.0  # seconds between two looks at whether the model that is loading has to be downloaded

_NO_SOURCE = "Translation starts when somebody speaks."
_SLOW = "The translation is behind: this computer is too slow for this many languages."
_SLOW_SPEECH = "The translation is behind: this computer is busy recognizing, so some sentences may be skipped."


@dataclass(frozen=True, slots=True)
class State:
    """A language's status: waiting, fetching, loading, live, behind or failed; ``message`` is for people."""

    name: TranslationState
    message: str = ""


class TranslationStatus:
    """Finds out the state of each language, and publishes it to the language's track when it has changed."""

    def __init__(
        self, channel: Channel, queue: TranslationQueue, speech: SpeechTranslation, loader: TranslatorLoader
    ) -> None:
        self._channel = channel
        self._queue = queue
        self._speech = speech
        self._loader = loader
        self._states: dict[str, State] = {}

    def get(self, language: str) -> State:
        """The state that was published last."""
        return self._states.get(language, State("loading"))

    def forget(self, languages: Collection[str]) -> None:
        """Forget the states of all languages but these."""
        self._states = {language: state for language, state in self._states.items() if language in languages}

    def publish(self) -> None:
        """Publish the states that have changed."""
        now = asyncio.get_running_loop().time()
        for language in self._queue.languages:
            state = self._find(language, now)
            if state != self._states.get(language):
                self._states[language] = state
                event = TranslationEvent(language=language, state=state.name, message=state.message)
                self._channel.translation(language).tell(event)

    def deadline(self, now: float) -> float:
        """When a state may change although nothing happens, in seconds on the loop's clock; infinity if never."""
        loading = self._loader.loaded is None and not self._loader.failure
        progress = now + _PROGRESS_INTERVAL if loading else float("inf")
        waiting = [self._queue.waiting(language, now) for language in self._queue.languages]
        behind = [now + _LAG_THRESHOLD - seconds for seconds in waiting if 0 < seconds < _LAG_THRESHOLD]
        return min([progress, self._speech.deadline(now), *behind])

    def _find(self, language: str, now: float) -> State:
        if self._queue.idle(language):
            return State("live")
        if language == ENGLISH and self._loader.model is None and (possible := self._speech.possible) is not False:
            return self._find_of_speech(possible, now)
        if problem := self._loader.failure or self._queue.problem(language):
            return State("failed", problem)
        if self._loader.loaded is None:
            return State("fetching" if self._loader.fetching else "loading")
        return State("behind", _SLOW) if self._queue.waiting(language, now) > _LAG_THRESHOLD else State("live")

    def _find_of_speech(self, possible: bool | None, now: float) -> State:
        if possible is None:
            return State("waiting", _NO_SOURCE)
        return State("behind", _SLOW_SPEECH) if self._speech.is_behind(now) else State("live")
