"""Replaces and masks phrases in the stream of words, in committed and tentative text alike.

Committed words never change after they were shown: a word that may begin a longer phrase stays tentative until the next
words, or the end of the utterance, decide.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from surtitle.core.words import Hypothesis, Word
from surtitle.text.punctuation import ALL_MARKS

_EMPHASIS = "*_~`"  # around words in Markdown and chats
_MARKS = ALL_MARKS + _EMPHASIS + "♩♪♫♬•|™®©"
_ENDINGS = re.compile(  # after `normalize`
    "(?:"
    "(?:'(?:s|ll|re|ve|d|em|m|er|all))+"  # possessives and contractions
    r"|(?<=\w{3})'(?!t\b)\w{1,10}"  # after names in Turkish or Polish; not "don't", "ma'am", "o'clock"
    # Turkish, after "TV" and the like
    r"|(?<=\b\w{2})'(?:n[ıiuü]n|[dt][ae]n?|[dt][ae]k[ıi]|[ysn][ıiuüae]|y?l[ae]|l[ae]r\w{0,6})"
    r"|(?<=[^\W\d]):[^\W\d]{1,10}"  # the same in Finnish and Swedish, and endings for genders in German
    r"|(?<=[^\W\d])(?:\([^\W\d]{1,10}(?:\)[^\W\d]{0,10})?)+"  # "word(s)"
    ")$"
)
_PREFIX = re.compile(  # after `normalize`
    "(?:[#@]+"  # of hashtags and names of users
    # articles, pronouns and prepositions of French and Italian before a vowel
    "|(?:[cdjlmnst]|jusqu|lorsqu|puisqu|quoiqu|qu|(?:d|n)?ell|d?all|sull|coll|quell|quest|un)')(?=.)"
)
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")  # where a line may break, or may not
_HYPHEN = re.compile("[-\u2010-\u2013\u2212\ufe63\uff0d]")
_APOSTROPHE = re.compile("[\u2018\u2019\u02bc\uff07`´]")
_LONG_DASH = re.compile("[\u2014\u2015]")
_DASHES = ("-", "\u2014", "\u2015")  # after `normalize`
_SEPARATOR = re.compile(  # between words that are written without spaces
    r"([-\u2010-\u2015\u2212\ufe63\uff0d/…*_]|[.]{2,}|#(?=\w))"
)
_REST = re.compile("[-\u2014\u2015/….][^ ]+$")  # of the last word, from the first of these, after `normalize`
_MIN_HYPHENATED = 2  # letters that a recognizer may write before a hyphen inside a word
_FIRST_UNSPACED = "\u0e00"  # from here on, scripts have no spaces between words, and recognizers break them anywhere


class Rule(Protocol):
    """Rewrites a phrase that was found."""

    def write(self, words: Sequence[Word]) -> list[Word]: ...


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replaces a phrase by ``text``, keeping the punctuation around it and an initial capital."""

    text: str

    def write(self, words: Sequence[Word]) -> list[Word]:
        parts = self.text.split()
        if not parts:
            return []
        lead, first, _ = _split_punctuation(words[0].text)
        if first[:1].isupper() and self.text.islower():
            parts[0] = _capitalize(parts[0])
        parts[0] = lead + parts[0]
        parts[-1] += _split_punctuation(words[-1].text)[2]
        start, length = words[0].start, (words[-1].end - words[0].start) / len(parts)
        probability = min(word.probability for word in words)
        return [
            Word(part, start + i * length, start + (i + 1) * length, probability, spaced=i > 0 or words[0].spaced)
            for i, part in enumerate(parts)
        ]


@dataclass(frozen=True, slots=True)
class Mask:
    """Replaces all but the first letter of each word by asterisks."""

    def write(self, words: Sequence[Word]) -> list[Word]:
        return [replace(word, text=_mask_text(word.text)) for word in words]


@dataclass(frozen=True, slots=True)
class DeletionGap:
    """The effect of a deleted phrase on the next word: its punctuation is dropped, and a capital is taken over."""

    deleted: bool = False
    capital: bool = False

    def filter(self, word: Word) -> list[Word]:
        """The word, unless it is punctuation that belonged to the deleted phrase."""
        return [] if self.deleted and not word.spaced and not _split_punctuation(word.text)[1] else [word]


