"""Deepgram's API for recorded audio: a file as the body of a request in, the transcript as JSON out.

The contract is that of the `deepgram-sdk` package.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from surtitle import __version__
from surtitle.audio import RATES
from surtitle.audio.mediafile import RawFormat
from surtitle.captions.units import ends_sentence_at
from surtitle.channels.settings import check_language
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import BadRequest
from surtitle.core.words import Word, join
from surtitle.models.catalogue import plain_name
from surtitle.recordings.file_transcriptions import FileModel
from surtitle.speakers.kinds import find_diarizer
from surtitle.vocabulary.substituter import strip_punctuation
from surtitle.web.compat.deepgram_query import parse_vocabulary
from surtitle.web.compat.files import (
    FileTranscript,
    find_model,
    list_models,
    main_speaker,
    make_options,
    mean_probability,
    recognize_all,
    reserve,
)
from surtitle.web.responses import StructResponse
from surtitle.web.services import services
from surtitle.web.uploads import Upload, receive_body

_DEEPGRAM_MODELS = re.compile(r"(nova|enhanced|base|flux|whisper)([-\w]*)")
_RAW_FORMATS = {"linear16": "s16le", "linear32": "s32le", "mulaw": "mulaw", "alaw": "alaw"}
_SELF_DESCRIBING = ("flac", "opus", "ogg-opus", "speex", "amr-nb", "amr-wb", "g729")
_REFUSED = {
    "callback": "send the request without it, and read the transcript in the answer",
    "redact": "use the channel's blocked words instead",
    "multichannel": "send each channel as a file of its own",
}
_UTTERANCE_PAUSE = 0.8  # seconds, as at Deepgram
_PARAGRAPH_PAUSE = 4.0  # seconds
_PARAGRAPH_LENGTH = 5  # sentences
_MAX_CHANNELS = 2
_NAMESPACE = uuid.UUID("6f1f5b8e-8d6c-4c2c-9b3f-3a4d35a0c9a1")  # for the ids of models

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asks for."""

    model: str | None = None
    options: SourceOptions = field(default_factory=SourceOptions)
    candidates: tuple[str, ...] = ()
    raw: RawFormat | None = None
    detects: bool = False
    punctuate: bool = False
    paragraphs: bool = False
    utterances: bool = False
    utterance_pause: float = _UTTERANCE_PAUSE
    diarize: bool = False


async def transcribe(request: Request) -> Response:
    """`POST /v1/listen`."""
    query = parse_query(request.query_params)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        raise BadRequest("Addresses are not opened: send the file itself as the request's body.")
    if query.diarize and find_diarizer(services(request).settings.speaker_model).problem():
        raise BadRequest(
            "diarize: the service cannot tell speakers apart, because what its speaker model needs is not installed."
        )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(reserve(request))
        model = await _find_model(request, query.model)
        upload = await stack.enter_async_context(services(request).uploads.open())
        await receive_body(request, upload)
        if not upload.size:
            raise BadRequest("The request's body is empty: send a file that has sound.")
        options = make_options(
            request,
            model,
            query.options,
            candidates=query.candidates,
            speakers=query.diarize,
            raw=query.raw,
        )
        transcript = await recognize_all(request, upload, options)
        answer = describe(transcript, query, upload, model)
        return StructResponse(answer, headers={"dg-request-id": answer["metadata"]["request_id"]})


def parse_query(params: QueryParams) -> Query:
    """Raises `BadRequest`."""
    for name, advice in _REFUSED.items():
        if params.get(name) and _is_on(params, name, refused=True):
            raise BadRequest(f"{name} is not supported: {advice}.")
    detected = [value for value in params.getlist("detect_language") if value]
    detects = bool(detected) and detected[0].lower() != "false"
    candidates = tuple(check_language(code) for code in detected if code.lower() not in ("true", "false"))
    language = params.get("language") or None
    if detects or (language or "").lower() == "multi":
        language = "auto"
    smart = _is_on(params, "smart_format")
    return Query(
        params.get("model") or None,
        SourceOptions(check_language(language) if language else None, parse_vocabulary(params)),
        candidates,
        _parse_raw_format(params),
        detects or language == "auto",
        smart or _is_on(params, "punctuate"),
        smart or _is_on(params, "paragraphs"),
        _is_on(params, "utterances"),
        _parse_number(params, "utt_split", _UTTERANCE_PAUSE),
        _is_on(params, "diarize") or bool(params.get("diarize_model")),
    )


def describe(transcript: FileTranscript, query: Query, upload: Upload, model: FileModel) -> Json:
    """The answer to a request."""
    words = transcript.whole_words
    numbers = number_speakers(words)
    alternative: Json = {
        "transcript": transcript.text,
        "confidence": round(mean_probability(words), 6),
        "words": [_describe_word(word, query, numbers) for word in words],
    }
    if query.paragraphs:
        alternative["paragraphs"] = describe_paragraphs(words, transcript.language, numbers)
    channel: Json = {"alternatives": [alternative]}
    if query.detects:
        channel |= {"detected_language": transcript.language, "language_confidence": 1.0}
    results: Json = {"channels": [channel]}
    if query.utterances:
        results["utterances"] = [
            _describe_utterance(part, query, numbers) for part in split_utterances(words, query.utterance_pause)
        ]
    name = plain_name(model.name)
    model_id = str(uuid.uuid5(_NAMESPACE, name))
    return {
        "metadata": {
            "transaction_key": "deprecated",
            "request_id": str(uuid.uuid4()),
            "sha256": upload.sha256,
            "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "duration": round(transcript.duration, 4),
            "channels": 1,
            "models": [model_id],
            "model_info": {model_id: {"name": name, "version": __version__, "arch": "whisper"}},
        },
        "results": results,
    }


