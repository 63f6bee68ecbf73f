"""Decodes batches of windows with CTranslate2's Whisper: encoding, decoding after a forced prefix, word alignment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from langcodes import Language

from surtitle.audio import RATE
from surtitle.core.errors import EngineError
from surtitle.speech.whisper.batcher import Batcher
from surtitle.speech.whisper.decoding import (
    MAX_FRAMES,
    MAX_TOKENS,
    encode_hints,
    encoded_frames,
    ends_in_loop,
    is_nothing,
    make_piece,
    max_new_tokens,
    merge_pieces,
)
from surtitle.speech.whisper.features import HOP, Frames
from surtitle.speech.whisper.model import GeneratedText, Prompt, WhisperModel, to_storage_view
from surtitle.speech.whisper.pieces import DecodedWindow, Piece, Window
from surtitle.text.languages import AUTO

_MAX_BATCH = 4  # windows decoded at once (docs/engines.md)
_ENCODER_FRAME = 0.02  # seconds in one frame of the encoder's output
_BEAMS = 5  # as in faster-whisper; a quarter fewer errors for an eighth more work (docs/engines.md)
_MAX_NO_SPEECH = 0.2  # probability from which a loop is rather laughter than a repetition of words
_MAX_REPEATED_TOKENS = 6  # in a text that is written again because it ended in a loop
_MIN_PROBABILITY = 0.65  # mean of the tokens' probabilities below which they are computed again, from more sound


class WhisperDecoder:
    """Decodes the windows of all streams with one loaded model."""

    def __init__(self, model: WhisperModel, *, heads: bool) -> None:
        """``heads``: the model lists the attention heads that follow the sound, so words can be aligned with it."""
        self.mels = model.mels
        self._model = model
        self._heads = heads
        self._tokenizer = cache(self._make_tokenizer)
        self._suppressed = cache(lambda language: _find_suppressed(self._tokenizer(language), language))
        self._batcher = Batcher(self._decode, self._kind, max_jobs=_MAX_BATCH, workers=model.workers)
        self.capacity = 2 * model.workers * _MAX_BATCH
        """Windows that may be in progress at once: those being decoded, and those prepared in the meantime."""

    def decode(self, window: Window) -> DecodedWindow:
        if not window.features.shape[1]:
            return DecodedWindow((), window.language, 0.0)  # CTranslate2 would end the process: it divides by zero
        return self._batcher.run(window)

    def detect(self, features: Frames) -> tuple[str, float]:
        try:
            return self._model.detect_language(self._model.encode(self._pad_features([Window(features, AUTO)])))
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"Whisper could not detect the language ({error}).") from error

    def hints(self, text: str, max_tokens: int) -> tuple[int, ...]:
        """The first ``max_tokens`` tokens of a text that precedes every transcript."""
        return encode_hints(self._tokenizer("en").encode, text, max_tokens)

    @property
    def end(self) -> int:
        """The token that ends a text: those below it are text."""
        return int(self._tokenizer("en").eot)

    def _kind(self, window: Window) -> tuple[object, ...]:
        """What windows must have in common to be decoded together."""
        return encoded_frames(window), len(window.context), window.language, window.may_end

    def _decode(self, windows: Sequence[Window]) -> list[DecodedWindow]:
        """Decode windows of one kind. Raises `EngineError`."""
        try:
            return self._decode_batch(windows)
        except (RuntimeError, ValueError) as error:
            raise EngineError(
                f"Whisper failed to decode these words ({error}): captions continue with the next."
            ) from error

    def _decode_batch(self, windows: Sequence[Window]) -> list[DecodedWindow]:
        encoded = self._model.encode(self._pad_features(windows))
        language, probability = windows[0].language, 1.0
        if language == AUTO:
            if len(windows) > 1:  # each window may be in a different language
                return [result for window in windows for result in self._decode_batch([window])]
            language, probability = self._model.detect_language(encoded)
        tokenizer = self._tokenizer(language)
        generate = partial(
            self._model.generate,
            encoded,
            [self._build_prompt(window, tokenizer) for window in windows],
            max_tokens=max(max_new_tokens(window) for window in windows),
            beams=_BEAMS if self._model.prefixes_are_cheap else 1,
            suppressed=self._suppressed(language),
            allow_blank=windows[0].may_end,
        )

        def cut(result: GeneratedText) -> list[int]:
            return [token for token in result.tokens if token < tokenizer.eot][: MAX_TOKENS * 2]

        generated = generate()
        texts = [cut(result) for result in generated]
        stuck = [
            result.no_speech < _MAX_NO_SPEECH and ends_in_loop(text[len(window.prefix) :])
            for window, text, result in zip(windows, texts, generated, strict=True)
        ]
        if any(stuck):  # what is said after the repetition would be missing
            freed = generate(no_repeat=_MAX_REPEATED_TOKENS)
            generated = [new if loops else old for old, new, loops in zip(generated, freed, stuck, strict=True)]
            texts = [cut(result) for result in generated]
        pieces = self._align_words(windows, texts, encoded, tokenizer)
        return [
            DecodedWindow(
                () if is_nothing(words, result.no_speech) else tuple(words), language, probability, result.no_speech
            )
            for words, result in zip(pieces, generated, strict=True)
        ]

    def _pad_features(self, windows: Sequence[Window]) -> npt.NDArray[np.float32]:
        padded = np.zeros((len(windows), self.mels, encoded_frames(windows[0])), dtype=np.float32)
        for row, window in zip(padded, windows, strict=True):
            frames = min(window.features.shape[1], row.shape[1])
            row[:, :frames] = window.features[:, :frames]
        return padded

    def _build_prompt(self, window: Window, tokenizer: Any) -> Prompt:
        context = (tokenizer.sot_prev, *window.context) if window.context else ()
        return Prompt((*context, *tokenizer.sot_sequence), window.prefix)

    def _align_words(
        self, windows: Sequence[Window], texts: list[list[int]], encoded: Any, tokenizer: Any
    ) -> list[list[Piece]]:
        """The words after each window's prefix, with times and probabilities."""
        if not any(len(text) > len(window.prefix) for window, text in zip(windows, texts, strict=True)):
            return [[] for _ in windows]
        if not self._heads:
            return [_spread_evenly(window, text, tokenizer) for window, text in zip(windows, texts, strict=True)]
        frames = [min(MAX_FRAMES, window.features.shape[1]) for window in windows]
        shortened = encoded
        if self._model.on_cpu and encoded.dtype == _float32():
            # times are better without what follows the longest window
            shortened = to_storage_view(
                np.ascontiguousarray(np.array(encoded, dtype=np.float32)[:, : (max(frames) + 1) // 2])
            )
        results = self._model.align(shortened, tokenizer.sot_sequence, texts, frames)
        probabilities = [result.text_token_probs for result in results]
        if shortened is not encoded and any(map(_is_improbable, probabilities)):
            # without silence before or after them, words have no probability: the silence after the window is needed
            whole = self._model.align(encoded, tokenizer.sot_sequence, texts, frames)
            probabilities = [result.text_token_probs for result in whole]
        return [
            _time_by_alignment(window, text, result.alignments, probable, tokenizer)
            for window, text, result, probable in zip(windows, texts, results, probabilities, strict=True)
        ]

    def _make_tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._model.tokenizer, self._model.multilingual, "transcribe", language)


def _is_improbable(probabilities: Sequence[float]) -> bool:
    """Whether tokens have such low probabilities that their words may be taken for invented ones."""
    return len(probabilities) > 0 and float(np.mean(probabilities)) < _MIN_PROBABILITY


def _time_by_alignment(
    window: Window, text: list[int], alignments: Any, probabilities: Sequence[float], tokenizer: Any
) -> list[Piece]:
    """The words after the prefix. A token begins at the first frame that is aligned with it."""
    begins: dict[int, int] = {}
    for token, frame in alignments:
        begins.setdefault(token, frame)
    last = max(begins.values(), default=0)
    found = _split_words(window, text, tokenizer)
    index = len(window.prefix)
    pieces = []
    for spelled, tokens in found:
        after = index + len(tokens)
        start, end = (begins.get(token, last) * _ENCODER_FRAME for token in (index, after))
        probability = float(np.mean(probabilities[index:after]))
        pieces.append(make_piece(spelled, tokens, start, end, probability))
        index = after
    return merge_pieces(pieces, drop_first_marks=not window.prefix)


def _spread_evenly(window: Window, text: list[int], tokenizer: Any) -> list[Piece]:
    """Divide the window's time among its words by their lengths, for models that cannot be aligned."""
    whole = max(1, len(text))
    seconds = window.features.shape[1] * HOP / RATE
    index = len(window.prefix)
    pieces = []
    for spelled, tokens in _split_words(window, text, tokenizer):
        after = index + len(tokens)
        pieces.append(make_piece(spelled, tokens, seconds * index / whole, seconds * after / whole, 1.0))
        index = after
    return merge_pieces(pieces, drop_first_marks=not window.prefix)


def _split_words(window: Window, text: list[int], tokenizer: Any) -> list[tuple[str, list[int]]]:
    words, tokens = tokenizer.split_to_word_tokens(text[len(window.prefix) :])
    return list(zip(words, tokens, strict=True))


def _find_suppressed(tokenizer: Any, language: str) -> list[int]:
    """The tokens that must not be generated: Whisper's non-speech list (notes, brackets, ...), and a lone space.

    A word that begins at the end of a window is often written as a space followed by the rest of the word ("of" + " "
    + "imes"). Only in Latin script is the space suppressed: others need it before letters that no token begins with.
    """
    from faster_whisper.transcribe import get_suppressed_tokens

    tokens = list(get_suppressed_tokens(tokenizer, [-1]) or ())
    latin = Language.get(language).maximize().script == "Latn"
    return [*tokens, *tokenizer.encode(" ")] if latin else tokens


def _float32() -> Any:
    from ctranslate2 import DataType

    return DataType.float32
