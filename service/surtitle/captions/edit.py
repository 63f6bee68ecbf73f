"""A person's corrections of captions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from surtitle.vocabulary.substituter import strip_punctuation

_PHRASE = 4  # words in a replacement that is remembered: a longer one is a misheard sentence


def apply_correction(caption: Caption, text: str) -> Caption:
    """The next revision of a caption, with another text.

    Words that stayed keep their times. Words that replace others share the others' time in proportion to their
    lengths, and added words are placed in the gap. All of them get the probability 1, because a person wrote them.
    """
    parts = text.split()
    words: list[Word] = []
    for said, written in _changes(caption.words, parts):
        if [word.text for word in said] == written:
            words += said
        elif written:
            before = words[-1].end if words else caption.start
            start, end = (said[0].start, said[-1].end) if said else (before, before)
            speaker = said[0].speaker if said else words[-1].speaker if words else caption.speaker
            words += _spread(written, start, end, speaker)
    return replace(caption, rev=caption.rev + 1, words=tuple(words))


def derive_replacements(caption: Caption, text: str) -> dict[str, str]:
    """The replacements that would have made the same corrections: what was heard, by which what was meant is found."""
    found = {}
    for said, written in _changes(caption.words, text.split()):
        heard, meant = (strip_punctuation(" ".join(part)) for part in ([word.text for word in said], written))
        if heard and meant and heard != meant and max(len(said), len(written)) <= _PHRASE:
            found[heard] = meant
    return found


def _changes(words: Sequence[Word], parts: list[str]) -> Iterator[tuple[list[Word], list[str]]]:
    """Pairs of recognized words and the words written for them: those that stayed, and those that were replaced."""
    matcher = SequenceMatcher(None, [word.text for word in words], parts, autojunk=False)
    for _, start, end, begin, stop in matcher.get_opcodes():
        yield list(words[start:end]), parts[begin:stop]


def _spread(parts: list[str], start: float, end: float, speaker: str | None) -> list[Word]:
    each = (end - start) / sum(map(len, parts))
    words = []
    for part in parts:
        words.append(Word(part, start, start + each * len(part), speaker=speaker))
        start = words[-1].end
    return words
