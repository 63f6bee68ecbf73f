"""What of a caption is translated when, and what of the translation is sure. Pure: it asks no model.

A sentence is translated from its beginning, also where captions cut it, and goes on from the words that readers have
already seen. Of an open caption, a translated word is committed once the translations of two beginnings of the
sentence agree on it (local agreement: Liu, Spanakis, Niehues, INTERSPEECH 2020), the shorter of which holds committed
words only. So nothing depends on a word that is taken back. The same decides where a translation is cut when a caption
ends within a sentence: what would stand elsewhere once the sentence goes on moves to the next caption.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from surtitle.captions.caption import Caption
from surtitle.captions.units import ends_sentence_at
from surtitle.core.words import Word, join
from surtitle.text.language_names import same
from surtitle.text.sentences import ends_sentence, trails_off, without_end
from surtitle.translation.wording import agreed, timed, words_of

_PAUSE = 1.5  # seconds of silence that end a sentence
_SHORTEST, _LONGEST = 3, 60  # words of a sentence that are translated together
_HELD = 3  # words at the end of a translation that are not committed; letters of scripts without spaces count half
_HOLD = 1.0  # seconds in which a sentence has to go on that a caption cut
_AHEAD = 10  # words of the next caption that say how it goes on
_KEPT = 100  # finished captions that are remembered, for corrections
_WAITING = 500  # final captions that may wait
_LATE = 3.0  # seconds that a final caption has waited when tentative words are no longer translated
_AT_ONCE = 16  # texts that are asked for at a time


@dataclass(frozen=True, slots=True)
class Job:
    """A text to translate: the sentence so far, and how its translation has to begin."""

    text: str
    language: str
    before: str
    sure: tuple[Word, ...]  # committed already, of what this text becomes; `before` ends with them
    caption: str
    piece: int  # index of its first word in the caption
    kind: str  # "whole": nothing follows; "sure": committed words; "guess": tentative ones too; "cut": see `_settle`
    words: int  # how many committed words of the caption it holds, from `piece` on
    version: int


@dataclass(frozen=True, slots=True)
class _Sentence:
    """The beginning of a sentence, and its translation."""

    source: tuple[Word, ...] = ()
    target: tuple[Word, ...] = ()


@dataclass(slots=True)
class _Work:
    """One caption and how far its translation is."""

    caption: Caption
    since: float  # when what waits began to wait
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
        """What the words after `taken` continue."""
        return self.rest if self.taken else self.began or _Sentence()


class Policy:
    """One language's translation of a channel. Captions in; jobs out; their results in; translated captions out.

    The captions that come out have revision 0: whoever keeps them counts. Times are seconds on any clock.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self.skipped = 0
        """Final captions that were left out because too many waited."""
        self.idle = False
        """Whether what was said last is in this language already."""
        self._works: OrderedDict[str, _Work] = OrderedDict()

    def put(self, caption: Caption, now: float) -> list[Caption]:
        """A revision of an original caption; what of it needs no translation."""
        work = self._works.get(caption.id)
        self.idle = same(caption.language, self.language)
        if not caption.full_text or self.idle:
            self._works.pop(caption.id, None)
            return [replace(caption, rev=0, language=self.language)]
        if work is None:
            self._works[caption.id] = _Work(caption, now)
            self._bound()
            return []
        before, work.caption = work.caption, caption
        if not _continues(before, caption):
            self._works[caption.id] = _Work(caption, now, work.began, version=work.version + 1)
        elif work.done:
            return [] if before.voice == caption.voice else [self._shown(work)]
        elif caption.final and not before.final:
            work.since = now
        elif before.tentative and not caption.tentative:
            work.guess, work.guessed = work.longest[1][len(work.sure) :], ""
            return [self._shown(work)]
        return []

    def drop(self, jobs: Sequence[Job]) -> None:
        """These cannot be translated."""
        for key in {job.caption for job in jobs}:
            if self._works.pop(key, None):
                self.skipped += 1

    def clear(self) -> None:
        self._works.clear()

    def waiting(self, now: float) -> float:
        """For how many seconds the oldest final caption has waited."""
        waiting = [work.since for work in self._works.values() if work.caption.final and not work.done]
        return now - min(waiting) if waiting else 0.0

    def release(self, now: float) -> list[Caption]:
        """The captions that become final because their sentence does not go on."""
        released = []
        for work, following in self._in_order():
            caption = work.caption
            if work.done or not caption.final or work.began is None or not work.longest[0]:
                continue
            ended = following is not None and _apart(caption, following)
            if work.taken + work.longest[0] == len(caption.words) and (ended or now - work.since > _HOLD):
                _complete(work, *work.longest)
                released.append(self._shown(work))
        return released

    def jobs(self, now: float) -> list[Job]:
        """What to translate next, oldest first."""
        late = self.waiting(now) > _LATE
        found: list[Job] = []
        before: dict[str, _Work] = {}
        for work, following in self._in_order():
            previous, before[work.caption.source] = before.get(work.caption.source), work
            if not work.done and self._begin(work, previous):
                found += (job for job in _jobs(work, following, late) if job.kind == "whole" or not late)
            if len(found) >= _AT_ONCE:
                break
        return found[:_AT_ONCE]

    def done(self, jobs: Sequence[Job], texts: Sequence[str]) -> list[Caption]:
        """The captions that have changed by these continuations of each job's ``before``."""
        changed: dict[str, _Work] = {}
        for job, text in zip(jobs, texts, strict=True):
            work = self._works.get(job.caption)
            if work is None or work.version != job.version or work.done:
                continue
            _settle(work, job, text)
            changed[job.caption] = work
        self._forget()
        return [self._shown(work) for work in changed.values() if work.done or not work.version]

    def leave_out(self, captions: Sequence[Caption]) -> None:
        """These will not be translated."""
        for caption in captions:
            if self._works.pop(caption.id, None):
                self.skipped += 1

    def whole(self, caption: Caption, words: Sequence[Word]) -> list[Caption]:
        """A final caption whose translation came from elsewhere."""
        work = self._works.get(caption.id)
        if work is None or work.done or work.caption.text != caption.text:
            return []
        work.target, work.done = list(words), True
        work.taken = len(caption.words)
        self._forget()
        return [self._shown(work)]

    def _in_order(self) -> list[tuple[_Work, Caption | None]]:
        """All captions, each with the next of its source."""
        following: dict[str, Caption] = {}
        found = []
        for work in reversed(self._works.values()):
            found.append((work, following.get(work.caption.source)))
            following[work.caption.source] = work.caption
        return found[::-1]

    def _begin(self, work: _Work, previous: _Work | None) -> bool:
        """Find the sentence that a caption continues; False while that has to be waited for."""
        if work.began is not None:
            return True
        if previous is None or _apart(previous.caption, work.caption):
            work.began = _Sentence()
        elif previous.done:
            work.began = previous.rest if len(previous.rest.source) < _LONGEST else _Sentence()
        return work.began is not None

    def _shown(self, work: _Work) -> Caption:
        caption, words = work.caption, (*work.target, *work.sure)
        everything = timed((*words, *(() if work.done else work.guess)), caption.start, caption.end)
        committed, tentative = everything[: len(words)], everything[len(words) :]
        return Caption(caption.id, 0, caption.source, self.language, committed, tentative, work.done, caption.speaker)

    def _bound(self) -> None:
        waiting = [key for key, work in self._works.items() if not work.done]
        for key in waiting[:-_WAITING]:
            del self._works[key]
            self.skipped += 1

    def _forget(self) -> None:
        finished = [key for key, work in self._works.items() if work.done]
        for key in finished[:-_KEPT]:
            del self._works[key]


