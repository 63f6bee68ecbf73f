"""Decodes windows with CTranslate2's Whisper, in batches: encodes them, decodes after a forced prefix, aligns words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from langcodes import Language

from surtitle.audio import RATE
from surtitle.core.errors import EngineError
from surtitle.core.words import Word
from surtitle.speech.whisper.batcher import Batcher
from surtitle.speech.whisper.features import HOP, Frames
from surtitle.speech.whisper.model import Prompt, WhisperModel, storage
from surtitle.speech.whisper.pieces import DecodedWindow, Piece, Window
from surtitle.text.languages import AUTO
from surtitle.text.scripts import is_unspaced

_FULL = 3000  # frames: the 30 s that Whisper was trained on
_LEAST = 800  # frames that the encoder is given: fewer are hardly cheaper, more make no fewer errors (docs/engines.md)
_AFTER = 100  # frames of nothing after a window: Whisper was trained with silence behind the speech
_BUCKET = 200  # frames: windows are made as long as others by it, so that they can be decoded together
_TOGETHER = 4  # windows that are decoded at once (docs/engines.md)
_ENCODED = 0.02  # seconds of one frame of the encoder's output
_TOKENS, _TOKENS_PER_SECOND = 16, 12  # that may be written, at most: runaway loops cost no more than speech
_MOST_TOKENS = 224
_BEAMS = 5  # as in faster-whisper; a quarter of the errors less for an eighth more work (docs/engines.md)
_NO_SPEECH = 0.6  # probability, above which unsure words are not believed (Radford et al. 2022)
_UNSURE = -1.0  # mean logarithm of the words' probabilities
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


class WhisperDecoder:
    """One loaded model, for all streams."""

    def __init__(self, model: WhisperModel, *, heads: bool) -> None:
        """``heads``: the model says which of its attention heads follow the sound, so that words can be aligned."""
        self.mels = model.mels
        self._model = model
        self._heads = heads
        self._tokenizer = cache(self._make_tokenizer)
        self._suppressed = cache(lambda language: _suppressed(self._tokenizer(language), language))
        self._batcher = Batcher(self._decode, self._kind, max_jobs=_TOGETHER, workers=model.workers)
        self.places = 2 * model.workers * _TOGETHER
        """Windows that may be under way at once: those in work, and those that are made ready meanwhile."""

    def decode(self, window: Window) -> DecodedWindow:
        return self._batcher.run(window)

    def detect(self, features: Frames) -> tuple[str, float]:
        try:
            return self._model.detect_language(self._model.encode(self._padded([Window(features, AUTO)])))
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"Whisper could not detect the language ({error}).") from error

    def hints(self, text: str, most: int) -> tuple[int, ...]:
        """The first ``most`` tokens of a text that comes before everything."""
        return tuple(self._tokenizer("en").encode(" " + text.strip())[:most]) if text.strip() else ()

    def _kind(self, window: Window) -> tuple[object, ...]:
        return self._length(window), len(window.context), window.language, window.over

    def _length(self, window: Window) -> int:
        """The frames that the encoder is given."""
        wanted: int = max(_LEAST, window.features.shape[1] + _AFTER)
        return min(_FULL, -(-wanted // _BUCKET) * _BUCKET)

    def _decode(self, windows: Sequence[Window]) -> list[DecodedWindow]:
        """Windows of one kind."""
        try:
            return self._results(windows)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"Whisper failed at these words ({error}): captions continue with the next.") from error

    def _results(self, windows: Sequence[Window]) -> list[DecodedWindow]:
        encoded = self._model.encode(self._padded(windows))
        language, sure = windows[0].language, 1.0
        if language == AUTO:
            if len(windows) > 1:  # each may be in another one
                return [result for window in windows for result in self._results([window])]
            language, sure = self._model.detect_language(encoded)
        tokenizer = self._tokenizer(language)
        generated = self._model.generate(
            encoded,
            [self._prompt(window, tokenizer) for window in windows],
            max_tokens=max(_budget(window) for window in windows),
            beams=_BEAMS if self._model.prefixes_are_cheap else 1,
            suppressed=self._suppressed(language),
            blank=windows[0].over,
        )
        texts = [
            [token for token in result.tokens if token < tokenizer.eot][: _MOST_TOKENS * 2] for result in generated
        ]
        pieces = self._aligned(windows, texts, encoded, tokenizer)
        return [
            DecodedWindow(
                () if _is_nothing(words, result.no_speech) else tuple(words), language, sure, result.no_speech
            )
            for words, result in zip(pieces, generated, strict=True)
        ]

    def _padded(self, windows: Sequence[Window]) -> npt.NDArray[np.float32]:
        padded = np.zeros((len(windows), self.mels, self._length(windows[0])), dtype=np.float32)
        for row, window in zip(padded, windows, strict=True):
            frames = min(window.features.shape[1], row.shape[1])
            row[:, :frames] = window.features[:, :frames]
        return padded

    def _prompt(self, window: Window, tokenizer: Any) -> Prompt:
        context = (tokenizer.sot_prev, *window.context) if window.context else ()
        return Prompt((*context, *tokenizer.sot_sequence), window.prefix)

    def _aligned(
        self, windows: Sequence[Window], texts: list[list[int]], encoded: Any, tokenizer: Any
    ) -> list[list[Piece]]:
        """Words with times for the tokens that follow each window's prefix."""
        if not any(len(text) > len(window.prefix) for window, text in zip(windows, texts, strict=True)):
            return [[] for _ in windows]
        if not self._heads:
            return [_spread(window, text, tokenizer) for window, text in zip(windows, texts, strict=True)]
        frames = [min(_FULL, window.features.shape[1]) for window in windows]
        if self._model.on_processor and encoded.dtype == _float32():
            # what lies after the longest window would be cut off by the alignment, at a cost
            encoded = storage(np.ascontiguousarray(np.array(encoded, dtype=np.float32)[:, : (max(frames) + 1) // 2]))
        results = self._model.align(encoded, tokenizer.sot_sequence, texts, frames)
        return [
            _pieces(window, text, result, tokenizer)
            for window, text, result in zip(windows, texts, results, strict=True)
        ]

    def _make_tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._model.tokenizer, self._model.multilingual, "transcribe", language)


def _budget(window: Window) -> int:
    """Tokens that may follow the prefix."""
    seconds = window.features.shape[1] * HOP / RATE
    return min(_MOST_TOKENS - len(window.prefix), _TOKENS + int(_TOKENS_PER_SECOND * seconds))


def _is_nothing(pieces: Sequence[Piece], no_speech: float) -> bool:
    """Whisper's own rule for windows without speech."""
    if not pieces or no_speech < _NO_SPEECH:
        return False
    return float(np.mean([np.log(max(piece.word.probability, 1e-10)) for piece in pieces])) < _UNSURE


def _pieces(window: Window, text: list[int], result: Any, tokenizer: Any) -> list[Piece]:
    """The words after the prefix. A token begins where the alignment first comes to it."""
    begins: dict[int, int] = {}
    for token, frame in result.alignments:
        begins.setdefault(token, frame)
    last = max(begins.values(), default=0)
    found = _split(window, text, tokenizer)
    at = len(window.prefix)
    pieces = []
    for spelled, tokens in found:
        after = at + len(tokens)
        start, end = (begins.get(place, last) * _ENCODED for place in (at, after))
        probability = float(np.mean(result.text_token_probs[at:after]))
        pieces.append(_piece(spelled, tokens, start, end, probability))
        at = after
    return _merged(pieces, alone=not window.prefix)


def _spread(window: Window, text: list[int], tokenizer: Any) -> list[Piece]:
    """For models that cannot be aligned: the words share the window by their lengths."""
    whole = max(1, len(text))
    seconds = window.features.shape[1] * HOP / RATE
    at = len(window.prefix)
    pieces = []
    for spelled, tokens in _split(window, text, tokenizer):
        after = at + len(tokens)
        pieces.append(_piece(spelled, tokens, seconds * at / whole, seconds * after / whole, 1.0))
        at = after
    return _merged(pieces, alone=not window.prefix)


def _split(window: Window, text: list[int], tokenizer: Any) -> list[tuple[str, list[int]]]:
    words, tokens = tokenizer.split_to_word_tokens(text[len(window.prefix) :])
    return list(zip(words, tokens, strict=True))


def _piece(spelled: str, tokens: Sequence[int], start: float, end: float, probability: float) -> Piece:
    word = Word(spelled.strip(), start, end, min(1.0, probability), spaced=spelled.startswith(" "))
    return Piece(word, tuple(tokens))


def _merged(pieces: Sequence[Piece], *, alone: bool) -> list[Piece]:
    """Punctuation, and parts without a space before them, as one with their word; ``alone``, marks are dropped."""
    merged: list[Piece] = []
    for piece in pieces:
        before = merged[-1].word if merged else None
        mark = not piece.word.text or (not piece.word.spaced and piece.word.text in _APPENDED)
        part = before is not None and not piece.word.spaced and not is_unspaced(before.text[-1])
        if before is not None and (mark or part or (before.spaced and before.text in _PREPENDED)):
            merged[-1] = _joined(merged[-1], piece, mark=mark)
        elif piece.word.text and not (mark and alone):
            merged.append(replace(piece, marks=len(piece.tokens)) if mark else piece)
    return merged


def _joined(before: Piece, piece: Piece, *, mark: bool) -> Piece:
    """Both as one word; punctuation takes no time and says nothing of how sure the word is."""
    word = replace(
        before.word,
        text=before.word.text + piece.word.text,
        end=before.word.end if mark else piece.word.end,
        probability=before.word.probability if mark else min(before.word.probability, piece.word.probability),
    )
    return Piece(word, (*before.tokens, *piece.tokens), before.marks + len(piece.tokens) if mark else 0)


def _suppressed(tokenizer: Any, language: str) -> list[int]:
    """Whisper's own list of what is no speech (notes, brackets, special tokens), and a space alone.

    At the end of a window a word that begins there is often written as a space followed by the rest of the word
    ("of" + " " + "imes"). Other scripts need the space before letters that no token begins with.
    """
    from faster_whisper.transcribe import get_suppressed_tokens

    tokens = list(get_suppressed_tokens(tokenizer, [-1]) or ())
    latin = Language.get(language).maximize().script == "Latn"
    return [*tokens, *tokenizer.encode(" ")] if latin else tokens


def _float32() -> Any:
    from ctranslate2 import DataType

    return DataType.float32
