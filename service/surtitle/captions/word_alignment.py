"""Finds where a recording is in a session by the words that were said. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from surtitle.captions.fit import Piece
from surtitle.core.words import Word

_LENGTH = 4  # words in a row that have to be the same
_TOLERANCE = 0.7  # seconds between the times that two recognitions give to a word
_MIN_ANCHORS = 3  # that agree on an offset


def align_words(recording: Sequence[Word], session: Sequence[Word]) -> list[Piece]:
    """Find the stretches of a recording in a session; none if too few words are the same.

    Uses rows of words that are said once in each. The stretches follow each other without gaps, and the last one does
    not end. Offsets are right to about two tenths of a second.
    """
    groups: list[list[tuple[float, float]]] = []  # times in the recording, and offsets
    known = dict(_unique_rows(session))
    for row, time in _unique_rows(recording):
        if row not in known:
            continue
        offset = time - known[row]
        close = groups and abs(offset - median(one for _, one in groups[-1])) <= _TOLERANCE
        if close:
            groups[-1].append((time, offset))
        else:
            groups.append([(time, offset)])
    groups = _merge([group for group in groups if len(group) >= _MIN_ANCHORS])
    if not groups:
        return []
    limits = [0.0, *((before[-1][0] + after[0][0]) / 2 for before, after in pairwise(groups)), float("inf")]
    pieces = []
    for group, (begin, end) in zip(groups, pairwise(limits), strict=True):
        pieces.append(Piece(begin - median(offset for _, offset in group), begin, end - begin))
    return pieces


def _merge(groups: Sequence[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
    """The groups, with neighbors as one that have the same offset."""
    merged: list[list[tuple[float, float]]] = []
    for group in groups:
        if merged and abs(median(one for _, one in merged[-1]) - median(one for _, one in group)) <= _TOLERANCE / 2:
            merged[-1] = [*merged[-1], *group]
        else:
            merged.append(group)
    return merged


def _unique_rows(words: Sequence[Word]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Rows of words that occur once, in order, with the time at which each begins."""
    said = [word for word in words if word.key]
    rows = [tuple(word.key for word in said[at : at + _LENGTH]) for at in range(len(said) - _LENGTH + 1)]
    counts = Counter(rows)
    return ((row, said[at].start) for at, row in enumerate(rows) if counts[row] == 1)