def split_utterances(words: Sequence[Word], pause: float) -> Iterator[list[Word]]:
    """Runs of words of one speaker without a longer pause than ``pause`` seconds."""
    utterance = list(words[:1])
    for before, word in pairwise(words):
        if word.start - before.end > pause or main_speaker(word) != main_speaker(before):
            yield utterance
            utterance = []
        utterance.append(word)
    if utterance:
        yield utterance


def describe_paragraphs(words: Sequence[Word], language: str, numbers: Mapping[str, int]) -> Json:
    """Some sentences of one speaker each."""
    paragraphs: list[list[list[Word]]] = []
    before: Word | None = None
    for sentence in _split_sentences(words, language):
        if (
            before is None
            or len(paragraphs[-1]) >= _PARAGRAPH_LENGTH
            or sentence[0].start - before.end > _PARAGRAPH_PAUSE
            or main_speaker(sentence[0]) != main_speaker(before)
        ):
            paragraphs.append([])
        paragraphs[-1].append(sentence)
        before = sentence[-1]
    texts = [join(word for sentence in paragraph for word in sentence) for paragraph in paragraphs]
    return {
        "transcript": "".join(f"\n{text}\n" for text in texts),
        "paragraphs": [_describe_paragraph(paragraph, numbers) for paragraph in paragraphs],
    }


def _describe_paragraph(sentences: Sequence[Sequence[Word]], numbers: Mapping[str, int]) -> Json:
    described: Json = {
        "sentences": [
            {"text": join(words), "start": round(words[0].start, 3), "end": round(words[-1].end, 3)}
            for words in sentences
        ],
        "num_words": sum(len(words) for words in sentences),
        "start": round(sentences[0][0].start, 3),
        "end": round(sentences[-1][-1].end, 3),
    }
    speaker = main_speaker(sentences[0][0])
    return {**described, "speaker": numbers[speaker]} if speaker else described


def _split_sentences(words: Sequence[Word], language: str) -> Iterator[list[Word]]:
    sentence: list[Word] = []
    for count, word in enumerate(words, start=1):
        sentence.append(word)
        speaker_changes = count < len(words) and main_speaker(words[count]) != main_speaker(word)
        if speaker_changes or ends_sentence_at(words, count, language):
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def number_speakers(words: Sequence[Word]) -> dict[str, int]:
    """The speakers' numbers from 0, in the order in which they begin to speak."""
    speakers = dict.fromkeys(speaker for word in words if (speaker := main_speaker(word)))
    return {speaker: number for number, speaker in enumerate(speakers)}


def _describe_word(word: Word, query: Query, numbers: Mapping[str, int]) -> Json:
    described: Json = {
        "word": strip_punctuation(word.text).lower() or word.text,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(word.probability, 6),
    }
    if query.punctuate:
        described["punctuated_word"] = word.text
    if speaker := main_speaker(word):
        described["speaker"] = numbers[speaker]
    return described


def _describe_utterance(words: Sequence[Word], query: Query, numbers: Mapping[str, int]) -> Json:
    described: Json = {
        "start": round(words[0].start, 3),
        "end": round(words[-1].end, 3),
        "confidence": round(mean_probability(words), 6),
        "channel": 0,
        "transcript": join(words),
        "words": [_describe_word(word, query, numbers) for word in words],
        "id": str(uuid.uuid4()),
    }
    speaker = main_speaker(words[0])
    return {**described, "speaker": numbers[speaker]} if speaker else described


async def _find_model(request: Request, name: str | None) -> FileModel:
    """Raises `BadRequest`."""
    model = await find_model(request, None if name is None or _DEEPGRAM_MODELS.fullmatch(name) else name)
    if model is None:
        names = ", ".join(["nova-3", *await list_models(request)])
        raise BadRequest(f"model: {name!r:.100} is not on this computer: use one of {names}.")
    return model


def _parse_raw_format(params: QueryParams) -> RawFormat | None:
    """The format of raw samples; None for a file that says itself what it is. Raises `BadRequest`."""
    encoding = params.get("encoding")
    if not encoding or encoding in _SELF_DESCRIBING:
        return None
    if encoding not in _RAW_FORMATS:
        raise BadRequest(f"encoding must be one of {', '.join((*_RAW_FORMATS, *_SELF_DESCRIBING))}.")
    if not params.get("sample_rate"):
        raise BadRequest("encoding needs the sample_rate of the samples, in Hz.")
    rate, channels = _parse_number(params, "sample_rate", 0), _parse_number(params, "channels", 1)
    if int(rate) not in RATES or channels not in range(1, _MAX_CHANNELS + 1):
        raise BadRequest(
            f"sample_rate must be from {RATES.start} to {RATES.stop - 1} Hz, and channels at most {_MAX_CHANNELS}."
        )
    return RawFormat(_RAW_FORMATS[encoding], int(rate), int(channels))


def _parse_number(params: QueryParams, name: str, default: float) -> float:
    """A number that is not negative. Raises `BadRequest`."""
    text = params.get(name)
    try:
        number = float(text) if text else default
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise BadRequest(f"{name} must be a number.")
    return number


def _is_on(params: QueryParams, name: str, *, refused: bool = False) -> bool:
    """Whether an option is on. Raises `BadRequest` for something else than a boolean, unless it is ``refused``."""
    text = params.get(name, "").lower()
    if text in ("", "false", "0"):
        return False
    if text in ("true", "1") or refused:
        return True
    raise BadRequest(f"{name} must be true or false.")
