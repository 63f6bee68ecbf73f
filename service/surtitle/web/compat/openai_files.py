"""OpenAI's audio API for files: transcriptions, translations into English, and the list of models.

The contract is that of the `openai` package: a form with a file in, and one of its formats or a stream of events out.
"""

from __future__ import annotations

import logging
import math
import re
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from surtitle.captions.caption import Caption
from surtitle.captions.exports import ExportOptions
from surtitle.captions.transcript import export
from surtitle.captions.units import whole_words
from surtitle.channels.settings import check_language
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import BadRequest, EngineError, SurtitleError
from surtitle.core.words import Word, join
from surtitle.recordings.file_transcriptions import FileModel, FileOptions, Recognized
from surtitle.speakers.kinds import find_diarizer
from surtitle.text.languages import english_name, find_language
from surtitle.vocabulary.rules import MAX_PROMPT, Vocabulary
from surtitle.web.compat.files import (
    FileTranscript,
    find_model,
    list_models,
    main_speaker,
    make_options,
    recognize,
    recognize_all,
    reserve,
    to_english,
)
from surtitle.web.compat.openai_errors import NoSuchModel, ParameterError, describe_error
from surtitle.web.responses import StructResponse
from surtitle.web.services import services
from surtitle.web.uploads import FILE_FIELD, Form, receive_form

log = logging.getLogger("surtitle.compat")

FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
_GRANULARITIES = ("word", "segment")
_MEDIA_TYPES = {"text": "text/plain", "srt": "text/plain", "vtt": "text/vtt"}
_OPENAI_MODELS = re.compile(r"whisper-1|gpt-(4o-)?(mini-)?transcribe[\w.-]*|gpt-realtime[\w.-]*")
_STANDARD_MODEL = "whisper-1"
"""The name by which most clients ask for whatever the service has."""

_CREATED = 1_767_225_600  # when a model was created is unknown, and clients want a number
_OWNER = "surtitle"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a client asks for."""

    model: str
    response_format: str = "json"
    stream: bool = False
    granularities: frozenset[str] = frozenset()
    candidates: tuple[str, ...] = ()
    options: SourceOptions = field(default_factory=SourceOptions)

    @property
    def with_words(self) -> bool:
        return "word" in self.granularities

    @property
    def with_segments(self) -> bool:
        return not self.granularities or "segment" in self.granularities


async def create_transcription(request: Request) -> Response:
    """`POST /v1/audio/transcriptions`."""
    return await _answer(request, translate=False)


async def create_translation(request: Request) -> Response:
    """`POST /v1/audio/translations`: always into English."""
    return await _answer(request, translate=True)


async def get_models(request: Request) -> Response:
    """`GET /v1/models`: those on this computer, and the name that stands for the service's own."""
    names = [_STANDARD_MODEL, *await list_models(request)]
    return StructResponse({"object": "list", "data": [_describe_model(name) for name in names]})


async def get_model(request: Request) -> Response:
    """`GET /v1/models/{id}`."""
    name = request.path_params["id"]
    await _find_model(request, name)
    return StructResponse(_describe_model(name))


def parse_parameters(form: Form, *, translate: bool) -> Parameters:
    """Raises `BadRequest`."""
    if (
        form.get("known_speaker_names[]")
        or form.get_all("known_speaker_references")
        or form.get_all("known_speaker_names")
    ):
        raise ParameterError(
            "Known speakers are not supported: leave out known_speaker_names and known_speaker_references.",
            "known_speaker_names",
        )
    response_format = form.get("response_format") or "json"
    formats = FORMATS[:-1] if translate else FORMATS
    if response_format not in formats:
        raise ParameterError(f"response_format must be one of {', '.join(formats)}.", "response_format")
    granularities = frozenset(form.get_all("timestamp_granularities"))
    if not granularities.issubset(_GRANULARITIES):
        raise ParameterError("timestamp_granularities must be word, segment, or both.", "timestamp_granularities")
    if (temperature := form.get("temperature")) is not None and not _is_number(temperature):
        raise ParameterError("temperature must be a number from 0 to 1.", "temperature")
    if (model := form.get("model")) is None:
        raise ParameterError("The form needs the field model, for example whisper-1.", "model", "missing_required")
    languages = tuple(_parse_language(code, "languages") for code in form.get_all("languages"))
    language = form.get("language")
    if language is not None:
        language = _parse_language(language, "language")
    elif len(languages) == 1:
        language = languages[0]
    keywords = [word for value in (*form.get_all("keywords"), *_split(form.get("hotwords"))) for word in _split(value)]
    prompt = " ".join((form.get("prompt") or "").split())[-MAX_PROMPT:]  # only the end is used, as by OpenAI
    return Parameters(
        model,
        response_format,
        not translate and _parse_boolean(form.get("stream"), "stream"),
        granularities,
        languages if language is None else (),
        SourceOptions("auto" if len(languages) > 1 and language is None else language,
                      Vocabulary.parse(prompt, keywords, {}, ())),
    )  # fmt: skip


