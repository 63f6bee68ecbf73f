"""Turns the tokens that a model writes into words. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from surtitle.core.words import Word
from surtitle.text.punctuation import ALL_MARKS
from surtitle.text.scripts import is_unspaced

_WORD_MARK = "\u2581"  # "▁", by which SentencePiece marks the beginning of a word
_CONTINUED = "@@"  # Paraformer marks the parts of a word but the last
_SPECIAL = re.compile(r"<[^<>]*>|\[[A-Z]+\]|#\d+")  # <blk>, <sos/eos>, [UNK], #0
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_TOKEN_LENGTH = 0.16  # seconds that the last token of a word may last: models give only where tokens begin
_HYPHENS_AND_APOSTROPHES = frozenset("-'’")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a model's tokens tell about the text it writes."""

    marked: bool
    """Whether tokens that begin a word are marked; otherwise those are that a word continues after."""
    cased: bool
    """Whether it writes capitals as well as small letters."""
    punctuated: bool
    upper: bool
    """Whether it writes capitals only."""
    unspaced: bool
    """Whether it has characters of a script that is written without spaces."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of an utterance, each with the second at which it begins and its probability."""

    texts: Sequence[str]
    times: Sequence[float]
    probabilities: Sequence[float] = ()
    text: str = ""
    """All of it as text, for models whose tokens are no text."""


def read_vocabulary(lines: Iterable[str]) -> Vocabulary:
    """Examine ``tokens.txt``, which has a token and its number in each line; a space cannot be seen there."""
    tokens = [fields[0] if len(fields) == 2 else " " for line in lines if 1 <= len(fields := line.split()) <= 2]
    texts = [token for token in tokens if not _SPECIAL.fullmatch(token)]
    letters = "".join(texts)
    marks = set(letters) & set(ALL_MARKS) - _HYPHENS_AND_APOSTROPHES
    upper, lower = any(map(str.isupper, letters)), any(map(str.islower, letters))
    return Vocabulary(
        marked=any(token.startswith((_WORD_MARK, " ")) for token in texts),
        cased=upper and lower,
        punctuated=bool(marks & set(".?。？")),
        upper=upper and not lower,
        unspaced=any(map(is_unspaced, letters)),
    )


@dataclass(slots=True)
class _Growing:
    """A word to which tokens are still added."""

    spaced: bool
    text: str = ""
    times: list[float] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)


def make_words(tokens: Tokens, vocabulary: Vocabulary, heard: float) -> list[Word]:
    """The words of an utterance of which ``heard`` seconds are known. Their times are in order and not after that.

    In scripts without spaces, each token is a word.
    """
    growing: list[_Growing] = []
    continued = False
    for text, at, probability in _texts(tokens):
        begins = text.startswith((_WORD_MARK, " ")) if vocabulary.marked else not continued
        continued = text.endswith(_CONTINUED)
        text = text.removesuffix(_CONTINUED).replace(_WORD_MARK, " ").strip()
        if begins and (not growing or growing[-1].text):
            growing.append(_Growing(spaced=True))
        if not text:
            continue
        for part in _split_scripts(text):
            if not growing:
                growing.append(_Growing(spaced=True))
            last = growing[-1]
            if part[0] in ALL_MARKS and not last.text and len(growing) > 1:
                growing.pop()  # a mark belongs to the word before it
                last = growing[-1]
            elif last.text and part[0] not in ALL_MARKS and (is_unspaced(part[0]) or is_unspaced(last.text[0])):
                last = _Growing(spaced=not is_unspaced(part[0]))
                growing.append(last)
            elif not last.text and is_unspaced(part[0]):
                last.spaced = False
            last.text += part
            last.times.append(at)
            last.probabilities.append(probability)
    finished = [word for word in growing if word.text]
    if tokens.text and _letters("".join(word.text for word in finished)) != _letters(tokens.text):
        return _spread(tokens, heard)
    return _place(finished, heard)


def _texts(tokens: Tokens) -> Iterator[tuple[str, float, float]]:
    """The text, time and probability of each token; tokens that are the bytes of characters are put together."""
    pending, began = bytearray(), 0.0
    for number, (text, at) in enumerate(zip(tokens.texts, tokens.times, strict=True)):
        probability = tokens.probabilities[number] if number < len(tokens.probabilities) else 1.0
        if match := _BYTE.fullmatch(text):
            began = began if pending else at
            pending += bytes.fromhex(match[1])
            continue
        if pending:
            yield pending.decode(errors="ignore"), began, 1.0
            pending = bytearray()
        if not _SPECIAL.fullmatch(text):
            yield text, at, probability
    if pending:
        yield pending.decode(errors="ignore"), began, 1.0


def _split_scripts(text: str) -> Iterator[str]:
    """Cut a text where a script without spaces begins or ends."""
    start = 0
    for at in range(1, len(text)):
        if text[at] not in ALL_MARKS and is_unspaced(text[at - 1]) != is_unspaced(text[at]):
            yield text[start:at]
            start = at
    yield text[start:]


def _place(growing: Sequence[_Growing], heard: float) -> list[Word]:
    """Give words their ends: a word ends soon after its last token, and before the next word."""
    words: list[Word] = []
    for number, word in enumerate(growing):
        following = growing[number + 1].times[0] if number + 1 < len(growing) else math.inf
        start = min(word.times[0], heard)
        end = max(start, min(word.times[-1] + _TOKEN_LENGTH, following, heard))
        probability = math.prod(word.probabilities) ** (1 / len(word.probabilities))
        words.append(Word(word.text, start, end, min(1.0, max(0.0, probability)), word.spaced))
    return words


def _spread(tokens: Tokens, heard: float) -> list[Word]:
    """The words of the text, at the times of the tokens that are as far from its beginning."""
    parts = [
        (part, number == 0 and not is_unspaced(part[0]))
        for chunk in tokens.text.split()
        for number, part in enumerate(_split_characters(chunk))
    ]
    length, at = sum(len(part) for part, _ in parts), 0
    words = []
    for part, spaced in parts:
        first, at = at, at + len(part)
        times = [tokens.times[len(tokens.times) * each // length] for each in (first, at - 1)]
        words.append(_Growing(spaced, part, times, [1.0]))
    return _place(words, heard)


def _split_characters(text: str) -> Iterator[str]:
    """The words of a text without spaces; each character of an unspaced script is one."""
    for part in _split_scripts(text):
        if is_unspaced(part[0]):
            yield from re.findall(rf".[{re.escape(ALL_MARKS)}]*", part)
        else:
            yield part


def _letters(text: str) -> str:
    return "".join(text.replace(_WORD_MARK, "").split())