def _apart(before: Caption, after: Caption) -> bool:
    """Whether another sentence begins with ``after``."""
    ended = before.final and ends_sentence_at(before.words, len(before.words), before.language, after.full_text or None)
    other = (before.speaker, before.language) != (after.speaker, after.language)
    return ended or other or after.start - before.end > _PAUSE


def _continues(before: Caption, after: Caption) -> bool:
    """Whether no committed word was changed."""
    said, now = ([word.text for word in caption.words] for caption in (before, after))
    return said == now if before.final else said == now[: len(said)]


def _jobs(work: _Work, following: Caption | None, late: bool) -> Iterator[Job]:
    caption, at, sentence, sure = work.caption, work.taken, work.open_part, tuple(work.sure)

    def job(words: Sequence[Word], kind: str, count: int) -> Job:
        said, before = join((*sentence.source, *words)), join((*sentence.target, *sure)).replace("\xa0", " ")
        return Job(said, caption.language, before, sure, caption.id, at, kind, count, work.version)

    for piece in _pieces(caption.words[at:], caption.language):
        known = (at, len(piece)) == (work.taken, work.longest[0])
        if ends_sentence_at(caption.words, at + len(piece), caption.language) or (caption.final and late):
            yield job(piece, "whole", len(piece))
            at += len(piece)
            sentence, sure = _Sentence(), ()
        elif caption.final:
            if not known:
                yield job(piece, "sure", len(piece))
            if following is not None and not _apart(caption, following):
                more = (*following.words, *following.tentative)[:_AHEAD]
                if len(more) >= _SHORTEST or (more and following.final):
                    yield job((*piece, *more), "cut", len(piece))
        elif len(sentence.source) + len(piece) >= _SHORTEST and not known:
            yield job(piece, "sure", len(piece))
    if caption.tentative and not caption.final:
        guess = job((*caption.words[at:], *caption.tentative), "guess", len(caption.words) - at)
        if guess.text != work.guessed:
            yield guess


