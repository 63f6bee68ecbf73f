"""Decides when to translate which part of a caption, and which translated words to commit. Pure: calls no model.

A sentence is translated from its beginning, even where captions cut it, and continues from the words that readers have
already seen. In an open caption, a translated word is committed once the translations of two beginnings of the
sentence agree on it (local agreement: Liu, Spanakis, Niehues, INTERSPEECH 2020), the shorter of which holds committed
words only. So nothing depends on a word that is later withdrawn. The same rule decides where to cut a translation when
a caption ends within a sentence: words that would move once the sentence continues go to the next caption.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from surtitle.captions.caption import Caption
from surtitle.captions.units import ends_sentence_at
from surtitle.captions.wording import count_common_prefix, split_words, spread_times
from surtitle.core.words import Word, join
from surtitle.text.language_names import is_same_language
from surtitle.text.sentences import ends_sentence, strip_end_marks, trails_off

_PAUSE = 1.5  # seconds of silence that end a sentence
_MIN_WORDS, _MAX_WORDS = 3, 60  # words of a sentence that are translated together
_UNSTABLE_WORDS = 3  # words at a translation's end that stay uncommitted; letters of unspaced scripts count half
_MAX_WAIT = 1.0  # seconds within which a sentence cut by a caption must continue
_LOOKAHEAD = 10  # words of the next caption that show how the sentence continues
_MAX_FINISHED = 100  # finished captions that are remembered in case of corrections
_MAX_WAITING = 500  # final captions waiting for translation
_LATE = 3.0  # seconds of waiting for a final caption above which tentative words are no longer translated
_MAX_JOBS = 16  # texts translated at a time


class JobKind(StrEnum):
    """What the text of a job ends with."""

    WHOLE = "whole"  # the end of a sentence
    COMMITTED = "committed"  # committed words of a sentence that continues
    TENTATIVE = "tentative"  # tentative words
    CUT = "cut"  # words of the next caption, which show where to cut the translation: see `_apply_result`


@dataclass(frozen=True, slots=True)
class Job:
    """A text to translate: the sentence so far, and the beginning that its translation must have."""

    text: str
    language: str
    before: str
    sure: tuple[Word, ...]  # committed already, of what this text becomes; `before` ends with them
    caption: str
    piece: int  # index of its first word in the caption
    kind: JobKind
    words: int  # how many committed words of the caption it holds, from `piece` on
    version: int


@dataclass(frozen=True, slots=True)
class _Sentence:
    """The beginning of a sentence and its translation."""

    source: tuple[Word, ...] = ()
    target: tuple[Word, ...] = ()


@dataclass(slots=True)
class _Work:
    """One caption and the progress of its translation."""

    caption: Caption
    since: float  # the time from which it has waited
    began: _Sentence | None = None  # the sentence that it continues; None until that is known
    rest: _Sentence = _Sentence()  # the sentence at its end
    taken: int = 0  # committed words whose translation is complete
    target: list[Word] = field(default_factory=list)  # their translation
    sure: list[Word] = field(default_factory=list)  # committed translation of the words that follow
    longest: tuple[int, list[Word]] = (0, [])  # committed words that follow, and their latest translation
    guess: list[Word] = field(default_factory=list)  # what follows `sure` for now
    guessed: str = ""  # the text of which that is the translation
    version: int = 0  # changes with a correction
    done: bool = False

    @property
    def open_part(self) -> _Sentence:
        """The sentence that the words after `taken` continue."""
        return self.rest if self.taken else self.began or _Sentence()


class Policy:
    """The translation of a channel into one language.

    It takes captions, gives out jobs, takes their results, and returns translated captions. These have revision 0:
    the caller numbers them. Times are in seconds on any clock.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self.skipped = 0
        """Final captions that were skipped."""
        self.idle = False
        """Whether the newest caption is already in this language."""
        self._works: OrderedDict[str, _Work] = OrderedDict()

    def put(self, caption: Caption, now: float) -> list[Caption]:
        """Add a revision of an original caption. Returns the captions that can be shown without a translation."""
        work = self._works.get(caption.id)
        self.idle = is_same_language(caption.language, self.language)
        if not caption.full_text or self.idle:
            self._works.pop(caption.id, None)
            return [replace(caption, rev=0, language=self.language)]
        if work is None:
            self._works[caption.id] = _Work(caption, now)
            self._limit_waiting()
            return []
        before, work.caption = work.caption, caption
        if not _extends(before, caption):
            self._works[caption.id] = _Work(caption, now, work.began, version=work.version + 1)
        elif work.done:
            return [] if before.voice == caption.voice else [self._build_caption(work)]
        elif caption.final and not before.final:
            work.since = now
        elif before.tentative and not caption.tentative:
            work.guess, work.guessed = work.longest[1][len(work.sure) :], ""
            return [self._build_caption(work)]
        return []

    def drop(self, jobs: Sequence[Job]) -> None:
        """Skip the captions of jobs that failed."""
        for key in {job.caption for job in jobs}:
            if self._works.pop(key, None):
                self.skipped += 1

    def clear(self) -> None:
        self._works.clear()

    def waiting(self, now: float) -> float:
        """The seconds for which the oldest final caption has waited."""
        waiting = [work.since for work in self._works.values() if work.caption.final and not work.done]
        return now - min(waiting) if waiting else 0.0

    def deadline(self, now: float) -> float:
        """The next time after which `release` or `jobs` may return more although nothing was put in; or infinity."""
        waiting = [work.since for work in self._works.values() if work.caption.final and not work.done]
        return min(
            (at for since in waiting for at in (since + _MAX_WAIT, since + _LATE) if at >= now), default=math.inf
        )

    def release(self, now: float) -> list[Caption]:
        """Return the captions that become final because their sentence has not continued in time."""
        released = []
        for work, following in self._list_works():
            caption = work.caption
            if work.done or not caption.final or work.began is None or not work.longest[0]:
                continue
            ended = following is not None and _begins_sentence(caption, following)
            if work.taken + work.longest[0] == len(caption.words) and (ended or now - work.since > _MAX_WAIT):
                _complete(work, *work.longest)
                released.append(self._build_caption(work))
        return released

    def jobs(self, now: float) -> list[Job]:
        """The jobs to do next, oldest first."""
        late = self.waiting(now) > _LATE
        found: list[Job] = []
        before: dict[str, _Work] = {}
        for work, following in self._list_works():
            previous, before[work.caption.source] = before.get(work.caption.source), work
            if not work.done and self._find_sentence(work, previous):
                found += (job for job in _jobs(work, following, late) if job.kind == JobKind.WHOLE or not late)
            if len(found) >= _MAX_JOBS:
                break
        return found[:_MAX_JOBS]

    def done(self, jobs: Sequence[Job], texts: Sequence[str]) -> list[Caption]:
        """Take the continuations of each job's ``before``. Returns the captions that have changed."""
        changed: dict[str, _Work] = {}
        for job, text in zip(jobs, texts, strict=True):
            work = self._works.get(job.caption)
            if work is None or work.version != job.version or work.done:
                continue
            _apply_result(work, job, text)
            changed[job.caption] = work
        self._limit_finished()
        return [self._build_caption(work) for work in changed.values() if work.done or not work.version]

    def skip(self, captions: Sequence[Caption]) -> None:
        """Skip captions, which will not be translated."""
        for caption in captions:
            if self._works.pop(caption.id, None):
                self.skipped += 1

    def set_translation(self, caption: Caption, words: Sequence[Word]) -> list[Caption]:
        """Set the translation of a final caption that was translated elsewhere."""
        work = self._works.get(caption.id)
        if work is None or work.done or work.caption.text != caption.text:
            return []
        work.target, work.done = list(words), True
        work.taken = len(caption.words)
        self._limit_finished()
        return [self._build_caption(work)]

    def _list_works(self) -> list[tuple[_Work, Caption | None]]:
        """All captions, each with the next one of its source."""
        following: dict[str, Caption] = {}
        found = []
        for work in reversed(self._works.values()):
            found.append((work, following.get(work.caption.source)))
            following[work.caption.source] = work.caption
        return found[::-1]

    def _find_sentence(self, work: _Work, previous: _Work | None) -> bool:
        """Find the sentence that a caption continues; False while that is not known yet."""
        if work.began is not None:
            return True
        if previous is None or _begins_sentence(previous.caption, work.caption):
            work.began = _Sentence()
        elif previous.done:
            work.began = previous.rest if len(previous.rest.source) < _MAX_WORDS else _Sentence()
        return work.began is not None

    def _build_caption(self, work: _Work) -> Caption:
        caption, words = work.caption, (*work.target, *work.sure)
        everything = spread_times((*words, *(() if work.done else work.guess)), caption.start, caption.end)
        committed, tentative = everything[: len(words)], everything[len(words) :]
        return Caption(caption.id, 0, caption.source, self.language, committed, tentative, work.done, caption.speaker)

    def _limit_waiting(self) -> None:
        waiting = [key for key, work in self._works.items() if not work.done]
        for key in waiting[:-_MAX_WAITING]:
            del self._works[key]
            self.skipped += 1

    def _limit_finished(self) -> None:
        finished = [key for key, work in self._works.items() if work.done]
        for key in finished[:-_MAX_FINISHED]:
            del self._works[key]


