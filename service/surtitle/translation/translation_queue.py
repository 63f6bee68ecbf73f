"""The captions of a channel that wait for their translation, in all requested languages."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.core.errors import BadRequest
from surtitle.core.notifier import Notifier
from surtitle.core.words import Word
from surtitle.text.language_names import find
from surtitle.translation.policy import Job, Policy

LanguageJobs = list[tuple[str, Job]]
"""Jobs with the languages into which their texts are translated."""


class TranslationQueue:
    """Has a `Policy` for each language, and publishes the translated captions to the language's track.

    Times are in seconds on the loop's clock. ``changes`` is notified whenever there may be other jobs.
    """

    def __init__(self, channel: Channel, changes: Notifier) -> None:
        self._channel = channel
        self._changes = changes
        self._policies: dict[str, Policy] = {}
        self._problems: dict[str, str] = {}  # by language

    @property
    def languages(self) -> Collection[str]:
        return self._policies.keys()

    def set_languages(self, languages: Collection[str], now: float) -> None:
        """Translate into these languages only from now on, beginning with the captions on screen."""
        for language in [language for language in self._policies if language not in languages]:
            del self._policies[language]
            self._problems.pop(language, None)
            self._channel.translation(language).finalize()
        for language in languages:
            if language not in self._policies:
                self._begin(language, now)
        self._changes.notify()

    def restart(self, now: float) -> None:
        """Start over with the captions on screen, because those that waited are too old."""
        for language in self._policies:
            self._begin(language, now)

    def put(self, caption: Caption, now: float) -> None:
        """Add a revision of an original caption."""
        for language, policy in self._policies.items():
            self._publish(language, policy.put(caption, now))

    def clear(self) -> None:
        """Discard everything, because the channel was cleared."""
        for policy in self._policies.values():
            policy.clear()

    def release(self, now: float) -> None:
        """Finish the captions whose sentence has not continued in time."""
        for language, policy in self._policies.items():
            if released := policy.release(now):
                self._publish(language, released)

    def jobs(self, now: float, codes: Collection[str]) -> LanguageJobs:
        """The jobs to do next, with a model that supports the languages with these NLLB codes."""
        found = [(language, job) for language, policy in self._policies.items() for job in policy.jobs(now)]
        return [(language, job) for language, job in found if self._is_supported(language, job, codes)]

    def finish(self, jobs: LanguageJobs, texts: Sequence[str]) -> None:
        """Take the translations of jobs."""
        for language, policy in self._policies.items():
            own = [at for at, (one, _) in enumerate(jobs) if one == language]
            if own:
                self._problems.pop(language, None)
                self._publish(language, policy.done([jobs[at][1] for at in own], [texts[at] for at in own]))

    def fail(self, jobs: LanguageJobs, problem: str) -> None:
        """Skip the captions of jobs that failed, and note why."""
        for language, job in jobs:
            if (policy := self._policies.get(language)) is not None:
                self._problems[language] = problem
                policy.drop([job])
        self._changes.notify()

    def set_translation(self, language: str, caption: Caption, words: Sequence[Word]) -> None:
        """Set the translation of a final caption that was translated elsewhere."""
        if (policy := self._policies.get(language)) is not None:
            self._publish(language, policy.set_translation(caption, words))

    def skip(self, language: str, captions: Sequence[Caption]) -> None:
        """Skip captions, which will not be translated."""
        if captions and (policy := self._policies.get(language)) is not None:
            policy.skip(captions)
            self._changes.notify()

    def idle(self, language: str) -> bool:
        """Whether the newest caption is already in this language."""
        return self._policies[language].idle

    def waiting(self, language: str, now: float) -> float:
        """The seconds for which the oldest final caption has waited for its translation."""
        policy = self._policies.get(language)
        return policy.waiting(now) if policy else 0.0

    def skipped(self, language: str) -> int:
        """The number of captions that were not translated."""
        policy = self._policies.get(language)
        return policy.skipped if policy else 0

    def problem(self, language: str) -> str:
        """Why captions are not translated into a language, in one sentence; empty if they are."""
        return self._problems.get(language, "")

    def deadline(self, now: float) -> float:
        """When there may be something to release or other jobs although nothing was put in; infinity if never."""
        return min((policy.deadline(now) for policy in self._policies.values()), default=math.inf)

    def _begin(self, language: str, now: float) -> None:
        policy = self._policies[language] = Policy(language)
        original, track = self._channel.original, self._channel.translation(language)
        for shown in original.visible():
            caption = original.unnamed_caption(shown.id)
            if caption is not None and track.final(caption.id) is None:
                self._publish(language, policy.put(caption, now))

    def _publish(self, language: str, captions: Sequence[Caption]) -> None:
        track = self._channel.translation(language)
        for caption in captions:
            before = track.unnamed_caption(caption.id)
            if before is not None or caption.full_text:
                newest = max(track.feed.last, before.rev if before else 0)
                track.put(replace(caption, rev=newest + 1))
        self._changes.notify()

    def _is_supported(self, language: str, job: Job, codes: Collection[str]) -> bool:
        """Whether the model supports both languages; otherwise the job is dropped."""
        try:
            spoken = find(job.language).nllb in codes
        except BadRequest:
            spoken = False
        if spoken and find(language).nllb in codes:
            return True
        unknown = language if spoken else job.language
        self.fail([(language, job)], f"The translation model does not support the language {unknown!r}.")
        return False
