"""The layout of text: columns, lines, and where to break them.

A column is the width of a Latin letter; wide scripts take two (Unicode UAX #11, by wcwidth).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wcwidth import wcswidth, wcwidth

from surtitle.captions.units import can_break, units
from surtitle.core.words import Word, join
from surtitle.text.punctuation import PAUSES
from surtitle.text.sentences import ends_sentence, trails_off

# Words that open a phrase in English: a line or a caption preferably ends before one of them.
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
    """The size of a caption."""

    columns: int = 42
    lines: int = 2


def count_columns(text: str) -> int:
    """Display width of ``text`` in columns."""
    width = wcswidth(text)
    return width if width >= 0 else sum(max(0, wcwidth(character)) for character in text)


def wrap(words: Sequence[Word], width: int) -> list[list[Word]]:
    """Words in lines of ``width`` columns, each filled before the next begins.

    Words stay in their line when more words follow, so a growing caption never moves, except for a word that
    grows itself ("10" + ",000"). A word wider than a line gets a line of its own, or several if it consists of pieces.
    A punctuation mark that follows its word later may exceed the width.
    """
    lines: list[list[Word]] = []
    for unit in units(words):
        for part in [unit] if count_columns(_text_without_marks(unit)) <= width else [[word] for word in unit]:
            if lines and (
                count_columns(join(lines[-1]) + _text_without_marks(part, after=True)) <= width
                or not _text_without_marks(part)
            ):
                lines[-1] += part
            else:
                lines.append(list(part))
    return lines


def count_fitting(words: Sequence[Word], box: Box) -> int:
    """The number of words, from the first, that fit into ``box``; at least one if there are any."""
    return sum(len(line) for line in wrap(words, box.columns)[: box.lines])


def find_break(words: Sequence[Word], first: int, last: int) -> int:
    """The number of words, from ``first`` to ``last``, after which to break: late, between phrases, not in a word."""
    places = [count for count in range(first, last + 1) if can_break(words, count)] or [last]
    return max(places, key=lambda count: (score_break(words, count) - (last - count), count))


def balance_lines(words: Sequence[Word], box: Box) -> list[str]:
    """The words as lines for exports: two lines break between phrases, and the lower one is the longer.

    Two lines are within the width if there is a break for it. If there is none, a line exceeds it by marks only, as in
    `wrap`.
    """
    return [join(line) for line in balance_words(words, box)]


def balance_words(words: Sequence[Word], box: Box) -> list[list[Word]]:
    """Like `balance_lines`, but returns the words of each line."""
    lines = wrap(words, box.columns)
    if len(lines) != 2:
        return lines

    def cost(count: int) -> float:
        upper, lower = count_columns(join(words[:count])), count_columns(join(words[count:]))
        if max(upper, lower) > box.columns or not can_break(words, count):
            return float("inf")
        return abs(upper - lower) + (4 if upper > lower else 0) - 4 * score_break(words, count)

    count = min(range(1, len(words)), key=cost)
    return lines if cost(count) == float("inf") else [list(words[:count]), list(words[count:])]


def _text_without_marks(words: Sequence[Word], *, after: bool = False) -> str:
    """The text of ``words`` without the marks at the end; ``after`` other words it begins with the space, if any."""
    count = len(words)
    while count and not any(map(str.isalnum, words[count - 1].text)) and (count > 1 or not words[0].spaced):
        count -= 1
    text = join(words[:count])
    return f" {text}" if after and text and words[0].spaced else text


def score_break(words: Sequence[Word], count: int) -> int:
    """How good a break after ``count`` words is, from -3 to 6; 0 is neutral."""
    before = words[count - 1].text
    following = words[count].text if count < len(words) else None
    if ends_sentence(before, following):
        return 6
    if before[-1] in PAUSES or trails_off(before):
        return 5
    if before[-1] == "." or before.casefold() in _OPENERS or before.casefold() in _ARTICLES:
        return -3  # an abbreviation, conjunction or article belongs to the next word
    if following is not None and following.casefold() in _OPENERS:
        return 3
    return 0
