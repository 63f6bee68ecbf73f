"""The data that streams and decoders exchange: words with their tokens, and windows of audio. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from surtitle.core.words import Word
from surtitle.speech.whisper.features import Frames

SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！", "।", "؟", "۔")
_MARKS = ".,!?:;…。，！？：、।؟"  # punctuation that the next words may still change
_MIN_WORD_TIME = 0.01  # seconds: the attention did not move during a shorter word
_MAX_COLLAPSED = 3  # such words in a row, which are copied from the context instead of recognized
_MAX_REPEATED = 12  # words in a phrase that is repeated


@dataclass(frozen=True, slots=True)
class Piece:
    """A word and its tokens; the last ``marks`` tokens are the punctuation at its end."""

    word: Word
    tokens: tuple[int, ...]
    marks: int = 0

    @property
    def is_mark(self) -> bool:
        """Whether the piece is only punctuation, which belongs to the preceding word."""
        return bool(self.word.text) and not self.word.text.strip(_MARKS)

    def split(self) -> tuple[Piece, ...]:
        """Split the piece into the word and the punctuation at its end, if there is any."""
        text = self.word.text.rstrip(_MARKS)
        if not text or not 0 < self.marks < len(self.tokens):
            return (self,)
        mark = replace(self.word, text=self.word.text[len(text) :], start=self.word.end, spaced=False)
        tokens = len(self.tokens) - self.marks
        return Piece(replace(self.word, text=text), self.tokens[:tokens]), Piece(mark, self.tokens[tokens:], self.marks)


@dataclass(frozen=True, slots=True)
class Window:
    """A window to decode: ``features`` of shape (mels, frames), and the known tokens.

    ``context`` holds the tokens before the window, and ``prefix`` the committed tokens in it. With ``may_end``, the
    text may end after the prefix; otherwise, at least one more token must follow.
    """

    features: Frames
    language: str
    context: tuple[int, ...] = ()
    prefix: tuple[int, ...] = ()
    may_end: bool = False


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """The words after the prefix, in seconds from the window's start.

    ``language`` is that of the window. If the window had none, it was detected with ``language_probability``.
    ``no_speech`` is the probability that nobody speaks.
    """

    pieces: tuple[Piece, ...]
    language: str
    language_probability: float
    no_speech: float = 0.0


class Decoder(Protocol):
    """Decodes windows."""

    @property
    def mels(self) -> int:
        """The number of mel bands, which are the rows of the features."""

    def decode(self, window: Window) -> DecodedWindow:
        """Decode a window; blocks until the result is there. Raises `EngineError`."""

    def detect(self, features: Frames) -> tuple[str, float]:
        """Detect the language of ``features``, shape (mels, frames), and its probability. Raises `EngineError`."""


def count_before_collapse(words: Iterable[Word]) -> int:
    """The number of words before the point where the attention stops moving.

    Where there is no more speech, a decoder may repeat a sentence from its context; the words of it have no duration.
    Neither do some of the words in a long repetition ("bye bye bye…"), but there the attention moves on after it.
    """
    words = list(words)
    collapsed = 0
    for count, word in enumerate(words, 1):
        collapsed = collapsed + 1 if _has_no_duration(word) else 0
        if collapsed == _MAX_COLLAPSED:
            if not _is_left_repetition(words, count):
                first = count - _MAX_COLLAPSED
                is_complete = first > 0 and words[first - 1].text.endswith(SENTENCE_ENDS)
                return first if is_complete and _repeats(words, first, count) else max(0, first - 1)
            collapsed = 0
    return len(words)


def _has_no_duration(word: Word) -> bool:
    return word.end - word.start < _MIN_WORD_TIME


def _repeats(words: Sequence[Word], first: int, end: int) -> bool:
    """Whether the words from ``first`` to ``end`` repeat a phrase that ends before them."""
    keys = [word.key for word in words]
    return any(
        all(keys[at] == keys[at - length] for at in range(first, end))
        for length in range(1, min(_MAX_REPEATED, first) + 1)
    )


def _is_left_repetition(words: Sequence[Word], count: int) -> bool:
    """Whether the last ``_MAX_COLLAPSED`` of ``count`` words repeat the words before them, and others follow.

    The last of them may be the first of the others.
    """
    keys = [word.key for word in words]
    first = count - _MAX_COLLAPSED
    for length in range(1, min(_MAX_REPEATED, first) + 1):
        repeated = [keys[at] == keys[at - length] for at in range(first, count)]
        if not all(repeated[:-1]):
            continue
        moving = 0 if repeated[-1] else 1
        for at in range(count, len(words)):
            others = keys[at] != keys[at - length] and not _has_no_duration(words[at])
            moving = moving + 1 if others else 0
            if moving == _MAX_COLLAPSED:
                return True
    return False
