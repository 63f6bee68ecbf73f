"""One utterance that is sent to a cloud: its audio, as far as it may be needed again, and its words. Pure."""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.core.words import Hypothesis, Word
from surtitle.text.scripts import is_unspaced

_VOICE_START = 0.2  # seconds into an utterance before which nobody speaks: its lead-in
_MIN_WEIGHT = 2  # characters that a word counts for at least, when time is divided among words


class AudioBuffer:
    """The newest audio of an utterance; positions are samples from its beginning. It holds ``limit`` samples."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._blocks: deque[Samples] = deque()
        self.start = 0
        """The position of the first sample that is held."""
        self.end = 0
        """The position after the last sample."""
        self.lost = 0
        """Samples that had to be dropped although they were needed, because there was no room."""

    def append(self, samples: Samples) -> None:
        self._blocks.append(samples)
        self.end += len(samples)
        if (excess := self.end - self.start - self._limit) > 0:
            self.lost += excess
            self.drop(self.start + excess)

    def read(self, position: int, count: int) -> Samples:
        """Up to ``count`` samples from ``position`` on, or from the first one that is held."""
        position = max(position, self.start)
        found: list[Samples] = []
        at = self.start
        for block in self._blocks:
            if at + len(block) > position and at < position + count:
                found.append(block[max(0, position - at) : position + count - at])
            at += len(block)
        return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)

    def drop(self, position: int) -> None:
        """Forget the audio before ``position``."""
        position = min(position, self.end)
        while self._blocks and self.start + len(self._blocks[0]) <= position:
            self.start += len(self._blocks.popleft())
        if self._blocks and self.start < position:
            self._blocks[0] = self._blocks[0][position - self.start :]
            self.start = position


class UtteranceWords:
    """The words of an utterance. Committed ones never change, whatever the service says later.

    Times are in seconds from the utterance's first sample. After an interruption, the service may transcribe the same
    speech again; then the words that are committed already are found in the new ones, and left out.
    """

    def __init__(self) -> None:
        self.committed: list[Word] = []
        self.tentative: tuple[Word, ...] = ()
        self._repeats = False  # whether the newest text may differ in the words that are committed already

    @property
    def hypothesis(self) -> Hypothesis:
        return Hypothesis(tuple(self.committed), self.tentative)

    def restart(self) -> None:
        """Note an interruption, after which the service hears all or the rest of the utterance again."""
        self.tentative = ()
        self._repeats = True

    def put_timed(self, words: Sequence[Word], *, final: bool, heard: float) -> None:
        """Take words with times, which follow the committed ones; ``heard`` seconds of the utterance exist.

        Those that are not ``final`` are replaced by the next.
        """
        after = self.committed[-1].end if self.committed else 0.0
        placed = tuple(_keep_in_order(words, after, heard))
        if final:
            self.committed += placed
            self.tentative = ()
        else:
            self.tentative = placed

    def put_text(self, text: str, *, complete: bool, until: float) -> None:
        """Take all text of the utterance so far; what is new in it was said before ``until`` seconds.

        Unless the text is ``complete``, its last word may still grow, so it is tentative. New words share the time
        since the one before them, by their lengths: the service does not say when they were spoken.
        """
        words = split_words(text)
        known = [word.key for word in self.committed]
        if self._repeats and not complete:
            return
        if [word.key for word in words[: len(known)]] == known:
            rest = words[len(known) :]
        elif complete:
            rest = words[_count_known(known, [word.key for word in words]) :]
        else:
            return
        start = self.committed[-1].end if self.committed else min(_VOICE_START, until)
        spread = list(_spread(rest, start, max(start, until)))
        count = len(spread) if complete else max(0, len(spread) - 1)
        self.committed += spread[:count]
        self.tentative = tuple(spread[count:])

    def finish(self) -> Hypothesis:
        """All words, of which none is tentative any more."""
        self.committed += self.tentative
        self.tentative = ()
        return self.hypothesis


def split_words(text: str) -> list[Word]:
    """The words of a text, without times; where a script has no spaces, each letter with its marks is one."""
    words: list[Word] = []
    for part in text.split():
        piece, spaced = "", True
        for character in part:
            joins = not piece or unicodedata.category(character)[0] in "MP" or not _breaks(piece[-1], character)
            if joins:
                piece += character
            else:
                words.append(Word(piece, 0.0, 0.0, spaced=spaced))
                piece, spaced = character, False
        words.append(Word(piece, 0.0, 0.0, spaced=spaced))
    return words


def _breaks(before: str, after: str) -> bool:
    """Whether a word may end between two characters that no space separates."""
    if unicodedata.category(before)[0] == "P":
        return is_unspaced(after)
    return is_unspaced(before) or is_unspaced(after)


def _spread(words: Sequence[Word], start: float, end: float) -> Iterator[Word]:
    """The words with the time from ``start`` to ``end`` divided among them by their lengths."""
    weights = [max(_MIN_WEIGHT, len(word.text)) for word in words]
    total, done = sum(weights), 0
    for word, weight in zip(words, weights, strict=True):
        at = start + (end - start) * done / total
        done += weight
        yield Word(word.text, at, start + (end - start) * done / total, spaced=word.spaced)


def _keep_in_order(words: Sequence[Word], start: float, end: float) -> Iterator[Word]:
    """The words with times that do not go back, and lie between ``start`` and ``end``."""
    for word in words:
        begin = min(max(start, word.start), max(start, end))
        start = min(max(begin, word.end), max(begin, end))
        yield Word(word.text, begin, start, word.probability, spaced=word.spaced)


def _count_known(known: Sequence[str], words: Sequence[str]) -> int:
    """How many of ``words``, from the first on, say what ``known`` says: those with the least edit distance to it.

    Of several, the longest: a word that was heard differently must not appear twice.
    """
    costs = list(range(len(words) + 1))
    for row, one in enumerate(known, 1):
        before, costs = costs, [row]
        for column, other in enumerate(words, 1):
            costs.append(min(before[column] + 1, costs[column - 1] + 1, before[column - 1] + (one != other)))
    least = min(costs)
    return max(count for count, cost in enumerate(costs) if cost == least)


def seconds(samples: int) -> float:
    """The length of 16 kHz samples."""
    return samples / RATE
