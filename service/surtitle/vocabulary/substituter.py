"""Words rewritten as they come: phrases replaced or masked, in committed and tentative text alike.

Committed words stay what they were shown as: one that may be the beginning of a longer phrase is
tentative until the next words, or the utterance's end, decide.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from surtitle.core.words import Hypothesis, Word
from surtitle.text.punctuation import FRAME

_BROKEN_ANYWHERE = "\u0e00"  # scripts from here on put no spaces between words: recognizers break them anywhere


class Rule(Protocol):
    """What is made of a phrase that was found."""

    def write(self, words: Sequence[Word]) -> list[Word]: ...


@dataclass(frozen=True, slots=True)
class Replacement:
    """Write ``text`` instead; it keeps the punctuation around the phrase and a capital that began it."""

    text: str

    def write(self, words: Sequence[Word]) -> list[Word]:
        parts = self.text.split()
        if not parts:
            return []
        lead, heard, _ = _framed(words[0].text)
        if heard[:1].isupper() and self.text.islower():
            parts[0] = _capital(parts[0])
        parts[0] = lead + parts[0]
        parts[-1] += _framed(words[-1].text)[2]
        start, length = words[0].start, (words[-1].end - words[0].start) / len(parts)
        sure = min(word.probability for word in words)
        return [
            Word(part, start + i * length, start + (i + 1) * length, sure, spaced=i > 0 or words[0].spaced)
            for i, part in enumerate(parts)
        ]


@dataclass(frozen=True, slots=True)
class Mask:
    """Leave the first letter of each word, and an asterisk for each of the others."""

    def write(self, words: Sequence[Word]) -> list[Word]:
        return [replace(word, text=_masked(word.text)) for word in words]


@dataclass(frozen=True, slots=True)
class DeletionGap:
    """What a deleted phrase leaves to the next word: punctuation that has lost its word, perhaps a capital."""

    deleted: bool = False
    capital: bool = False

    def before(self, word: Word) -> list[Word]:
        """The word, unless it is punctuation that belonged to what was deleted."""
        return [] if self.deleted and not word.spaced and not unframed(word.text) else [word]


class PhraseRules:
    """Phrases and what is made of them; case does not matter, and only whole words are meant.

    A phrase that ends with ``*`` also stands for longer words that begin with its last one.
    """

    def __init__(self, phrases: Mapping[str, Rule]) -> None:
        known = {normal(phrase): rule for phrase, rule in phrases.items()}
        self._exact = {phrase: rule for phrase, rule in known.items() if not phrase.endswith("*")}
        self._stems = {phrase[:-1]: rule for phrase, rule in known.items() if phrase.endswith("*")}
        self._any_stem = tuple(self._stems)
        self._beginnings = {
            phrase[:at]
            for phrase in (*self._exact, *self._stems)
            for at in range(1, len(phrase))
            if _breaks(phrase, at)
        }

    def run(self, words: Sequence[Word], gap: DeletionGap, *, final: bool) -> tuple[list[Word], int, DeletionGap]:
        """What is written for ``words`` after ``gap``, how many of them are decided, and the gap at the end.

        Unless ``final``, it stops where what follows may make a longer phrase.
        """
        written: list[Word] = []
        at = 0
        while at < len(words):
            rule, count, undecided = self._longest(words, at)
            if undecided and not final:
                break
            new = rule.write(words[at : at + count]) if rule else gap.before(words[at])
            if new:
                written += [_begun(new[0]), *new[1:]] if gap.capital else new
                gap = DeletionGap()
            elif rule:
                gap = DeletionGap(True, gap.capital or _framed(words[at].text)[1][:1].isupper())
            at += count
        return written, at, gap

    def _longest(self, words: Sequence[Word], at: int) -> tuple[Rule | None, int, bool]:
        """The longest phrase that begins at ``at``: its rule, its words, and whether it could go on beyond the last."""
        found: tuple[Rule | None, int] = (None, 1)
        text = ""
        for count, word in enumerate(words[at:], start=1):
            part = normal(word.text)
            text = text + (" " if word.spaced else "") + part if text else part.lstrip(FRAME)
            if (rule := self._rule(text.rstrip(FRAME))) is not None:
                found = (rule, count)
            if text not in self._beginnings:
                return *found, False
        return *found, True

    def _rule(self, text: str) -> Rule | None:
        if (rule := self._exact.get(text)) is not None or not text.startswith(self._any_stem):
            return rule
        return next((self._stems[stem] for stem in self._any_stem if _begins(text, stem)), None)


class _Pass:
    """One set of rules on the utterance in progress; what was written for committed words stays."""

    def __init__(self) -> None:
        self._written: list[Word] = []
        self._decided = 0
        self._gap = DeletionGap()

    def apply(self, hypothesis: Hypothesis, rules: PhraseRules, *, final: bool) -> Hypothesis:
        fresh = hypothesis.committed[self._decided :]
        written, decided, self._gap = rules.run(fresh, self._gap, final=final)
        self._written += written
        self._decided += decided
        rest = (*fresh[decided:], *hypothesis.tentative)
        shown, _, _ = rules.run(rest, self._gap, final=True)
        result = Hypothesis(tuple(self._written), tuple(shown))
        if final:
            self._written, self._decided, self._gap = [], 0, DeletionGap()
        return result


class Substituter:
    """One source's way through the rules. They may be others at every call: what was committed stays."""

    def __init__(self) -> None:
        self._passes: list[_Pass] = []

    def apply(self, hypothesis: Hypothesis, rules: Sequence[PhraseRules], *, final: bool) -> Hypothesis:
        """The hypothesis as it is shown; ``final`` says that the utterance is over, and the next call begins another.

        Committed words that may belong to a longer phrase come back as tentative ones. The number of
        ``rules`` is always the same.
        """
        self._passes = self._passes or [_Pass() for _ in rules]
        for step, one in zip(self._passes, rules, strict=True):
            hypothesis = step.apply(hypothesis, one, final=final)
        return hypothesis


def normal(text: str) -> str:
    """As it is compared: case, kinds of apostrophes and ways to compose letters do not matter."""
    return unicodedata.normalize("NFC", " ".join(text.split()).replace("’", "'").casefold())


def unframed(text: str) -> str:
    """Without the punctuation around it."""
    return text.strip(FRAME + " ")


def _framed(text: str) -> tuple[str, str, str]:
    """Punctuation before, the word, punctuation after."""
    rest = text.lstrip(FRAME)
    word = rest.rstrip(FRAME)
    return text[: len(text) - len(rest)], word, rest[len(word) :]


def _masked(text: str) -> str:
    lead, word, trail = _framed(text)
    return lead + (word[0] + "*" * (len(word) - 1) if len(word) > 1 else "*" * len(word)) + trail


def _begun(word: Word) -> Word:
    lead, core, trail = _framed(word.text)
    return replace(word, text=lead + _capital(core) + trail) if core.islower() else word


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _begins(text: str, stem: str) -> bool:
    return text.startswith(stem) and " " not in text[len(stem) :]


def _breaks(phrase: str, at: int) -> bool:
    """Whether a recognizer's word may end before ``phrase[at]``: not inside a word of letters and spaces."""
    before, after = phrase[at - 1], phrase[at]
    if before == " " or after == " ":
        return after == " "
    return not (_joined(before) and _joined(after))


def _joined(character: str) -> bool:
    return character.isalnum() and character < _BROKEN_ANYWHERE
