"""Windows and decoded windows as messages, and back. Pure."""

from __future__ import annotations

from collections.abc import Callable

from surtitle.core.words import Word
from surtitle.pool.messages import (
    DecodedPiece,
    WindowAnswer,
    WindowRequest,
    pack_features,
    unpack_features,
)
from surtitle.speech.whisper.pieces import DecodedWindow, Piece, Window


def pack_window(
    window: Window, *, source: str, number: int, seconds: float, hints: str, max_hint_tokens: int
) -> WindowRequest:
    """``hints`` is the text whose first ``max_hint_tokens`` tokens precede the window's context."""
    return WindowRequest(
        source,
        number,
        seconds,
        pack_features(window.features),
        window.language,
        hints,
        max_hint_tokens,
        window.context,
        window.prefix,
        window.may_end,
    )


def unpack_window(request: WindowRequest, encode_hints: Callable[[str, int], tuple[int, ...]]) -> Window:
    """The window; ``encode_hints`` returns the first tokens of a text. Raises ValueError."""
    return Window(
        unpack_features(request.features),
        request.language,
        (*encode_hints(request.hints, request.max_hint_tokens), *request.context),
        request.prefix,
        request.may_end,
    )


def pack_decoded(decoded: DecodedWindow) -> WindowAnswer:
    pieces = tuple(
        DecodedPiece(
            piece.word.text,
            piece.word.start,
            piece.word.end,
            piece.word.probability,
            piece.word.spaced,
            piece.tokens,
            piece.marks,
        )
        for piece in decoded.pieces
    )
    return WindowAnswer(pieces, decoded.language, decoded.language_probability, decoded.no_speech)


def unpack_decoded(answer: WindowAnswer) -> DecodedWindow:
    pieces = tuple(
        Piece(Word(one.text, one.start, one.end, one.probability, one.spaced), one.tokens, one.marks)
        for one in answer.pieces
    )
    return DecodedWindow(pieces, answer.language, answer.language_probability, answer.no_speech)
