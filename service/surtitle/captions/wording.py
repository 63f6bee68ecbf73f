"""Converts text into the words of captions. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from wcwidth import wcwidth

from surtitle.core.words import Word
from surtitle.text.joining import SPACED_MARKS
from surtitle.text.scripts import UNSPACED

# In scripts without spaces a line may end after any letter, together with the marks that belong to it.
_RUN = re.compile(rf"[{UNSPACED}]|[^{UNSPACED}]+")


def split_words(text: str) -> list[Word]:
    """The words of a text, without times; in scripts without spaces each letter is a word."""
    words: list[Word] = []
    for part in text.split():
        if words and part in SPACED_MARKS:
            words[-1] = replace(words[-1], text=f"{words[-1].text}\xa0{part}")
            continue
        runs = _RUN.findall(part)
        for at, run in enumerate(runs):
            if at and wcwidth(run[0]) == 0:
                words[-1] = replace(words[-1], text=words[-1].text + run)
            else:
                words.append(Word(run, 0.0, 0.0, spaced=not at))
    return words


def spread_times(words: Sequence[Word], start: float, end: float) -> tuple[Word, ...]:
    """The words with times from ``start`` to ``end``, in proportion to their lengths."""
    letters = sum(len(word.text) for word in words)
    each = (end - start) / letters if letters else 0.0
    found = []
    for word in words:
        stop = start + each * len(word.text)
        found.append(replace(word, start=start, end=stop))
        start = stop
    return tuple(found)


def count_common_prefix(one: Sequence[Word], other: Sequence[Word]) -> int:
    """The number of words that both sequences begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if (left.text, left.spaced) != (right.text, right.spaced):
            break
        count += 1
    return count
