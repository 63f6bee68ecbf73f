"""What all ways of decoding a window have in common: its size, and words made of tokens. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from surtitle.audio import RATE
from surtitle.core.words import Word
from surtitle.speech.whisper.features import HOP
from surtitle.speech.whisper.pieces import Piece, Window
from surtitle.text.scripts import is_unspaced

MAX_FRAMES = 3000
"""Of a window, 30 s: the length that Whisper was trained on."""

MAX_TOKENS = 224
"""Of the text of a window: half of Whisper's text context."""

_MIN_FRAMES = 800  # given to the encoder: fewer are hardly cheaper, more do not reduce errors (docs/engines.md)
_PADDING_FRAMES = 100  # of silence after a window: Whisper was trained with silence after the speech
_BUCKET_FRAMES = 200  # window lengths are rounded up to a multiple, so that several windows can be decoded together
_BASE_TOKENS, _MAX_TOKENS_PER_SECOND = 16, 12  # limits of the output: a runaway loop costs no more than speech
_MAX_LOOP_TOKENS, _MAX_END_TOKENS = 16, 2  # in a phrase that is repeated, and of another last mark or word after it
_MIN_REPEATED_TOKENS, _MIN_REPETITIONS = 10, 4  # tokens and times that a phrase is repeated in a loop
_MAX_NO_SPEECH = 0.6  # probability from which words of low probability are rejected (Radford et al. 2022)
_MIN_LOG_PROBABILITY = -1.0  # mean of the logarithms of the words' probabilities
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


def encoded_frames(window: Window) -> int:
    """The number of frames that the encoder is given."""
    wanted: int = max(_MIN_FRAMES, window.features.shape[1] + _PADDING_FRAMES)
    return min(MAX_FRAMES, -(-wanted // _BUCKET_FRAMES) * _BUCKET_FRAMES)


def max_new_tokens(window: Window) -> int:
    """The number of tokens that may follow the prefix."""
    seconds = window.features.shape[1] * HOP / RATE
    return min(MAX_TOKENS - len(window.prefix), _BASE_TOKENS + int(_MAX_TOKENS_PER_SECOND * seconds))


def ends_in_loop(tokens: Sequence[int] | Sequence[str]) -> bool:
    """Whether ``tokens`` end with a phrase that is repeated so often that the decoder may not have got out of it."""
    for end in range(len(tokens), max(0, len(tokens) - 1 - _MAX_END_TOKENS), -1):
        for length in range(1, _MAX_LOOP_TOKENS + 1):
            repeated = 0
            while repeated < end - length and tokens[end - 1 - repeated] == tokens[end - 1 - repeated - length]:
                repeated += 1
            if repeated >= max(_MIN_REPEATED_TOKENS, _MIN_REPETITIONS * length):
                return True
    return False


def encode_hints(encode: Callable[[str], Sequence[int]], text: str, max_tokens: int) -> tuple[int, ...]:
    """The first ``max_tokens`` tokens of a text that precedes every transcript."""
    return tuple(encode(" " + text.strip())[:max_tokens]) if text.strip() else ()


def is_nothing(pieces: Sequence[Piece], no_speech: float) -> bool:
    """Whether a window is without speech, by Whisper's own rule."""
    if not pieces or no_speech < _MAX_NO_SPEECH:
        return False
    return float(np.mean([np.log(max(piece.word.probability, 1e-10)) for piece in pieces])) < _MIN_LOG_PROBABILITY


def make_piece(spelled: str, tokens: Sequence[int], start: float, end: float, probability: float) -> Piece:
    word = Word(spelled.strip(), start, end, min(1.0, probability), spaced=spelled.startswith(" "))
    return Piece(word, tuple(tokens))


def merge_pieces(pieces: Sequence[Piece], *, drop_first_marks: bool) -> list[Piece]:
    """Merge punctuation, and parts without a space before them, into the word that they belong to.

    ``drop_first_marks``: leave out marks before the first word, because there is no prefix that they could belong to.
    """
    merged: list[Piece] = []
    for piece in pieces:
        before = merged[-1].word if merged else None
        mark = not piece.word.text or (not piece.word.spaced and piece.word.text in _APPENDED)
        part = before is not None and not piece.word.spaced and not is_unspaced(before.text[-1])
        if before is not None and (mark or part or (before.spaced and before.text in _PREPENDED)):
            merged[-1] = _join_pieces(merged[-1], piece, mark=mark)
        elif piece.word.text and not (mark and drop_first_marks):
            merged.append(replace(piece, marks=len(piece.tokens)) if mark else piece)
    return merged


def _join_pieces(before: Piece, piece: Piece, *, mark: bool) -> Piece:
    """Join two pieces into one word; punctuation changes neither the time nor the probability of the word."""
    word = replace(
        before.word,
        text=before.word.text + piece.word.text,
        end=before.word.end if mark else piece.word.end,
        probability=before.word.probability if mark else min(before.word.probability, piece.word.probability),
    )
    return Piece(word, (*before.tokens, *piece.tokens), before.marks + len(piece.tokens) if mark else 0)
