"""The messages between a service and its pool, as MessagePack. Pure.

A request is sent by POST to `/models/{name}/{task}`, where `TASKS` has the tasks, and answered with status 200 and the
answer of its task, or with another status and a `Problem`. Most messages are arrays, whose items have no names: they
may only grow at their end, by fields with defaults. Anything else is a new `VERSION`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

VERSION = 1
CONTENT_TYPE = "application/msgpack"
MAX_REQUEST = 4 << 20
"""Bytes of a request: 30 s of features for the largest models are 768 kB, 30 s of sound 960 kB."""
MAX_STATE = 1_000_000
"""Bytes of what a diarizer remembers of a source: up to 820 kB with the published Sortformer."""
MAX_ANSWER = 1 << 20
"""Bytes of an answer."""

MAX_TEXTS = 64
"""Of one request for translations."""

INFO = "info"
WINDOW = "window"
LANGUAGE = "language"
TO_ENGLISH = "to-english"
TRANSLATION = "translation"
DIARIZATION = "diarization"

_STEPS = 65535  # between the lowest and the highest number
_MAX_VALUE = 100.0  # of features, which are between -2 and 3
_MAX_MELS = 128
_MAX_FRAMES = 3000  # 30 s
_MAX_TOKENS = 448  # the positions that Whisper's decoder has
_MAX_TEXT = 8000  # characters
_MAX_SPEAKERS = 4

MAX_NEW_SAMPLES = 12 * 16_000
"""Of one request for diarization. A step of the slowest setting takes 10 s."""

Task = Literal["recognition", "translation", "diarization"]
ProblemCode = Literal[
    "unauthorized", "no_such_task", "bad_request", "too_large", "late", "superseded", "busy", "failed"
]
_Tokens = Annotated[tuple[int, ...], msgspec.Meta(max_length=_MAX_TOKENS)]
_Text = Annotated[str, msgspec.Meta(max_length=_MAX_TEXT)]
_Name = Annotated[str, msgspec.Meta(max_length=64)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=120)]


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a model of the pool can do. ``version`` is that of the messages; the other fields depend on the ``task``.

    Recognition has ``mels`` and ``languages``; ``aligned`` says whether words can be aligned with the sound, and
    ``to_english`` whether it translates. Translation has ``codes``, the languages as NLLB writes them. Diarization has
    none of them.
    """

    version: int
    task: Task
    mels: int = 0
    languages: tuple[str, ...] = ()
    aligned: bool = False
    to_english: bool = False
    codes: tuple[str, ...] = ()


class Features(msgspec.Struct, array_like=True, frozen=True):
    """Log-mel features, shape (mels, frames): ``low`` plus ``step`` times the little-endian 16-bit numbers in ``data``.

    Their range is so small that such numbers are thirty times as exact as floating-point numbers of 16 bits.
    """

    mels: Annotated[int, msgspec.Meta(gt=0, le=_MAX_MELS)]
    frames: Annotated[int, msgspec.Meta(gt=0, le=_MAX_FRAMES)]  # CTranslate2 does not survive a window without
    low: float
    step: float
    data: bytes


class Request(msgspec.Struct, array_like=True, frozen=True):
    """What all requests have in common.

    The sender waits for ``seconds`` more. Of the requests of one ``source``, it wants only the one with the highest
    ``number`` answered.
    """

    source: _Name
    number: int
    seconds: _Seconds


class WindowRequest(Request, array_like=True, frozen=True):
    """A window to decode: see `surtitle.speech.whisper.pieces.Window`. ``hints`` is text before its context."""

    features: Features
    language: _Name
    hints: _Text = ""
    max_hint_tokens: Annotated[int, msgspec.Meta(ge=0, le=_MAX_TOKENS)] = 0
    context: _Tokens = ()
    prefix: _Tokens = ()
    may_end: bool = False


class DecodedPiece(msgspec.Struct, array_like=True, frozen=True):
    """A word of the answer, with its tokens: see `surtitle.speech.whisper.pieces.Piece`."""

    text: str
    start: float
    end: float
    probability: float
    spaced: bool
    tokens: tuple[int, ...]
    marks: int = 0


