"""How much text fits: columns, lines and good places to break.

A column is the width of a Latin letter; wide scripts take two (Unicode UAX #11, by wcwidth).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wcwidth import wcswidth, wcwidth

from service.speech.words import Word, join

# Words that open a phrase in English: a line or a caption rather ends before one of them.
_OPENERS = frozenset(
    {
        *("and", "or", "but", "nor", "so", "yet", "because", "although", "though", "if", "when", "while"),
        *("where", "which", "who", "that", "than", "as", "of", "in", "on", "at", "to", "for", "from", "with"),
        *("by", "about", "into", "over", "after", "before", "under", "between", "through"),
    }
)
_ARTICLES = frozenset({"a", "an", "the", "my", "your", "his", "her", "its", "our", "their", "this", "these", "those"})


@dataclass(frozen=True, slots=True)
class Box:
    """The room that a caption has."""

    columns: int = 42
    lines: int = 2


def columns(text: str) -> int:
    """Display width of ``text`` in columns."""
    width = wcswidth(text)
    return width if width >= 0 else sum(max(0, wcwidth(character)) for character in text)


def wrap(words: Sequence[Word], width: int) -> list[list[Word]]:
    """Words in lines, each filled before the next begins.

    What is in a line stays there when more words follow, so a growing caption never moves. A word
    wider than a line has a line of its own; a mark that came after its word was said hangs over.
    """
    lines: list[list[Word]] = []
    for word in words:
        if lines and (columns(join([*lines[-1], word])) <= width or _hangs(word)):
            lines[-1].append(word)
        else:
            lines.append([word])
    return lines


def fitting(words: Sequence[Word], box: Box) -> int:
    """How many of the first ``words`` fit into ``box``; at least one, if there are any."""
    return sum(len(line) for line in wrap(words, box.columns)[: box.lines])


def best_break(words: Sequence[Word], least: int, most: int) -> int:
    """After how many words to break, from ``least`` to ``most``: late, and between phrases."""
    return max(range(least, most + 1), key=lambda count: (merit(words, count) - (most - count), count))


def balanced(words: Sequence[Word], box: Box) -> list[str]:
    """The words as lines for print and export: two lines break between phrases, the lower one longer."""
    return [join(line) for line in balanced_words(words, box)]


def balanced_words(words: Sequence[Word], box: Box) -> list[list[Word]]:
    """The same, as the words of each line."""
    lines = wrap(words, box.columns)
    if len(lines) != 2:
        return lines

    def cost(count: int) -> float:
        upper, lower = columns(join(words[:count])), columns(join(words[count:]))
        if max(upper, lower) > box.columns:
            return float("inf")
        return abs(upper - lower) + (4 if upper > lower else 0) - 4 * merit(words, count)

    count = min(range(1, len(words)), key=cost)
    return lines if cost(count) == float("inf") else [list(words[:count]), list(words[count:])]


def _hangs(word: Word) -> bool:
    return not word.spaced and not any(map(str.isalnum, word.text))


def merit(words: Sequence[Word], count: int) -> int:
    """How good it is to break after ``count`` words; 0 is neither good nor bad."""
    before = words[count - 1].text
    if before[-1] in ".!?…。！？":
        return 6
    if before[-1] in ",;:、，；：":
        return 5
    if before.casefold() in _OPENERS or before.casefold() in _ARTICLES:
        return -3
    if count < len(words) and words[count].text.casefold() in _OPENERS:
        return 3
    return 0
