"""Compares two transcripts of the same speech word by word. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from surtitle.captions.caption import Caption
from surtitle.captions.exports.documents import paragraphs
from surtitle.core.wire.sessions import Change
from surtitle.core.words import Word, join

_WINDOW = 60.0  # seconds, about, that are compared at once: words farther apart do not belong together
_MIN_WINDOW = 30.0  # seconds after which a window may end at a pause


@dataclass(frozen=True, slots=True)
class Part:
    """Text of both transcripts, of the first one only (`Change.REMOVED`) or of the second one only (`Change.ADDED`)."""

    kind: Change
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph of the second transcript with its differences from the first.

    ``start`` is in seconds, ``voice`` is the name of the speaker or source.
    """

    start: float
    voice: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The paragraphs of the second transcript, and the numbers of its words, of added and of removed words."""

    lines: tuple[Line, ...]
    words: int
    added: int
    removed: int


def compare(first: Sequence[Caption], second: Sequence[Caption]) -> Difference:
    """Compare two transcripts, each in order of time, source by source. Case and punctuation are ignored."""
    lines: list[Line] = []
    sources = dict.fromkeys(caption.source for caption in (*second, *first))
    words = added = removed = 0
    for source in sources:
        before = [word for caption in first if caption.source == source for word in caption.words]
        mine = [caption for caption in second if caption.source == source]
        changes = list(_find_changes(before, [word for caption in mine for word in caption.words]))
        words += sum(len(after) for _, _, after in changes)
        added += sum(len(after) for kind, _, after in changes if kind != Change.SAME)
        removed += sum(len(lost) for kind, lost, _ in changes if kind != Change.SAME)
        lines += _build_lines(source, mine, changes)
    return Difference(tuple(sorted(lines, key=lambda line: line.start)), words, added, removed)


def _find_changes(first: list[Word], second: list[Word]) -> Iterator[tuple[Change, list[Word], list[Word]]]:
    """Runs of equal words, and between them the words that were removed and those that were added."""
    for before, after in _split_windows(first, second):
        matcher = SequenceMatcher(None, [word.key for word in before], [word.key for word in after], autojunk=False)
        for kind, start, end, begin, stop in matcher.get_opcodes():
            yield Change.SAME if kind == "equal" else Change.ADDED, before[start:end], after[begin:stop]


def _split_windows(first: list[Word], second: list[Word]) -> Iterator[tuple[list[Word], list[Word]]]:
    """Both in pieces of about a minute, cut at the same pauses: the cost of comparing is quadratic in the length."""
    while len(second) > 1 and second[-1].end - second[0].start > _WINDOW:
        start = second[0].start
        near = [
            (after.start - before.end, at)
            for at, (before, after) in enumerate(pairwise(second), start=1)
            if start + _MIN_WINDOW < after.start < start + _WINDOW
        ]
        far = next(
            at for at, word in enumerate(second) if at and (word.start >= start + _MIN_WINDOW or at == len(second) - 1)
        )
        at = max(near)[1] if near else far
        cut = (second[at - 1].end + second[at].start) / 2
        split = next((index for index, word in enumerate(first) if (word.start + word.end) / 2 > cut), len(first))
        yield first[:split], second[:at]
        first, second = first[split:], second[at:]
    yield first, second


def _build_lines(
    source: str, captions: Sequence[Caption], changes: Sequence[tuple[Change, list[Word], list[Word]]]
) -> Iterator[Line]:
    """Distribute the changes over the paragraphs of the second transcript."""
    blocks = [(sum(len(one.words) for one in block), block[0].start, block[0].voice) for block in paragraphs(captions)]
    if not blocks:
        blocks = [(0, changes[0][1][0].start if changes and changes[0][1] else 0.0, source)]
    following = iter(blocks)
    remaining, start, voice = next(following)  # words of the paragraph that are still to come
    parts: list[Part] = []
    for kind, removed, words in changes:
        if kind != Change.SAME and removed:
            parts.append(Part(Change.REMOVED, join(removed)))
        while words:
            if not remaining:
                yield Line(start, voice, tuple(parts))
                remaining, start, voice = next(following)
                parts = []
            parts.append(Part(kind, join(words[:remaining])))
            words, remaining = words[remaining:], remaining - len(words[:remaining])
    if parts:
        yield Line(start, voice, tuple(parts))
