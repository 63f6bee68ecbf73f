"""What a protocol sends of a source's captions: new words in order, and where utterances begin and end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.speech.recognizer import Boundary


@dataclass(frozen=True, slots=True)
class CaptionChange:
    """A new revision of a caption, with its words that were committed since the last one. Times as in `Follower`."""

    caption: Caption
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """An utterance begins ``at`` seconds; its words follow. Its speech was ``detected`` later."""

    at: float
    detected: float


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The voice of an utterance ended ``at`` seconds; its words came before."""

    at: float


_MAX_REMEMBERED = 512  # captions whose words are known: final ones may be published again, with speakers

Change = CaptionChange | SpeechStarted | SpeechEnded


class Follower:
    """Follows the captions of one source whose first sample was at ``clock`` seconds on the channel's clock.

    All times that it returns are in seconds from that sample. Every committed word is in exactly one change.
    """

    def __init__(self, clock: float = 0.0) -> None:
        self._clock = clock
        self._committed: dict[str, int] = {}  # committed words already returned, by the captions' ids
        self._open: dict[str, Caption] = {}  # in the order of their first revisions

    @property
    def tentative(self) -> tuple[Word, ...]:
        """All words that may still change."""
        return tuple(word for caption in self._open.values() for word in caption.tentative)

    def update(self, published: Iterable[Caption | Boundary]) -> list[Change]:
        """The changes by what was published since the last call, in the order in which they belong.

        Recognition that is behind reports several utterances at once: first their captions, then their boundaries.
        """
        captions: list[Caption] = []
        boundaries: list[Boundary] = []
        for one in published:
            if isinstance(one, Caption):
                captions.append(shift_caption(one, -self._clock))
            else:
                boundaries.append(one.shift(-self._clock))
        return [change for one in _merge(captions, boundaries) for change in self._apply(one)]

    def _apply(self, one: Caption | Boundary) -> Iterator[Change]:
        if isinstance(one, Boundary):
            yield SpeechStarted(one.at, one.detected) if one.speaking else SpeechEnded(one.at)
            return
        known = self._committed.pop(one.id, 0)
        self._committed[one.id] = len(one.words)
        if len(self._committed) > _MAX_REMEMBERED:
            del self._committed[next(iter(self._committed))]
        if one.final or not (one.words or one.tentative):
            self._open.pop(one.id, None)
        else:
            self._open[one.id] = one
        yield CaptionChange(one, one.words[known:])


class Turns:
    """Joins utterances with short pauses between them: the end of one is withheld until the pause is long enough.

    ``pause`` gives the seconds, and is asked each time, when all changes before have been handled. A pause lasts until
    speech is detected, because until then it may end a turn by time alone.
    """

    def __init__(self, pause: Callable[[], float]) -> None:
        self._pause = pause
        self._end: SpeechEnded | None = None

    @property
    def waiting(self) -> bool:
        """Whether an end is withheld, so that `apply` may return it without another change."""
        return self._end is not None

    def apply(self, changes: Iterable[Change], recognized: float) -> Iterator[Change]:
        """The changes of the turns; ``recognized`` is how many seconds of audio they cover, with those before."""
        for change in changes:
            if isinstance(change, SpeechEnded):
                self._end = change
                continue
            if isinstance(change, SpeechStarted) and self._end is not None:
                if change.detected - self._end.at < self._pause():
                    self._end = None
                    continue
                yield from self.release()
            yield change
        if self._end is not None and recognized - self._end.at >= self._pause():
            yield from self.release()

    def release(self) -> Iterator[Change]:
        """The end that is withheld, if there is one: no more audio is coming for now."""
        end, self._end = self._end, None
        if end is not None:
            yield end


def shift_caption(caption: Caption, seconds: float) -> Caption:
    """The caption ``seconds`` later."""
    return replace(
        caption,
        words=tuple(word.shift(seconds) for word in caption.words),
        tentative=tuple(word.shift(seconds) for word in caption.tentative),
    )


def _merge(captions: Iterable[Caption], boundaries: Sequence[Boundary]) -> Iterator[Caption | Boundary]:
    """Captions and boundaries in order: a caption belongs before the next beginning of an utterance."""
    rest = sorted(captions, key=lambda caption: caption.start)
    for index, boundary in enumerate(boundaries):
        next_start = next((later.at for later in boundaries[index:] if later.speaking), None)
        while rest and (next_start is None or rest[0].start < next_start):
            yield rest.pop(0)
        yield boundary
    yield from rest