def _settle(work: _Work, job: Job, text: str) -> None:
    """Take the translation of one text.

    Of one that was cut, what the longer one agrees with is the caption's, and the rest comes after it; if that is less
    than half, the sentence was understood anew, and all of it stays.
    """
    if job.piece != work.taken or (job.kind == "guess" and not work.caption.tentative):
        return  # what comes before it is not translated yet, or it was taken back meanwhile
    target = [*job.sure, *words_of(_unfinished(text, job))]
    known = work.longest[1]
    if job.kind == "whole":
        _complete(work, job.words, target)
    elif job.kind == "cut" and work.longest[0] == job.words:
        count = max(agreed(known, target), len(work.sure))
        _complete(work, job.words, known[:count] if 2 * count >= len(known) else known)
    elif job.kind != "cut":
        work.sure += target[len(work.sure) : min(agreed(known, target), _certain(known))]
        if job.kind == "sure":
            work.longest = (job.words, target)
        if agreed(work.sure, target) == len(work.sure):
            work.guess = target[len(work.sure) :]
            work.guessed = job.text if job.kind == "guess" else ""


def _complete(work: _Work, count: int, target: list[Word]) -> None:
    """The next ``count`` words, up to a sentence's or the caption's end, for good."""
    piece = work.caption.words[work.taken : work.taken + count]
    before = work.open_part
    ended = ends_sentence_at(work.caption.words, work.taken + count, work.caption.language)
    work.rest = _Sentence() if ended else _Sentence((*before.source, *piece), (*before.target, *target))
    work.target += target
    work.taken += count
    work.sure, work.longest, work.guess, work.guessed = [], (0, []), [], ""
    work.done = work.caption.final and work.taken == len(work.caption.words)


def _certain(words: Sequence[Word]) -> int:
    """How many words are not the last ones, which a translator may have made up to end an unfinished sentence well."""
    count, held = len(words), 0.0
    while count and held < _HELD:
        count -= 1
        held += 1.0 if words[count].spaced else 0.5
    return count


def _unfinished(text: str, job: Job) -> str:
    """A translation without the full stop that translators put after everything, unless the original has one."""
    ended = ends_sentence(job.text, None, job.language) or trails_off(job.text)
    return text if ended else without_end(text)


def _pieces(words: Sequence[Word], language: str) -> Iterator[tuple[Word, ...]]:
    """Cut after each sentence's end."""
    first = 0
    for count in range(1, len(words) + 1):
        if count == len(words) or ends_sentence_at(words, count, language):
            yield tuple(words[first:count])
            first = count
