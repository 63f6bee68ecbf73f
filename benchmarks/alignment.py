"""Word times of a text whose words were only partly recognized."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from benchmarks.scores import TimedWord
from benchmarks.wording import tokens, words

_UNKNOWN = 0.3  # seconds for a word outside of all recognized ones, about what a word takes


def timed_words(text: str, heard: Sequence[TimedWord], language: str, seconds: float) -> list[TimedWord]:
    """The normalized words of ``text`` with the times of the words ``heard`` in ``seconds`` of sound.

    A word that was not recognized lies between its neighbors.
    """
    return spread(words(text, language), [part for word in heard for part in split(word, language)], seconds)


def timed_tokens(text: str, heard: Sequence[TimedWord], language: str, seconds: float) -> list[TimedWord]:
    """The same for the tokens of ``text`` as they are written."""
    written = tokens(text, language)
    counts = [len(words(token, language)) for token in written]
    parts = [part for token in written for part in words(token, language)]
    times = spread(parts, [part for word in heard for part in split(word, language)], seconds)
    timed: list[TimedWord] = []
    place, before = 0, times[0].start if times else 0.0
    for token, count in zip(written, counts, strict=True):
        own = times[place : place + count]
        start, end = (own[0].start, own[-1].end) if own else (before, before)  # a dash on its own has no time
        timed.append(TimedWord(token, start, end))
        place, before = place + count, end
    return timed


def split(word: TimedWord, language: str) -> list[TimedWord]:
    """The normalized words of one that was heard ("it's" becomes "it is"), each with its part of the time."""
    parts = words(word.word, language)
    length = (word.end - word.start) / max(1, len(parts))
    return [
        TimedWord(part, word.start + length * place, word.start + length * (place + 1))
        for place, part in enumerate(parts)
    ]


def spread(said: Sequence[str], heard: Sequence[TimedWord], seconds: float) -> list[TimedWord]:
    """``said`` with the times of ``heard`` where both agree in the best alignment, and between them elsewhere."""
    times: dict[int, TimedWord] = {}
    for block in Levenshtein.opcodes(said, [word.word for word in heard]).as_matching_blocks():
        for offset in range(block.size):
            times[block.a + offset] = heard[block.b + offset]
    found: list[TimedWord] = []
    place = 0
    while place < len(said):
        if place in times:
            found.append(TimedWord(said[place], times[place].start, times[place].end))
            place += 1
            continue
        after = next((later for later in range(place, len(said)) if later in times), len(said))
        found += _between(said[place:after], found[-1].end if found else None, times.get(after), seconds)
        place = after
    return found


def _between(said: Sequence[str], before: float | None, after: TimedWord | None, seconds: float) -> list[TimedWord]:
    """Equal parts of the time between the end of the word ``before`` and the start of the one ``after``."""
    last = after.start if after else min(seconds, (before or 0.0) + _UNKNOWN * len(said))
    begin = before if before is not None else max(0.0, last - _UNKNOWN * len(said))
    length = max(0.0, last - begin) / len(said)
    return [TimedWord(word, begin + length * at, begin + length * (at + 1)) for at, word in enumerate(said)]
