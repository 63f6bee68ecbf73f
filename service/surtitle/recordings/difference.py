"""What two transcripts of the same speech have in common, word by word. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from surtitle.captions.caption import Caption
from surtitle.captions.exports.documents import paragraphs
from surtitle.core.words import Word, join

SAME, GONE, NEW = "same", "gone", "new"

_WINDOW = 60.0  # seconds that are compared at once, about: what is farther apart has nothing to do with each other
_REACH = 30.0  # seconds after which a pause is looked for


@dataclass(frozen=True, slots=True)
class Part:
    """Text that both have, or only the ``GONE`` first or the ``NEW`` second one."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph of the second transcript, and what the first said instead."""

    start: float
    voice: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Words of the second transcript, words that are new in it, and words of the first that are gone."""

    lines: tuple[Line, ...]
    words: int
    new: int
    gone: int


def difference(first: Sequence[Caption], second: Sequence[Caption]) -> Difference:
    """Compare two transcripts, each by time, source by source. Case and punctuation do not count as a change."""
    lines: list[Line] = []
    sources = dict.fromkeys(caption.source for caption in (*second, *first))
    words = new = gone = 0
    for source in sources:
        before = [word for caption in first if caption.source == source for word in caption.words]
        mine = [caption for caption in second if caption.source == source]
        changes = list(_changes(before, [word for caption in mine for word in caption.words]))
        words += sum(len(after) for _, _, after in changes)
        new += sum(len(after) for kind, _, after in changes if kind != SAME)
        gone += sum(len(lost) for kind, lost, _ in changes if kind != SAME)
        lines += _lines(source, mine, changes)
    return Difference(tuple(sorted(lines, key=lambda line: line.start)), words, new, gone)


def _changes(first: list[Word], second: list[Word]) -> Iterator[tuple[str, list[Word], list[Word]]]:
    """Stretches that are the same, and between them those that went with those that came."""
    for before, after in _windows(first, second):
        matcher = SequenceMatcher(None, [word.key for word in before], [word.key for word in after], autojunk=False)
        for kind, start, end, begin, stop in matcher.get_opcodes():
            yield SAME if kind == "equal" else NEW, before[start:end], after[begin:stop]


def _windows(first: list[Word], second: list[Word]) -> Iterator[tuple[list[Word], list[Word]]]:
    """Both in pieces of about a minute, cut at the same pauses: comparing takes the square of the length."""
    while len(second) > 1 and second[-1].end - second[0].start > _WINDOW:
        begun = second[0].start
        near = [
            (after.start - before.end, at)
            for at, (before, after) in enumerate(pairwise(second), start=1)
            if begun + _REACH < after.start < begun + _WINDOW
        ]
        far = next(
            at for at, word in enumerate(second) if at and (word.start >= begun + _REACH or at == len(second) - 1)
        )
        at = max(near)[1] if near else far
        cut = (second[at - 1].end + second[at].start) / 2
        split = next((place for place, word in enumerate(first) if (word.start + word.end) / 2 > cut), len(first))
        yield first[:split], second[:at]
        first, second = first[split:], second[at:]
    yield first, second


def _lines(
    source: str, captions: Sequence[Caption], changes: Sequence[tuple[str, list[Word], list[Word]]]
) -> Iterator[Line]:
    """The changes in the paragraphs of the second transcript."""
    blocks = [(sum(len(one.words) for one in block), block[0].start, block[0].voice) for block in paragraphs(captions)]
    if not blocks:
        blocks = [(0, changes[0][1][0].start if changes and changes[0][1] else 0.0, source)]
    following = iter(blocks)
    room, start, voice = next(following)
    parts: list[Part] = []
    for kind, lost, came in changes:
        if kind != SAME and lost:
            parts.append(Part(GONE, join(lost)))
        while came:
            if not room:
                yield Line(start, voice, tuple(parts))
                room, start, voice = next(following)
                parts = []
            parts.append(Part(kind, join(came[:room])))
            came, room = came[room:], room - len(came[:room])
    if parts:
        yield Line(start, voice, tuple(parts))