def _begins_sentence(before: Caption, after: Caption) -> bool:
    """Whether another sentence begins with ``after``."""
    ended = before.final and ends_sentence_at(before.words, len(before.words), before.language, after.full_text or None)
    other = (before.speaker, before.language) != (after.speaker, after.language)
    return ended or other or after.start - before.end > _PAUSE


def _extends(before: Caption, after: Caption) -> bool:
    """Whether ``after`` keeps all committed words of ``before``."""
    said, now = ([word.text for word in caption.words] for caption in (before, after))
    return said == now if before.final else said == now[: len(said)]


def _jobs(work: _Work, following: Caption | None, late: bool) -> Iterator[Job]:
    caption, at, sentence, sure = work.caption, work.taken, work.open_part, tuple(work.sure)

    def job(words: Sequence[Word], kind: JobKind, count: int) -> Job:
        said, before = join((*sentence.source, *words)), join((*sentence.target, *sure)).replace("\xa0", " ")
        return Job(said, caption.language, before, sure, caption.id, at, kind, count, work.version)

    for piece in _split_sentences(caption.words[at:], caption.language):
        known = (at, len(piece)) == (work.taken, work.longest[0])
        if ends_sentence_at(caption.words, at + len(piece), caption.language) or (caption.final and late):
            yield job(piece, JobKind.WHOLE, len(piece))
            at += len(piece)
            sentence, sure = _Sentence(), ()
        elif caption.final:
            if not known:
                yield job(piece, JobKind.COMMITTED, len(piece))
            if following is not None and not _begins_sentence(caption, following):
                more = (*following.words, *following.tentative)[:_LOOKAHEAD]
                if len(more) >= _MIN_WORDS or (more and following.final):
                    yield job((*piece, *more), JobKind.CUT, len(piece))
        elif len(sentence.source) + len(piece) >= _MIN_WORDS and not known:
            yield job(piece, JobKind.COMMITTED, len(piece))
    if caption.tentative and not caption.final:
        guess = job((*caption.words[at:], *caption.tentative), JobKind.TENTATIVE, len(caption.words) - at)
        if guess.text != work.guessed:
            yield guess


