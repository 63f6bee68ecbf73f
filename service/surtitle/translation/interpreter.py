"""The translation of one channel: follows the original captions, and writes a track for each requested language."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.feed import Event
from surtitle.core.errors import BadRequest, ModelError, SurtitleError
from surtitle.text.language_names import find
from surtitle.translation.policy import Job, Policy
from surtitle.translation.speech import ENGLISH, Speech, SpeechTranslation
from surtitle.translation.translator import Text
from surtitle.translation.translators import LoadedTranslator, Translators

log = logging.getLogger("surtitle.translation")

_POLL_INTERVAL = 0.25  # seconds between two checks when nothing is published
_LAG_THRESHOLD = 3.0  # seconds of waiting above which the status is "behind"
_RETRY_DELAY = 30.0  # seconds until a model that could not be loaded is tried again

NO_MODEL = (
    "Translations need a model: choose one in the dashboard under Translation, "
    "or start the service with --translation-model."
)
_NO_SOURCE = "Translation starts when somebody speaks."
_SLOW_SPEECH = "The translation is behind: this computer is busy recognizing, so some sentences may be skipped."


@dataclass(frozen=True, slots=True)
class State:
    """A language's status: waiting, fetching, loading, live, behind or failed; ``message`` is for people."""

    name: str
    message: str = ""


