"""Words with the tokens that write them, and windows of audio: what streams and decoders exchange. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from surtitle.core.words import Word
from surtitle.speech.whisper.features import Frames

_MARKS = ".,!?:;…。，！？：、।؟"  # punctuation that the next words may still change
_STILL = 0.01  # seconds: a word that takes less was not followed by the attention
_COLLAPSED = 3  # such words in a row that are remembered from the text before and not heard


@dataclass(frozen=True, slots=True)
class Piece:
    """A word and its tokens, the last ``marks`` of which are the punctuation at its end."""

    word: Word
    tokens: tuple[int, ...]
    marks: int = 0

    @property
    def is_mark(self) -> bool:
        """Whether it is only punctuation, which belongs to the word before."""
        return bool(self.word.text) and not self.word.text.strip(_MARKS)

    def split(self) -> tuple[Piece, ...]:
        """The word, and the punctuation at its end if there is any, as a piece of its own."""
        text = self.word.text.rstrip(_MARKS)
        if not text or not 0 < self.marks < len(self.tokens):
            return (self,)
        mark = replace(self.word, text=self.word.text[len(text) :], start=self.word.end, spaced=False)
        tokens = len(self.tokens) - self.marks
        return Piece(replace(self.word, text=text), self.tokens[:tokens]), Piece(mark, self.tokens[tokens:], self.marks)


@dataclass(frozen=True, slots=True)
class Window:
    """A window to decode: ``features`` of shape (mels, frames), and the known tokens.

    ``context`` are those before the window, ``prefix`` the committed ones in it. With ``over``, the text may end after
    the prefix; otherwise, something must follow it.
    """

    features: Frames
    language: str
    context: tuple[int, ...] = ()
    prefix: tuple[int, ...] = ()
    over: bool = False


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """The words after the prefix, in seconds from the window's start.

    ``language`` is the window's, or was recognized with the probability ``sure``. ``no_speech`` is the probability
    that nobody speaks.
    """

    pieces: tuple[Piece, ...]
    language: str
    sure: float
    no_speech: float = 0.0


class Decoder(Protocol):
    """Decodes windows."""

    @property
    def mels(self) -> int:
        """Rows of the features."""

    def decode(self, window: Window) -> DecodedWindow:
        """Blocks until it is done. Raises `EngineError`."""

    def detect(self, features: Frames) -> tuple[str, float]:
        """The language of some seconds of speech, shape (mels, frames), and its probability. Raises `EngineError`."""


def before_collapse(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """The words before the attention stops moving.

    A decoder that hears nothing more may repeat a sentence from the text before; its words then take no time.
    """
    still = 0
    for index, piece in enumerate(pieces):
        still = still + 1 if piece.word.end - piece.word.start < _STILL else 0
        if still == _COLLAPSED:
            return pieces[: max(0, index - _COLLAPSED)]
    return pieces
