"""Scores of a system's answers: pure functions over what it showed and when. Times are seconds from the first sample
of the talk, on the wall's clock; the talk is sent at the pace of speech, so that both clocks agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rapidfuzz.distance import Levenshtein

from benchmarks.wording import tokens, words


@dataclass(frozen=True)
class TimedWord:
    """A word of the talk."""

    word: str
    start: float
    end: float


@dataclass(frozen=True)
class Reference:
    """A token of the talk as it should be written; ``scored`` if its recording's reference has case and punctuation."""

    token: str
    scored: bool


@dataclass(frozen=True)
class State:
    """What was on display from a moment on."""

    at: float
    committed: str
    shown: str  # committed and tentative


@dataclass(frozen=True)
class Score:
    """One source of one run. Latencies are seconds from the end of a word, of the words that came out right."""

    words: int  # spoken
    errors: int
    first: list[float] = field(default_factory=list)  # latency to the first appearance
    commit: list[float] = field(default_factory=list)  # latency to the commitment
    shown: int = 0  # words that were put on display, each time that they were
    reworded: int = 0  # of these, those that were replaced or taken away later
    committed: int = 0  # the same of committed words
    changed: int = 0
    written: int = 0  # tokens with case and punctuation, of recordings whose reference has both
    written_errors: int = 0


def score(
    truth: Sequence[TimedWord], states: Sequence[State], language: str = "en", written: Sequence[Reference] = ()
) -> Score:
    """Compare what was shown with what was said; ``truth`` holds normalized words."""
    scored = sum(reference.scored for reference in written)
    if not states:
        return Score(len(truth), len(truth), written=scored, written_errors=scored)
    final = words(states[-1].shown, language)
    said = [spoken.word for spoken in truth]
    right = {b: a for a, b in _same(said, final)}
    times = _starts(final, right, truth)
    first: dict[int, float] = {}
    commit: dict[int, float] = {}
    shown = reworded = committed = changed = 0
    before: tuple[list[str], list[str]] = ([], [])
    for state in states:
        now = (words(state.shown, language), words(state.committed, language))
        known = sum(time < state.at for time in times)  # a word cannot appear before it was begun
        for seen, display, old in zip((first, commit), now, before, strict=True):
            if display != old:
                for place in _new_places(display, final[:known]):
                    seen.setdefault(place, state.at)
        new, gone = _changes(before[0], now[0])
        shown, reworded = shown + new, reworded + gone
        new, gone = _changes(before[1], now[1])
        committed, changed = committed + new, changed + gone
        before = now
    return Score(
        words=len(said),
        errors=Levenshtein.distance(said, final),
        first=_latencies(first, right, truth),
        commit=_latencies(commit, right, truth),
        shown=shown,
        reworded=reworded,
        committed=committed,
        changed=changed,
        written=scored,
        written_errors=written_errors(written, states[-1].shown, language),
    )


def written_errors(references: Sequence[Reference], text: str, language: str = "en") -> int:
    """Errors of ``text`` with case and punctuation, where the references have both."""
    errors = 0
    for edit in Levenshtein.editops([reference.token for reference in references], tokens(text, language)):
        place = edit.src_pos
        if edit.tag == "insert":  # belongs to the token before it
            place = max(0, place - 1)
        errors += bool(references) and references[place].scored
    return errors


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed; NaN of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def repeats(said: Sequence[str], length: int = 4) -> int:
    """How often a run of ``length`` words follows itself at once."""
    return sum(
        said[place : place + length] == said[place + length : place + 2 * length]
        for place in range(len(said) - 2 * length + 1)
    )


def _same(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """The places of the words that agree, in the best alignment."""
    return [
        (block.a + offset, block.b + offset)
        for block in Levenshtein.opcodes(one, other).as_matching_blocks()
        for offset in range(block.size)
    ]


def _starts(final: Sequence[str], right: dict[int, int], truth: Sequence[TimedWord]) -> list[float]:
    """When each word of the transcript was begun, at the earliest: a wrong word begins with the right one before it."""
    times, time = [], 0.0
    for place in range(len(final)):
        if place in right:
            time = truth[right[place]].start
        times.append(time)
    return times


def _new_places(display: Sequence[str], final: Sequence[str]) -> list[int]:
    return [place for _, place in _same(display, final)]


def _changes(before: Sequence[str], now: Sequence[str]) -> tuple[int, int]:
    """How many words are new in the second text, and how many of the first are gone.

    A word that only grew by letters is neither: a system that commits tokens may show a word before its end.
    """
    new = gone = 0
    a = b = 0
    for block in Levenshtein.opcodes(before, now).as_matching_blocks():  # the last one is empty, at the ends
        old_words, new_words = before[a : block.a], now[b : block.b]
        grown = sum(word.startswith(old) for old, word in zip(old_words, new_words, strict=False))
        new += len(new_words) - grown
        gone += len(old_words) - grown
        a, b = block.a + block.size, block.b + block.size
    return new, gone


def _latencies(seen: dict[int, float], right: dict[int, int], truth: Sequence[TimedWord]) -> list[float]:
    return [seen[place] - truth[source].end for place, source in right.items() if place in seen]