class Interpreter:
    """Owns the task that translates, as long as a language is requested.

    ``model`` gives the name of the model to use. Without one, ``speech`` may still translate into English. Nothing
    waits for a slow translator: it always gets the newest revisions, and every caption that became final.
    """

    def __init__(
        self, channel: Channel, translators: Translators, model: Callable[[], str | None], speech: Speech
    ) -> None:
        self._channel = channel
        self._translators = translators
        self._model = model
        self._speech = SpeechTranslation(channel, speech)
        self._policies: dict[str, Policy] = {}
        self._states: dict[str, State] = {}
        self._problems: dict[str, str] = {}  # by language
        self._failure = ""  # why there is no model
        self._loaded: LoadedTranslator | None = None
        self._loading: asyncio.Task[LoadedTranslator] | None = None
        self._retry = 0.0  # when a model that could not be loaded is tried again
        self._sequence = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def languages(self) -> Collection[str]:
        return self._policies.keys()

    def set_languages(self, languages: Collection[str]) -> None:
        """Translate into these languages only from now on, beginning with the captions on screen."""
        for language in [language for language in self._policies if language not in languages]:
            del self._policies[language]
            self._states.pop(language, None)
            self._problems.pop(language, None)
            self._channel.translation(language).finalize()
        if not self._policies:
            self._sequence = self._channel.feed.last
        for language in languages:
            if language not in self._policies:
                self._begin(language)
        if self._policies and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name=f"interpreter {self._channel.name}")

    def state(self, language: str) -> State:
        return self._states.get(language, State("loading"))

    def waiting(self, language: str) -> float:
        """The seconds for which the oldest final caption has waited for its translation."""
        policy = self._policies.get(language)
        return policy.waiting(asyncio.get_running_loop().time()) if policy else 0.0

    def skipped(self, language: str) -> int:
        """The number of captions that were not translated."""
        policy = self._policies.get(language)
        return policy.skipped if policy else 0

    async def close(self) -> None:
        for task in (self._task, self._loading):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, ModelError):
                    await task

    def _restart(self) -> None:
        """Start over with the captions on screen, because those that waited are too old."""
        for language in self._policies:
            self._begin(language)

    def _begin(self, language: str) -> None:
        policy = self._policies[language] = Policy(language)
        original, track = self._channel.original, self._channel.translation(language)
        for shown in original.visible():
            caption = original.unnamed_caption(shown.id)
            if caption is not None and track.final(caption.id) is None:
                self._put(language, policy.put(caption, asyncio.get_running_loop().time()))

    async def _run(self) -> None:
        while self._policies:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._follow(), name=f"listen {self._channel.name}")
                    tasks.create_task(self._run_jobs(), name=f"translate {self._channel.name}")
            except* Exception:
                log.exception("%s: translation failed and is restarted", self._channel.name)
                self._restart()
                await asyncio.sleep(_POLL_INTERVAL)

    async def _follow(self) -> None:
        """Follow the original captions, even while others are translated."""
        while self._policies:
            now = asyncio.get_running_loop().time()
            for event in await self._channel.since(self._sequence):
                self._sequence = max(self._sequence, event.number)
                self._handle_event(event, now)
            self._skip(self._speech.release(now))
            self._publish_states()
            await self._channel.feed.wait(self._sequence, _POLL_INTERVAL)

    async def _run_jobs(self) -> None:
        """Translate the captions that wait."""
        while self._policies:
            now = asyncio.get_running_loop().time()
            for language, policy in self._policies.items():
                self._put(language, policy.release(now))
            loaded = self._get_translator(now)
            jobs = [] if loaded is None else self._jobs(loaded, now)
            if loaded and jobs:
                await self._translate(loaded, jobs)
            elif self._speech.pending:
                await self._translate_speech()
            else:
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _POLL_INTERVAL)

    def _handle_event(self, event: Event, now: float) -> None:
        """Handle an event of the original track."""
        if event.name == "clear":
            self._speech.clear()
            for policy in self._policies.values():
                policy.clear()
        elif (caption := event.caption) is not None:
            for language, policy in self._policies.items():
                self._put(language, policy.put(caption, now))
            if self._uses_recognizer(ENGLISH):
                self._skip(self._speech.add(caption, now))
                self._wake.set()

    def _uses_recognizer(self, language: str) -> bool:
        """Whether the recognizer translates into a language, which it can do only while the audio is kept."""
        return language == ENGLISH and language in self._policies and self._model() is None

    async def _translate_speech(self) -> None:
        translated, lost = await self._speech.next()
        self._skip(lost)
        if (policy := self._policies.get(ENGLISH)) is not None:
            for caption, words in translated:
                self._put(ENGLISH, policy.set_translation(caption, words))

    def _skip(self, captions: Sequence[Caption]) -> None:
        if captions and (policy := self._policies.get(ENGLISH)) is not None:
            policy.skip(captions)

    async def _translate(self, loaded: LoadedTranslator, jobs: list[tuple[str, Job]]) -> None:
        texts = [Text(job.text, find(job.language).nllb, find(language).nllb, job.before) for language, job in jobs]
        try:
            answers = await loaded.translate(texts)
        except Exception:
            log.exception("%s: %d texts could not be translated", self._channel.name, len(texts))
            for language in {language for language, _ in jobs}:
                self._problems[language] = "Some captions could not be translated: see the service's log for details."
                self._policies[language].drop([job for one, job in jobs if one == language])
            return
        for language, policy in list(self._policies.items()):
            own = [at for at, (one, _) in enumerate(jobs) if one == language]
            if own:
                self._problems.pop(language, None)
                self._put(language, policy.done([jobs[at][1] for at in own], [answers[at] for at in own]))

    def _put(self, language: str, captions: list[Caption]) -> None:
        self._wake.set()
        track = self._channel.translation(language)
        for caption in captions:
            before = track.unnamed_caption(caption.id)
            if before is not None or caption.full_text:
                newest = max(track.feed.last, before.rev if before else 0)
                track.put(replace(caption, rev=newest + 1))

    def _jobs(self, loaded: LoadedTranslator, now: float) -> list[tuple[str, Job]]:
        found = [(language, job) for language, policy in self._policies.items() for job in policy.jobs(now)]
        return [(language, job) for language, job in found if self._is_supported(language, job, loaded)]

    def _is_supported(self, language: str, job: Job, loaded: LoadedTranslator) -> bool:
        """Whether the model supports both languages."""
        known = loaded.translator.codes
        try:
            spoken = find(job.language).nllb in known
        except BadRequest:
            spoken = False
        if spoken and find(language).nllb in known:
            return True
        unknown = language if spoken else job.language
        self._problems[language] = f"The translation model does not support the language {unknown!r}."
        self._policies[language].drop([job])
        return False

    def _get_translator(self, now: float) -> LoadedTranslator | None:
        """The translator if it is loaded; otherwise starts to load it."""
        model = self._model()
        if model is None:
            self._loaded, self._failure = None, NO_MODEL
            return None
        if self._loaded is not None and self._loaded.translator.model == model:
            return self._loaded
        self._loaded = None
        if self._loading is None or self._loading.get_name() != model:
            if self._loading is not None:
                self._loading.cancel()
            if self._failure:
                self._restart()
            self._failure = ""
            self._loading = asyncio.create_task(self._translators.get(model), name=model)
            self._retry = now + _RETRY_DELAY
        elif self._loading.done():
            error = None if self._loading.cancelled() else self._loading.exception()
            if error is None and not self._loading.cancelled():
                self._loaded, self._failure = self._loading.result(), ""
                self._loading = None
            else:
                self._failure = error.message if isinstance(error, SurtitleError) else "The model could not be loaded."
                if now >= self._retry:
                    self._loading = None
        return self._loaded

    def _publish_states(self) -> None:
        for language in self._policies:
            state = self._compute_state(language)
            if state != self._states.get(language):
                self._states[language] = state
                received: dict[str, Any] = {"language": language, "state": state.name, "message": state.message}
                self._channel.translation(language).tell(received)

    def _compute_state(self, language: str) -> State:
        if self._policies[language].idle:
            return State("live")
        if self._uses_recognizer(language) and (possible := self._speech.possible) is not False:
            if possible is None:
                return State("waiting", _NO_SOURCE)
            behind = self._speech.is_behind(asyncio.get_running_loop().time())
            return State("behind", _SLOW_SPEECH) if behind else State("live")
        problem = self._failure or self._problems.get(language, "")
        if problem:
            return State("failed", problem)
        if self._loaded is None:
            progress = self._translators.progress(self._model() or "")
            return State(progress.state if progress and progress.state == "fetching" else "loading")
        if self.waiting(language) > _LAG_THRESHOLD:
            return State("behind", "The translation is behind: this computer is too slow for this many languages.")
        return State("live")