@dataclass(frozen=True, slots=True)
class _Match:
    """A rule for the first ``count`` words.

    The first word also begins with ``prefix``, an elision or the mark of a hashtag, and the last one ends with the
    ending ``suffix``.
    """

    rule: Rule
    count: int
    prefix: str
    suffix: str

    def write(self, words: Sequence[Word]) -> list[Word]:
        """The rewritten words, with the prefix of the first one, and the ending and punctuation of the last one."""
        if not self.prefix:
            return self._write_ending(words)
        lead, core, trail = _split_punctuation(words[0].text)
        cut = len(self.prefix)
        written = self._write_ending([replace(words[0], text=core[cut:] + trail), *words[1:]])
        if written:
            written[0] = replace(written[0], text=lead + core[:cut] + written[0].text)
        return written

    def _write_ending(self, words: Sequence[Word]) -> list[Word]:
        if not self.suffix:
            return self.rule.write(words)
        lead, core, trail = _split_punctuation(words[-1].text)
        cut = len(core) - len(self.suffix)
        written = self.rule.write([*words[:-1], replace(words[-1], text=lead + core[:cut])])
        if written:
            written[-1] = replace(written[-1], text=written[-1].text + core[cut:] + trail)
        return written


class PhraseRules:
    """Phrases and their rules. Matches whole words and ignores case.

    A phrase that ends with ``*`` also matches longer words that begin with its last one. A hyphen between two words
    matches a space, nothing and any dash ("sir-title", "ass-hole"), the last word may have an ending after an
    apostrophe or a colon, or in brackets ("Jon's", "Jon'un", "Jon:lle", "word(s)"; not "don't", which is another word),
    the first one may follow an elision ("l'iphone", "all'iphone") or the mark of a hashtag ("#SirTitle"), all may stand
    between marks of emphasis ("*word*"), and the parts of a compound with hyphens are words, as are those between
    dashes and slashes.
    """

    def __init__(self, phrases: Mapping[str, Rule]) -> None:
        known = {normalize(phrase).lstrip(_EMPHASIS): rule for phrase, rule in phrases.items()}
        variants = {variant: rule for phrase, rule in known.items() for variant in _vary_hyphens(phrase)} | known
        self._exact = {phrase: rule for phrase, rule in variants.items() if not phrase.endswith("*")}
        self._stems = {phrase[:-1]: rule for phrase, rule in variants.items() if phrase.endswith("*")}
        self._tags = {phrase.replace(" ", ""): rule for phrase, rule in self._exact.items() if " " in phrase}
        self._any_stem = tuple(self._stems)
        self._beginnings = {
            phrase[:at]
            for phrase in (*self._exact, *self._stems)
            for at in range(1, len(phrase))
            if _may_break(phrase, at) or _may_have_hyphen(phrase, at)
        }

    def run(self, words: Sequence[Word], gap: DeletionGap, *, final: bool) -> tuple[list[Word], int, DeletionGap]:
        """Rewrite ``words`` after ``gap``.

        Returns the new words, the number of ``words`` that are decided, and the gap at the end. Unless
        ``final``, it stops where the following words may complete a longer phrase.
        """
        written: list[Word] = []
        at = 0
        while at < len(words):
            match, undecided = self._find_longest(words, at)
            if undecided and not final:
                break
            count = match.count if match else 1
            new = match.write(words[at : at + count]) if match else gap.filter(self._rewrite_parts(words[at]))
            if new:
                written += [_capitalize_word(new[0]), *new[1:]] if gap.capital else new
                gap = DeletionGap()
            elif match:
                gap = DeletionGap(True, gap.capital or _split_punctuation(words[at].text)[1][:1].isupper())
            at += count
        return written, at, gap

    def _find_longest(self, words: Sequence[Word], at: int) -> tuple[_Match | None, bool]:
        """The longest phrase at ``at``, and whether more words could make it longer."""
        found: _Match | None = None
        text = ""
        dashed = False
        for count, word in enumerate(words[at:], start=1):
            part = normalize(word.text)
            if text and part in _DASHES:
                text += "-"  # "ass - hole" is "ass-hole"
                dashed = True
            elif text:
                text += (" " if word.spaced and not text.endswith("-") else "") + part
            else:
                text = part.lstrip(_MARKS)
            if count == 1 or part not in _DASHES:
                found = self._find_rule(text.rstrip(_MARKS), count, compound=not dashed) or found
            if not any(
                variant in self._beginnings
                for form in _vary_prefix(text)
                for variant in (form, form.rstrip("-"), *_vary_hyphens(form))
            ):
                return found, False
        return found, True

    def _find_rule(self, text: str, count: int = 1, *, compound: bool = True) -> _Match | None:
        """The rule for ``text``, which is in ``count`` words, and may be part of a ``compound``.

        It is the one for the whole text or, if there is none, for the text without an ending ("Jon's"), without the
        rest of a compound ("New York-based"), or without an elision or the mark of a hashtag.
        """
        rest = _REST.search(text) if compound and count > 1 else None
        suffixes = ("", *(found[0] for found in (_ENDINGS.search(text), rest) if found))
        for form in _vary_prefix(text):
            for suffix in suffixes:
                phrase = form.removesuffix(suffix)
                for variant in (phrase, *_vary_hyphens(phrase)):
                    if (rule := self._exact.get(variant) or self._find_stem(variant)) is not None:
                        return _Match(rule, count, text[: len(text) - len(form)], suffix)
        if text.startswith("#") and (rule := self._tags.get(text[1:])) is not None:
            return _Match(rule, count, "#", "")
        return None

    def _find_stem(self, text: str) -> Rule | None:
        if not text.startswith(self._any_stem):
            return None
        return next((self._stems[stem] for stem in self._any_stem if _is_word_with_stem(text, stem)), None)

    def _rewrite_parts(self, word: Word) -> Word:
        """A compound, or words without spaces, with the parts rewritten for which a rule leaves one word."""
        lead, core, trail = _split_punctuation(word.text)
        parts = _SEPARATOR.split(core)
        if len(parts) == 1:
            return word
        for index, part in enumerate(parts):
            if part and (match := self._find_rule(normalize(part))) is not None:
                written = match.write([replace(word, text=part)])
                if len(written) == 1:
                    parts[index] = written[0].text
        return replace(word, text=lead + "".join(parts) + trail)