async def _answer(request: Request, *, translate: bool) -> Response:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(reserve(request))
        upload = await stack.enter_async_context(services(request).uploads.open())
        form = await receive_form(request, upload)
        parameters = parse_parameters(form, translate=translate)
        if not form.has_file:
            raise ParameterError("The form needs the file to transcribe.", FILE_FIELD, "missing_required")
        if not upload.size:
            raise ParameterError("The file is empty: send one that has sound.", FILE_FIELD)
        model = await _find_model(request, parameters.model)
        options = _make_options(request, model, parameters, translate=translate)
        if not parameters.stream:
            transcript = await recognize_all(request, upload, options)
            return await _write(to_english(transcript) if translate else transcript, parameters, translate)
        words = await stack.enter_async_context(recognize(request, upload, options))
        return _EventStream(_describe_events(words, parameters), stack.pop_all())


def _make_options(request: Request, model: FileModel, parameters: Parameters, *, translate: bool) -> FileOptions:
    speakers = parameters.response_format == "diarized_json"
    if speakers and find_diarizer(services(request).settings.speaker_model).problem():
        raise ParameterError(
            "The service cannot tell speakers apart, because what its speaker model needs is not installed: choose "
            "another response_format.",
            "response_format",
        )
    return make_options(
        request,
        model,
        parameters.options,
        candidates=parameters.candidates,
        to_english=translate,
        speakers=speakers,
    )


async def _find_model(request: Request, name: str) -> FileModel:
    """Raises `NoSuchModel`, `ModelError`."""
    model = await find_model(request, None if _OPENAI_MODELS.fullmatch(name) else name)
    if model is None:
        names = ", ".join([_STANDARD_MODEL, *await list_models(request)])
        raise NoSuchModel(
            f"The model {name[:100]!r} is not on this computer: use one of {names}, or run `surtitle models fetch`.",
            "model",
            "model_not_found",
        )
    return model


async def _write(transcript: FileTranscript, parameters: Parameters, translate: bool) -> Response:
    """The response in the format that the client asks for."""
    form = parameters.response_format
    usage = {"type": "duration", "seconds": math.ceil(transcript.duration)}
    if form == "json":
        answer: dict[str, Any] = {"text": transcript.text, "usage": usage}
        if parameters.candidates:
            answer["languages"] = [{"code": code} for code in dict.fromkeys(code for code, _ in transcript.words)]
        return StructResponse({"text": transcript.text} if translate else answer)
    if form == "text":
        return PlainTextResponse(transcript.text + "\n")
    captions = await transcript.captions()
    if form in ("srt", "vtt"):
        return Response(export(captions, form, ExportOptions()), media_type=_MEDIA_TYPES[form])
    if form == "diarized_json":
        return StructResponse(
            {
                "task": "transcribe",
                "duration": round(transcript.duration, 3),
                "text": _name_speakers(captions),
                "segments": list(_describe_turns(captions)),
                "usage": usage,
            }
        )
    verbose: dict[str, Any] = {
        "task": "translate" if translate else "transcribe",
        "language": english_name(transcript.language).lower(),
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
    }
    if parameters.with_segments:
        verbose["segments"] = [_describe_segment(number, caption) for number, caption in enumerate(captions)]
    if parameters.with_words:
        verbose["words"] = [_describe_word(word) for word in transcript.whole_words]
    return StructResponse(verbose if translate else {**verbose, "usage": usage})


