"""The engine of a Whisper model that runs on the pool."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator

from surtitle.audio import Samples
from surtitle.audio.pcm import to_pcm
from surtitle.pool.address import PoolAddress, strip_kind
from surtitle.pool.client import PoolClient
from surtitle.pool.messages import TO_ENGLISH, ToEnglishAnswer, ToEnglishRequest
from surtitle.speech.engine import Hints
from surtitle.speech.pool.decoder import PoolDecoder
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.whisper.engine import open_stream
from surtitle.speech.whisper.stream import WindowStream
from surtitle.text.languages import AUTO, recognizer_code

_TURNS = 32  # sources that may wait for the pool at a time: waiting needs no processor
_TO_ENGLISH_TIMEOUT = 15.0  # seconds for a sentence


class PoolEngine:
    """One model of the pool. What a source has said, and which words are committed, is known here only."""

    name = "pool"
    step = 30.0  # seconds: a decoding costs the same with more audio

    def __init__(self, address: PoolAddress, model: str, *, policy: str = "align-att") -> None:
        """Ask the pool for the model; takes a moment, call in a thread. Raises `Unreachable`, `ModelError`.

        ``model`` is its name with the kind, such as "pool:base"; ``policy`` is that of `WhisperEngine`.
        """
        self.model = model
        self._name = strip_kind(model)
        self._client = PoolClient(address, _TURNS)
        try:
            self._info = self._client.describe(self._name, "recognition")
        except BaseException:
            self._client.close()
            raise
        self.languages = frozenset(self._info.languages)
        self.scheduler = Scheduler(_TURNS)
        self._align_att = self._info.aligned and policy == "align-att"
        self._source = secrets.token_hex(8)
        self._number = itertools.count()

    def open(self, language: str, hints: Hints = Hints()) -> WindowStream:
        known = language if language in self.languages else AUTO
        decoder = PoolDecoder(self._client, self._name, self._info)
        return open_stream(decoder, known, hints, align_att=self._align_att)

    @property
    def translates(self) -> bool:
        return self._info.to_english

    def translate(self, samples: Samples, language: str) -> Iterator[str | None]:
        """In one step, because other windows do not wait for it on the pool. Raises `EngineError`."""
        request = ToEnglishRequest(
            f"{self._source}-{next(self._number)}",  # of its own, so that no sentence replaces another
            0,
            _TO_ENGLISH_TIMEOUT,
            recognizer_code(language, self.languages) or AUTO,
            to_pcm(samples),
        )
        yield self._client.ask(self._name, TO_ENGLISH, request, ToEnglishAnswer).text

    def close(self) -> None:
        self.scheduler.close()
        self._client.close()
