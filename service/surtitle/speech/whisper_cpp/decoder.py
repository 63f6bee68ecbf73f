"""Decodes windows with whisper.cpp, for the stream that Whisper models have in common."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from langcodes import Language

from surtitle.speech.whisper.batcher import Batcher
from surtitle.speech.whisper.decoding import (
    encode_hints,
    encoded_frames,
    is_nothing,
    make_piece,
    max_new_tokens,
    merge_pieces,
)
from surtitle.speech.whisper.features import Frames
from surtitle.speech.whisper.pieces import DecodedWindow, Piece, Window
from surtitle.speech.whisper.to_english import EnglishText
from surtitle.speech.whisper_cpp.model import MAX_TEXT, DecodedToken, WhisperCppModel
from surtitle.speech.whisper_cpp.tokens import find_non_speech, split_words
from surtitle.text.languages import AUTO


class WhisperCppDecoder:
    """Decodes the windows of all streams with one loaded model, each in the thread of its stream."""

    def __init__(self, model: WhisperCppModel) -> None:
        self.mels = model.mels
        self._model = model
        self._non_speech = find_non_speech(model.token_bytes, model.encode_text)
        self._suppressed = cache(self._find_suppressed)
        self._batcher = Batcher(self._decode, lambda _: None, max_jobs=1, workers=model.workers)
        self.capacity = 2 * model.workers
        """Windows that may be in progress at once: those being decoded, and those prepared in the meantime."""

    def decode(self, window: Window) -> DecodedWindow:
        return self._batcher.run(window)

    def translate(
        self, features: Frames, frames: int, language: str, max_tokens: int
    ) -> Generator[None, None, EnglishText]:
        """See `EnglishDecoder`."""
        if language == AUTO:
            language, _ = self._model.detect_language(features, frames)
            yield
        text, no_speech = self._model.decode(
            features,
            frames,
            language,
            (),
            (),
            suppressed=np.array(self._non_speech, dtype=np.int64),
            may_end=False,
            max_tokens=min(MAX_TEXT, max_tokens),
            translate=True,
        )
        spelled = b"".join(self._model.token_bytes[each.token] for each in text).decode(errors="replace")
        probabilities = [max(each.probability, 1e-10) for each in text]
        return EnglishText(spelled, float(np.mean(np.log(probabilities))) if text else 0.0, no_speech)

    def detect(self, features: Frames) -> tuple[str, float]:
        return self._model.detect_language(features, encoded_frames(Window(features, AUTO)))

    def hints(self, text: str, max_tokens: int) -> tuple[int, ...]:
        """The first ``max_tokens`` tokens of a text that precedes every transcript."""
        return encode_hints(self._model.encode_text, text, max_tokens)

    def _decode(self, windows: Sequence[Window]) -> list[DecodedWindow]:
        return [self._decode_window(window) for window in windows]

    def _decode_window(self, window: Window) -> DecodedWindow:
        frames = encoded_frames(window)
        language, probability = window.language, 1.0
        if language == AUTO:
            language, probability = self._model.detect_language(window.features, frames)
        room = MAX_TEXT - len(window.prefix)
        if room <= 0:
            return DecodedWindow((), language, probability)
        text, no_speech = self._model.decode(
            window.features,
            frames,
            language,
            window.context,
            window.prefix,
            suppressed=self._suppressed(language),
            may_end=window.may_end,
            max_tokens=min(room, max_new_tokens(window)),
        )
        pieces = self._make_pieces(window, text, language)
        return DecodedWindow(() if is_nothing(pieces, no_speech) else tuple(pieces), language, probability, no_speech)

    def _make_pieces(self, window: Window, text: Sequence[DecodedToken], language: str) -> list[Piece]:
        """The words after the prefix. A token ends where the next one begins."""
        index = len(window.prefix)
        pieces = []
        for spelled, tokens in split_words([each.token for each in text[index:]], self._model.token_bytes, language):
            part = text[index : index + len(tokens)]
            start = text[index - 1].end if index else 0.0
            probability = float(np.mean([each.probability for each in part]))
            pieces.append(make_piece(spelled, tokens, start, max(start, part[-1].end), probability))
            index += len(tokens)
        return merge_pieces(pieces, drop_first_marks=not window.prefix)

    def _find_suppressed(self, language: str) -> npt.NDArray[np.int64]:
        """The tokens that must not be generated; see `surtitle.speech.whisper.decoder`."""
        tokens = list(self._non_speech)
        if Language.get(language).maximize().script == "Latn":
            tokens.append(self._model.token_bytes.index(b" "))
        return np.array(tokens, dtype=np.int64)