class _Pass:
    """One set of rules on the utterance in progress; keeps the words written for committed ones."""

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
        tentative, _, _ = rules.run(rest, self._gap, final=True)
        result = Hypothesis(tuple(self._written), tuple(tentative))
        if final:
            self._written, self._decided, self._gap = [], 0, DeletionGap()
        return result


class Substituter:
    """Applies rules to the words of one source. The rules may change between calls; committed words do not."""

    def __init__(self) -> None:
        self._passes: list[_Pass] = []

    def apply(self, hypothesis: Hypothesis, rules: Sequence[PhraseRules], *, final: bool) -> Hypothesis:
        """Apply the rules to a hypothesis. With ``final``, the utterance is over, and the next call begins another.

        Committed words that may belong to a longer phrase are returned as tentative ones. The number of ``rules`` must
        be the same in every call.
        """
        self._passes = self._passes or [_Pass() for _ in rules]
        for step, phrase_rules in zip(self._passes, rules, strict=True):
            hypothesis = step.apply(hypothesis, phrase_rules, final=final)
        return hypothesis


def normalize(text: str) -> str:
    """The text for comparisons, which ignore case, kinds of apostrophes and hyphens and the composition of letters."""
    plain = _INVISIBLE.sub("", _APOSTROPHE.sub("'", _HYPHEN.sub("-", " ".join(text.split()))))
    return unicodedata.normalize("NFC", plain.casefold())


def strip_punctuation(text: str) -> str:
    """The text without the punctuation around it."""
    return text.strip(ALL_MARKS + " ")


def _split_punctuation(text: str) -> tuple[str, str, str]:
    """The punctuation before a word, the word, and the punctuation after it."""
    rest = text.lstrip(_MARKS)
    word = rest.rstrip(_MARKS)
    return text[: len(text) - len(rest)], word, rest[len(word) :]


def _mask_text(text: str) -> str:
    lead, word, trail = _split_punctuation(text)
    return lead + (word[0] + "*" * (len(word) - 1) if len(word) > 1 else "*" * len(word)) + trail


def _capitalize_word(word: Word) -> Word:
    lead, core, trail = _split_punctuation(word.text)
    return replace(word, text=lead + _capitalize(core) + trail) if core.islower() else word


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_word_with_stem(text: str, stem: str) -> bool:
    return text.startswith(stem) and " " not in text[len(stem) :]


def _may_break(phrase: str, at: int) -> bool:
    """Whether a recognizer's word may end before ``phrase[at]``: not inside a word of letters and spaces."""
    before, after = phrase[at - 1], phrase[at]
    if before == " " or after == " ":
        return after == " "
    return not (_is_in_word(before) and _is_in_word(after))


def _may_have_hyphen(phrase: str, at: int) -> bool:
    """Whether a recognizer may write a hyphen before ``phrase[at]``, and so begin a word there, inside a word."""
    return at >= _MIN_HYPHENATED and phrase[at - 1].isalpha() and phrase[at].isalpha()


def _vary_prefix(text: str) -> tuple[str, ...]:
    """The text, and the text without an elision or the mark of a hashtag at its beginning."""
    prefix = _PREFIX.match(text)
    return (text, text[prefix.end() :]) if prefix else (text,)


def _vary_hyphens(text: str) -> tuple[str, ...]:
    """The text with spaces for its hyphens, and without them; nothing for a text without hyphens.

    Long dashes, which also stand between clauses, are no more than hyphens. Underscores are in names of users.
    """
    if _LONG_DASH.search(text):
        return (_LONG_DASH.sub("-", text),)
    if "_" in text.strip("_"):
        return (text.replace("_", "-"), text.replace("_", " "))
    if "-" not in text.strip("-"):
        return ()
    return tuple(" ".join(text.replace("-", other).split()) for other in (" ", ""))


def _is_in_word(character: str) -> bool:
    return character.isalnum() and character < _FIRST_UNSPACED
