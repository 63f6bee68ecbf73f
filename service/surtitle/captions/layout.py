"""How much text fits: columns, lines and good places to break.

A column is the width of a Latin letter; wide scripts take two (Unicode UAX #11, by wcwidth).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wcwidth import wcswidth, wcwidth

from surtitle.captions.units import breakable, units
from surtitle.core.words import Word, join
from surtitle.text.punctuation import PAUSES
from surtitle.text.sentences import ends_sentence, trails_off

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
    """Words in lines of ``width`` columns, each filled before the next begins.

    What is in a line stays there when more words follow, so a growing caption never moves, except for a word that
    grows itself ("10" + ",000"). A word wider than a line has a line of its own, or several if it came in pieces; a
    mark that came after its word was said hangs over.
    """
    lines: list[list[Word]] = []
    for unit in units(words):
        for part in [unit] if columns(_core(unit)) <= width else [[word] for word in unit]:
            if lines and (columns(join(lines[-1]) + _core(part, after=True)) <= width or not _core(part)):
                lines[-1] += part
            else:
                lines.append(list(part))
    return lines


def fitting(words: Sequence[Word], box: Box) -> int:
    """How many of the first ``words`` fit into ``box``; at least one, if there are any."""
    return sum(len(line) for line in wrap(words, box.columns)[: box.lines])


def best_break(words: Sequence[Word], least: int, most: int) -> int:
    """After how many words to break, from ``least`` to ``most``: late, between phrases, and never inside a word."""
    places = [count for count in range(least, most + 1) if breakable(words, count)] or [most]
    return max(places, key=lambda count: (merit(words, count) - (most - count), count))


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
        if max(upper, lower) > box.columns or not breakable(words, count):
            return float("inf")
        return abs(upper - lower) + (4 if upper > lower else 0) - 4 * merit(words, count)

    count = min(range(1, len(words)), key=cost)
    return lines if cost(count) == float("inf") else [list(words[:count]), list(words[count:])]


def _core(words: Sequence[Word], *, after: bool = False) -> str:
    """The text of ``words`` without the marks at their end; ``after`` other words, with the space before it."""
    count = len(words)
    while count and not any(map(str.isalnum, words[count - 1].text)) and (count > 1 or not words[0].spaced):
        count -= 1
    text = join(words[:count])
    return f" {text}" if after and text and words[0].spaced else text


def merit(words: Sequence[Word], count: int) -> int:
    """How good it is to break after ``count`` words; 0 is neither good nor bad."""
    before = words[count - 1].text
    following = words[count].text if count < len(words) else None
    if ends_sentence(before, following):
        return 6
    if before[-1] in PAUSES or trails_off(before):
        return 5
    if before[-1] == "." or before.casefold() in _OPENERS or before.casefold() in _ARTICLES:
        return -3  # an abbreviation belongs to the next word
    if following is not None and following.casefold() in _OPENERS:
        return 3
    return 0