class _EventStream(StreamingResponse):
    """Server-sent events; ``stack`` is closed when they have been sent, or the client has disconnected."""

    def __init__(self, events: AsyncIterator[bytes], stack: AsyncExitStack) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"cache-control": "no-store"})
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            await super().__call__(scope, receive, send)


async def _describe_events(words: AsyncIterator[Recognized], parameters: Parameters) -> AsyncIterator[bytes]:
    """The text as it is recognized, then all of it."""
    transcript = FileTranscript()
    try:
        async for recognized in words:
            delta = join_next(recognized.words, first=not transcript.words)
            transcript.add(recognized)
            if delta:
                yield _event({"type": "transcript.text.delta", "delta": delta})
        if parameters.response_format == "diarized_json":
            for segment in _describe_turns(await transcript.captions()):
                yield _event(segment)
        yield _event({"type": "transcript.text.done", "text": transcript.text})
    except SurtitleError as error:
        yield _event({"error": describe_error(error)})
    except Exception:
        log.exception("a transcription failed")
        yield _event({"error": describe_error(EngineError("The service failed unexpectedly: see its log."))})
    yield b"data: [DONE]\n\n"


def join_next(words: Sequence[Word], *, first: bool) -> str:
    """Words as text that continues another one, unless they are the ``first``."""
    text = join(words)
    return text if first or not words or not words[0].spaced else f" {text}"


def _event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def _describe_word(word: Word) -> dict[str, Any]:
    return {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)}


def _describe_segment(number: int, caption: Caption) -> dict[str, Any]:
    """A caption as a segment; what Whisper alone knows of its own segments is empty."""
    text = caption.text.encode()
    logarithms = [math.log(max(word.probability, 1e-6)) for word in caption.words]
    return {
        "id": number,
        "seek": 0,
        "start": round(caption.start, 3),
        "end": round(caption.end, 3),
        "text": caption.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(sum(logarithms) / len(logarithms), 4) if logarithms else 0.0,
        "compression_ratio": round(len(text) / len(zlib.compress(text)), 4),
        "no_speech_prob": 0.0,
    }


def _describe_turns(captions: Sequence[Caption]) -> list[dict[str, Any]]:
    """The captions as segments, whose speakers are A, B, … in the order in which they begin to speak."""
    letters = _letters(captions)
    return [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{number:03d}",
            "start": round(caption.start, 3),
            "end": round(caption.end, 3),
            "text": caption.text,
            "speaker": letters[_speaker(caption)],
        }
        for number, caption in enumerate(captions, start=1)
    ]


def _name_speakers(captions: Sequence[Caption]) -> str:
    """One line for each turn of a speaker."""
    letters = _letters(captions)
    lines: list[tuple[str, list[Word]]] = []
    for caption in captions:
        letter = letters[_speaker(caption)]
        if not lines or lines[-1][0] != letter:
            lines.append((letter, []))
        lines[-1][1].extend(whole_words(caption.words))
    return "\n".join(f"{letter}: {join(words)}" for letter, words in lines)


def _letters(captions: Sequence[Caption]) -> dict[str, str]:
    speakers = dict.fromkeys(map(_speaker, captions))
    return {speaker: chr(ord("A") + min(number, 25)) for number, speaker in enumerate(speakers)}


def _speaker(caption: Caption) -> str:
    return main_speaker(caption.words[0]) or "" if caption.words else ""


def _describe_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": _OWNER}


def _parse_language(code: str, param: str) -> str:
    try:
        return check_language(find_language(code) or code)  # its English name is what `verbose_json` says
    except BadRequest as error:
        raise ParameterError(error.message, param) from error


def _parse_boolean(text: str | None, param: str) -> bool:
    if text is None or text.lower() in ("false", "0"):
        return False
    if text.lower() in ("true", "1"):
        return True
    raise ParameterError(f"{param} must be true or false.", param)


def _is_number(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]