class WindowAnswer(msgspec.Struct, array_like=True, frozen=True):
    """See `surtitle.speech.whisper.pieces.DecodedWindow`."""

    pieces: tuple[DecodedPiece, ...]
    language: str
    language_probability: float
    no_speech: float = 0.0


class LanguageRequest(Request, array_like=True, frozen=True):
    """Asks for the language of ``features``."""

    features: Features


class LanguageAnswer(msgspec.Struct, array_like=True, frozen=True):
    """The language, and its probability."""

    language: str
    probability: float


class ToEnglishRequest(Request, array_like=True, frozen=True):
    """Speech to translate into English: little-endian 16-bit ``samples`` at 16 kHz, in ``language`` or "auto"."""

    language: _Name
    samples: bytes


class ToEnglishAnswer(msgspec.Struct, array_like=True, frozen=True):
    """The translation, "" if nobody speaks."""

    text: str


class TextToTranslate(msgspec.Struct, array_like=True, frozen=True):
    """See `surtitle.translation.translator.Text`."""

    text: _Text
    source: _Name
    target: _Name
    before: _Text = ""


class TranslationRequest(Request, array_like=True, frozen=True):
    """Texts to translate."""

    texts: Annotated[tuple[TextToTranslate, ...], msgspec.Meta(max_length=MAX_TEXTS)]


class TranslationAnswer(msgspec.Struct, array_like=True, frozen=True):
    """The continuation of each translation."""

    texts: tuple[str, ...]


class DiarizationRequest(Request, array_like=True, frozen=True):
    """The next sound of a source: little-endian 16-bit ``samples`` at 16 kHz, up to `MAX_NEW_SAMPLES`.

    ``state`` is what the answer before had, "" at first. Only a request that has the state of the one before can follow
    it, so a source has one request at a time, and sends that again, with its number, until it is answered. ``latency``
    is one of those of `surtitle.speakers.model`. If ``last``, no sound follows that is continuous with this.
    """

    latency: float
    samples: Annotated[bytes, msgspec.Meta(max_length=2 * MAX_NEW_SAMPLES)]
    state: Annotated[bytes, msgspec.Meta(max_length=MAX_STATE)] = b""
    last: bool = False


class DiarizationAnswer(msgspec.Struct, array_like=True, frozen=True):
    """The frames of 80 ms that are final now, as little-endian float32 ``activity`` of shape (frames, speakers).

    ``state`` belongs into the next request; ``needed`` is the number of samples from which it can have new frames, or 0
    if that is not known.
    """

    speakers: Annotated[int, msgspec.Meta(gt=0, le=_MAX_SPEAKERS)]
    activity: bytes
    state: Annotated[bytes, msgspec.Meta(max_length=MAX_STATE)]
    needed: Annotated[int, msgspec.Meta(ge=0, le=MAX_NEW_SAMPLES)] = 0


class Problem(msgspec.Struct, frozen=True):
    """Why a request was not answered: a code for programs, and a sentence for people."""

    code: ProblemCode
    message: str


encode = msgspec.msgpack.encode


def pack_features(features: npt.NDArray[np.float32]) -> Features:
    """``features`` of shape (mels, frames), rounded to 65536 steps between the lowest and the highest number."""
    mels, frames = features.shape
    low, high = (float(features.min()), float(features.max())) if features.size else (0.0, 0.0)
    step = (high - low) / _STEPS or 1 / _STEPS
    return Features(mels, frames, low, step, np.rint((features - low) / step).astype("<u2").tobytes())


def unpack_features(packed: Features) -> npt.NDArray[np.float32]:
    """The features, shape (mels, frames). Raises ValueError if the data is not that many numbers."""
    values = np.frombuffer(packed.data, dtype="<u2").reshape(packed.mels, packed.frames)
    if not -_MAX_VALUE < packed.low <= packed.low + packed.step * _STEPS < _MAX_VALUE:
        raise ValueError("features are out of range")
    return (values * packed.step + packed.low).astype(np.float32)
