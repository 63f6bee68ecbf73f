"""Words that a person types, from a stream of characters in which backspaces remove others. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from surtitle.captions.wording import split_words
from surtitle.core.words import Hypothesis, Word
from surtitle.text.sentences import ends_sentence

_BACKSPACE = "\b"
_TURN = ">>"  # begins what another person says, by the rules for closed captions in the United States
_TENTATIVE = 5  # words at the end of a line that can still be removed
_WORD_LENGTH = 0.4  # seconds that a word takes at most, if several arrive at once: 150 words a minute
_MIN_WORD_LENGTH = 0.05  # seconds
_MIN_SENTENCES = 40  # words after which an utterance ends with a sentence
_MAX_UTTERANCE = 400  # words after which it ends in any case
_MAX_PENDING = 1000  # characters that may wait to be committed
_REMEMBERED = 500  # committed characters that may be removed and written again


@dataclass(frozen=True, slots=True)
class TypedUpdate:
    """The words of the utterance so far; with ``endpoint``, it is finished now."""

    hypothesis: Hypothesis
    endpoint: bool = False


class TypedWords:
    """Turns what a person types into hypotheses, whose committed words do not change.

    The last five words of a line are tentative. They are committed when more words follow, with the end of the line,
    and by `pause`. Backspaces that go further remove nothing; what is written in place of committed words counts
    once if it is the same. An utterance ends with an empty line, before ``>>``, by `pause`, and with a sentence if it
    is long. Times are those at which characters arrive, in seconds.
    """

    def __init__(self) -> None:
        self._pending: list[tuple[str, float]] = []  # characters of words that are not committed, with their arrival
        self._utterance: list[Word] = []
        self._past = ""  # committed characters, the newest of them
        self._position = 0  # in those; before their end while backspaces have removed some
        self._line_empty = True
        self._end = 0.0  # of the last committed word

    @property
    def unsettled(self) -> bool:
        """Whether `pause` would commit or finish something."""
        return bool(self._utterance or any(not character.isspace() for character, _ in self._pending))

    def write(self, text: str, now: float) -> list[TypedUpdate]:
        """Take more characters, which arrive at ``now``."""
        updates: list[TypedUpdate] = []
        for character in text:
            if character == _BACKSPACE:
                self._erase()
            elif character == "\n":
                updates += self._end_line()
            elif character.isspace():
                self._type(" ", now)
            elif unicodedata.category(character) != "Cc":
                self._type(character, now)
                self._line_empty = False
        words = self._words()
        count = len(words) if len(self._pending) > _MAX_PENDING else max(0, len(words) - _TENTATIVE)
        updates += self._commit(words, count)
        tentative = tuple(words[count:])
        return [*updates, TypedUpdate(Hypothesis(tuple(self._utterance), tentative))]

    def pause(self) -> list[TypedUpdate]:
        """Commit all words and end the utterance, because nothing has arrived for a while."""
        words = self._words()
        return [*self._commit(words, len(words)), *self._end_utterance()]

    def _type(self, character: str, now: float) -> None:
        if self._position < len(self._past) and not self._pending:
            if self._past[self._position] == character:
                self._position += 1
                return
            self._retype(now)
        self._pending.append((character, now))

    def _retype(self, now: float) -> None:
        """Begin the word again in which what is written differs from what was committed."""
        start = self._past.rfind(" ", 0, self._position) + 1
        self._pending += [(character, now) for character in self._past[start : self._position]]
        self._position = len(self._past)

    def _erase(self) -> None:
        if self._pending:
            self._pending.pop()
        else:
            self._position = max(0, self._position - 1)

    def _end_line(self) -> list[TypedUpdate]:
        words = self._words()
        updates = self._commit(words, len(words))
        if self._line_empty:
            updates += self._end_utterance()
        self._line_empty = True
        self._pending.clear()
        self._past = f"{self._past} "
        self._position = len(self._past)
        return updates

    def _words(self) -> list[Word]:
        """The words that are not committed, each with the time since the one before, if that is not too long."""
        words = split_words("".join(character for character, _ in self._pending))
        arrivals = [arrival for character, arrival in self._pending if not character.isspace()]
        timed: list[Word] = []
        at = count = 0
        end = self._end
        while count < len(words):
            group = [words[count]]  # those that arrived at once
            at += _length(words[count])
            arrival = arrivals[at - 1]
            while count + len(group) < len(words):
                following = at + _length(words[count + len(group)])
                if arrivals[following - 1] != arrival:
                    break
                group.append(words[count + len(group)])
                at = following
            each = max(_MIN_WORD_LENGTH, min(_WORD_LENGTH, (arrival - end) / len(group)))
            start = max(end, arrival - each * len(group))
            timed += [
                replace(word, start=start + each * index, end=start + each * (index + 1))
                for index, word in enumerate(group)
            ]
            end = timed[-1].end
            count += len(group)
        return timed

    def _commit(self, words: Sequence[Word], count: int) -> list[TypedUpdate]:
        """Commit the first ``count`` of the ``words``, which are all that are not committed."""
        if not count:
            return []
        updates: list[TypedUpdate] = []
        for word in words[:count]:
            if word.text.startswith(_TURN):
                updates += self._end_utterance()
            self._utterance.append(word)
            written = len(self._utterance)
            if written >= _MAX_UTTERANCE or (written >= _MIN_SENTENCES and ends_sentence(word.text)):
                updates += self._end_utterance()
        self._end = words[count - 1].end
        left = sum(_length(word) for word in words[:count])
        cut = 0
        while left:
            left -= not self._pending[cut][0].isspace()
            cut += 1
        self._past += "".join(character for character, _ in self._pending[:cut])
        self._past = self._past[-_REMEMBERED:]
        self._position = len(self._past)
        del self._pending[:cut]
        return updates

    def _end_utterance(self) -> list[TypedUpdate]:
        if not self._utterance:
            return []
        words, self._utterance = tuple(self._utterance), []
        return [TypedUpdate(Hypothesis(words), endpoint=True)]


def _length(word: Word) -> int:
    """The characters that were typed for a word; the space before a French question mark is not one of them."""
    return sum(not character.isspace() for character in word.text)
