"""A Whisper model as a replica of the pool."""

from __future__ import annotations

from surtitle.audio import RATE
from surtitle.audio.pcm import from_pcm
from surtitle.inference.replica import Replica, Task
from surtitle.inference.request_queue import RequestQueue
from surtitle.pool.messages import (
    LANGUAGE,
    TO_ENGLISH,
    VERSION,
    WINDOW,
    Features,
    LanguageAnswer,
    LanguageRequest,
    ModelInfo,
    ToEnglishAnswer,
    ToEnglishRequest,
    WindowAnswer,
    WindowRequest,
    unpack_features,
)
from surtitle.speech.pool.windows import pack_decoded, unpack_window
from surtitle.speech.whisper.engine import WhisperEngine
from surtitle.speech.whisper.to_english import MAX_SECONDS
from surtitle.text.languages import AUTO

_MAX_WAITING = 64  # requests of as many sources


class _Recognition:
    """Answers requests with a loaded model. Windows of several sources are decoded together, as in a service."""

    def __init__(self, engine: WhisperEngine) -> None:
        self._engine = engine
        self._decoder = engine.decoder

    def decode(self, request: WindowRequest) -> WindowAnswer:
        self._check(request.features, request.language)
        end = self._decoder.end
        if any(not 0 <= token < end for token in (*request.context, *request.prefix)):
            raise ValueError("a token is not one of the model's")
        return pack_decoded(self._decoder.decode(unpack_window(request, self._decoder.hints)))

    def detect(self, request: LanguageRequest) -> LanguageAnswer:
        self._check(request.features, AUTO)
        return LanguageAnswer(*self._decoder.detect(unpack_features(request.features)))

    def translate(self, request: ToEnglishRequest) -> ToEnglishAnswer:
        if not self._engine.translates:
            raise ValueError("the model does not translate")
        if request.language not in {*self._engine.languages, AUTO}:
            raise ValueError("the model does not have this language")
        samples = from_pcm(request.samples)
        if len(samples) > (MAX_SECONDS + 1) * RATE:
            raise ValueError(f"speech may last {MAX_SECONDS:g} s")
        text: str | None = None
        for text in self._engine.translate(samples, request.language):  # noqa: B007  # the last one counts
            pass
        return ToEnglishAnswer(text or "")

    def _check(self, features: Features, language: str) -> None:
        """Raises ValueError if the model cannot have been meant."""
        if features.mels != self._decoder.mels:
            raise ValueError(f"the model has {self._decoder.mels} mel bands")
        if language not in {*self._engine.languages, AUTO}:
            raise ValueError("the model does not have this language")


def create_recognition(engine: WhisperEngine, token: str = "") -> Replica:
    """A replica that answers with a loaded model; ``token`` is the secret that requests need."""
    model = _Recognition(engine)
    info = ModelInfo(
        version=VERSION,
        task="recognition",
        mels=engine.decoder.mels,
        languages=tuple(sorted(engine.languages)),
        aligned=engine.aligned,
        to_english=engine.translates,
    )
    tasks = {
        WINDOW: Task(WindowRequest, model.decode),
        LANGUAGE: Task(LanguageRequest, model.detect),
        TO_ENGLISH: Task(ToEnglishRequest, model.translate),
    }
    return Replica(info, tasks, RequestQueue(engine.decoder.capacity, _MAX_WAITING), token)
