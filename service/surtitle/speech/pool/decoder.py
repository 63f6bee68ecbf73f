"""Has the windows of one source decoded by the pool."""

from __future__ import annotations

import itertools
import secrets

from surtitle.pool.client import PoolClient
from surtitle.pool.messages import (
    LANGUAGE,
    WINDOW,
    LanguageAnswer,
    LanguageRequest,
    ModelInfo,
    WindowAnswer,
    pack_features,
)
from surtitle.speech.pool.windows import pack_window, unpack_decoded
from surtitle.speech.whisper.features import Frames
from surtitle.speech.whisper.pieces import DecodedWindow, Window

_TIMEOUT = 6.0  # seconds for one window: later, the stream has one with more sound to send


class PoolDecoder:
    """The decoder of one stream. Nothing of the source stays on the pool, so any machine may decode any window."""

    def __init__(self, client: PoolClient, model: str, info: ModelInfo) -> None:
        """``model`` is its name on the pool."""
        self.mels = info.mels
        self._client = client
        self._model = model
        self._source = secrets.token_hex(8)
        self._number = itertools.count()
        self._hints = ""
        self._max_hint_tokens = 0

    def decode(self, window: Window) -> DecodedWindow:
        """Raises `Unreachable` if the pool may be able to decode it later, together with more sound."""
        request = pack_window(
            window,
            source=self._source,
            number=next(self._number),
            seconds=_TIMEOUT,
            hints=self._hints,
            max_hint_tokens=self._max_hint_tokens,
        )
        return unpack_decoded(self._client.ask(self._model, WINDOW, request, WindowAnswer))

    def detect(self, features: Frames) -> tuple[str, float]:
        """Raises `Unreachable`, as `decode`."""
        request = LanguageRequest(self._source, next(self._number), _TIMEOUT, pack_features(features))
        answer = self._client.ask(self._model, LANGUAGE, request, LanguageAnswer)
        return answer.language, answer.probability

    def hints(self, text: str, max_tokens: int) -> tuple[int, ...]:
        """None here: the pool knows the model's tokens, so each window has the text."""
        self._hints, self._max_hint_tokens = text, max_tokens
        return ()
