"""What a client of Deepgram's interface asks for in the query of its address. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from surtitle.audio import RATES
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import BadRequest, UnsupportedFormat
from surtitle.text.languages import AUTO
from surtitle.vocabulary.rules import MAX_HOTWORDS, Vocabulary
from surtitle.web.compat.live_source import AudioFormat

_RAW = {"linear16": "pcm16le", "mulaw": "mulaw", "alaw": "alaw"}
_CONTAINED = {"flac": "auto", "ogg-opus": "ogg"}
_REFUSED = {
    "callback": "This service calls no other address: read the results on this connection.",
    "redact": "redact: this service cannot redact: use replace, or the channel's blocked words.",
}
_DEFAULT_ENDPOINTING = 0.01  # seconds
_MIN_UTTERANCE_END = 1.0  # seconds
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no", "")


@dataclass(frozen=True, slots=True)
class ListenQuery:
    """The options of a live request.

    ``endpointing`` is the pause in seconds that ends a turn; None if the client does not want to know of turns.
    ``utterance_end`` is how many seconds after the last word an utterance is reported as over; None for never.
    """

    audio: AudioFormat
    options: SourceOptions
    interim_results: bool = False
    endpointing: float | None = _DEFAULT_ENDPOINTING
    utterance_end: float | None = None
    vad_events: bool = False
    punctuate: bool = False
    diarize: bool = False

    @classmethod
    def parse(cls, query: QueryParams) -> ListenQuery:
        """Raises `BadRequest`, `UnsupportedFormat`."""
        for name, advice in _REFUSED.items():
            if query.get(name, "").lower() not in _FALSE:
                raise BadRequest(advice)
        interim = _flag(query, "interim_results")
        return cls(
            _audio(query),
            SourceOptions(_language(query), parse_vocabulary(query)),
            interim_results=interim,
            endpointing=_endpointing(query),
            utterance_end=_utterance_end(query, interim=interim),
            vad_events=_flag(query, "vad_events"),
            punctuate=any(_flag(query, name) for name in ("punctuate", "smart_format", "dictation")),
            diarize=_flag(query, "diarize") or query.get("diarize_model", "") != "",
        )


def with_keyterms(options: SourceOptions, keyterms: list[str]) -> SourceOptions:
    """``options`` with other words to expect. Raises `BadRequest`."""
    known = options.vocabulary
    return SourceOptions(options.language, Vocabulary.parse(known.prompt, keyterms, known.replacements, known.blocked))


def _flag(query: QueryParams, name: str) -> bool:
    value = query.get(name, "").lower()
    if value not in _TRUE + _FALSE:
        raise BadRequest(f"{name}: {value[:40]!r} is neither true nor false.")
    return value in _TRUE


def _number(query: QueryParams, name: str) -> int:
    value = query[name]
    if not (value.isascii() and value.isdigit() and len(value) < 8):
        raise BadRequest(f"{name}: {value[:40]!r} is not a whole number.")
    return int(value)


def _audio(query: QueryParams) -> AudioFormat:
    encoding = query.get("encoding", "")
    channels = _number(query, "channels") if "channels" in query else 1
    if _flag(query, "multichannel") and (channels != 1 or encoding not in _RAW):
        raise BadRequest("multichannel: channels are not told apart here: open one connection for each of them.")
    if not encoding:
        return AudioFormat("auto")
    if encoding in _CONTAINED:
        return AudioFormat(_CONTAINED[encoding])
    if encoding not in _RAW:
        raise UnsupportedFormat(
            f"encoding: {encoding[:40]!r} is not supported: send one of {', '.join((*_RAW, *_CONTAINED))}, or a "
            "container without this parameter."
        )
    if "sample_rate" not in query:
        raise BadRequest("sample_rate: it is missing: send it with raw audio.")
    rate = _number(query, "sample_rate")
    if rate not in RATES:
        raise UnsupportedFormat(f"sample_rate: {rate} is not supported: send {RATES.start} to {RATES.stop - 1} Hz.")
    return AudioFormat(_RAW[encoding], rate, channels)


def _language(query: QueryParams) -> str | None:
    language = query.get("language", "")
    hints = [hint for hint in query.getlist("language_hint") if hint]
    if language.lower() in ("multi", AUTO) or (not language and hints):
        return hints[0] if len(hints) == 1 else AUTO
    return language or None


def parse_vocabulary(query: QueryParams) -> Vocabulary:
    """Key terms, keywords with their boosts, and replacements. Raises `BadRequest`."""
    terms = [term for term in query.getlist("keyterm") if term.strip()]
    for keyword in query.getlist("keywords"):
        word, _, boost = keyword.rpartition(":") if ":" in keyword else (keyword, "", "")
        if word.strip() and not boost.startswith("-"):  # a negative boost makes a word less likely
            terms.append(word)
    replacements: dict[str, str] = {}
    for pair in query.getlist("replace"):
        phrase, separator, text = pair.partition(":")
        if not separator:
            raise BadRequest(f"replace: {pair[:40]!r} has no colon: send a phrase and its replacement, like a:b.")
        replacements[phrase] = text
    return Vocabulary.parse("", terms[:MAX_HOTWORDS], replacements, ())


def _endpointing(query: QueryParams) -> float | None:
    value = query.get("endpointing", "true").lower()
    if value == "true":
        return _DEFAULT_ENDPOINTING
    return None if value in _FALSE else _number(query, "endpointing") / 1000


def _utterance_end(query: QueryParams, *, interim: bool) -> float | None:
    if query.get("utterance_end_ms", "").lower() in ("", "false"):
        return None
    seconds = _number(query, "utterance_end_ms") / 1000
    if seconds < _MIN_UTTERANCE_END:
        raise BadRequest("utterance_end_ms: send 1000 or more.")
    if not interim:
        raise BadRequest("utterance_end_ms: it needs interim_results=true.")
    return seconds