def _apply_result(work: _Work, job: Job, text: str) -> None:
    """Take the translation of one text.

    Of a sentence cut by the caption's end, the part that agrees with the longer translation belongs to the caption, and
    the rest follows later. If less than half agrees, the model reads the sentence differently, and all of it stays.
    """
    if job.piece != work.taken or (job.kind == JobKind.TENTATIVE and not work.caption.tentative):
        return  # the words before it are not translated yet, or its own were withdrawn meanwhile
    target = [*job.sure, *split_words(_strip_full_stop(text, job))]
    known = work.longest[1]
    if job.kind == JobKind.WHOLE:
        _complete(work, job.words, target)
    elif job.kind == JobKind.CUT and work.longest[0] == job.words:
        count = max(count_common_prefix(known, target), len(work.sure))
        _complete(work, job.words, known[:count] if 2 * count >= len(known) else known)
    elif job.kind != JobKind.CUT:
        work.sure += target[len(work.sure) : min(count_common_prefix(known, target), _count_stable(known))]
        if job.kind == JobKind.COMMITTED:
            work.longest = (job.words, target)
        if count_common_prefix(work.sure, target) == len(work.sure):
            work.guess = target[len(work.sure) :]
            work.guessed = job.text if job.kind == JobKind.TENTATIVE else ""


def _complete(work: _Work, count: int, target: list[Word]) -> None:
    """Finish the next ``count`` words, up to the end of a sentence or of the caption."""
    piece = work.caption.words[work.taken : work.taken + count]
    before = work.open_part
    ended = ends_sentence_at(work.caption.words, work.taken + count, work.caption.language)
    work.rest = _Sentence() if ended else _Sentence((*before.source, *piece), (*before.target, *target))
    work.target += target
    work.taken += count
    work.sure, work.longest, work.guess, work.guessed = [], (0, []), [], ""
    work.done = work.caption.final and work.taken == len(work.caption.words)


def _count_stable(words: Sequence[Word]) -> int:
    """The number of stable words: translators may invent the last ones in order to finish an incomplete sentence."""
    count, held = len(words), 0.0
    while count and held < _UNSTABLE_WORDS:
        count -= 1
        held += 1.0 if words[count].spaced else 0.5
    return count


def _strip_full_stop(text: str, job: Job) -> str:
    """The translation without the full stop that translators add to everything, unless the original has one."""
    ended = ends_sentence(job.text, None, job.language) or trails_off(job.text)
    return text if ended else strip_end_marks(text)


def _split_sentences(words: Sequence[Word], language: str) -> Iterator[tuple[Word, ...]]:
    """The words, divided after the end of each sentence."""
    first = 0
    for count in range(1, len(words) + 1):
        if count == len(words) or ends_sentence_at(words, count, language):
            yield tuple(words[first:count])
            first = count
