"""Decodes windows with mlx-whisper, for the stream that Whisper models have in common."""

from __future__ import annotations

from collections.abc import Generator
from functools import cache

from langcodes import Language

from surtitle.speech.mlx.model import AlignedWord, MlxModel
from surtitle.speech.whisper.decoding import encode_hints, is_nothing, make_piece, max_new_tokens, merge_pieces
from surtitle.speech.whisper.features import Frames
from surtitle.speech.whisper.pieces import DecodedWindow, Piece, Window
from surtitle.speech.whisper.to_english import EnglishText
from surtitle.text.languages import AUTO


class MlxDecoder:
    """Decodes the windows of all streams with one loaded model, one after another."""

    capacity = 2
    """Windows that may be in progress at once: the one being decoded, and one prepared in the meantime."""

    def __init__(self, model: MlxModel) -> None:
        self.mels = model.mels
        self._model = model
        self._suppressed = cache(self._find_suppressed)

    def decode(self, window: Window) -> DecodedWindow:
        language, probability = window.language, 1.0
        if language == AUTO:
            language, probability = self._model.detect_language(window.features)
        max_tokens = max_new_tokens(window)
        if max_tokens <= 0:
            return DecodedWindow((), language, probability)
        words, no_speech = self._model.decode(
            window.features,
            language,
            window.context,
            window.prefix,
            suppressed=self._suppressed(language),
            may_end=window.may_end,
            max_tokens=max_tokens,
        )
        pieces = self._make_pieces(window, words)
        return DecodedWindow(() if is_nothing(pieces, no_speech) else tuple(pieces), language, probability, no_speech)

    def translate(
        self, features: Frames, frames: int, language: str, max_tokens: int
    ) -> Generator[None, None, EnglishText]:
        """See `EnglishDecoder`; the encoder is given 30 s in any case."""
        if language == AUTO:
            language, _ = self._model.detect_language(features)
            yield
        return self._model.translate(features, language, max_tokens)

    def detect(self, features: Frames) -> tuple[str, float]:
        return self._model.detect_language(features)

    def hints(self, text: str, max_tokens: int) -> tuple[int, ...]:
        """The first ``max_tokens`` tokens of a text that precedes every transcript."""
        return encode_hints(self._model.encode_text, text, max_tokens)

    def _make_pieces(self, window: Window, words: list[AlignedWord]) -> list[Piece]:
        """The words after the prefix. Of a word that began in it, the rest follows."""
        left = len(window.prefix)
        pieces = []
        for word in words:
            known = min(left, len(word.tokens))
            left -= known
            tokens = word.tokens[known:]
            if tokens:
                spelled = self._model.decode_text(tokens) if known else word.spelled
                pieces.append(make_piece(spelled, tokens, word.start, word.end, word.probability))
        return merge_pieces(pieces, drop_first_marks=not window.prefix)

    def _find_suppressed(self, language: str) -> tuple[int, ...]:
        """The tokens, besides those that are no speech, that must not be generated; see `whisper.decoder`."""
        if Language.get(language).maximize().script != "Latn":
            return ()
        return tuple(self._model.encode_text(" "))
