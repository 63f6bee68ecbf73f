"""Deepgram's protocol for live audio, `WS /v1/listen`: results with the times of words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from surtitle.audio import RATE, Samples
from surtitle.audio.pcm import to_pcm
from surtitle.core.words import Word
from surtitle.speech.cloud.access import CloudAccess, CloudSettings
from surtitle.speech.cloud.endpoints import choose_rules
from surtitle.speech.cloud.errors import CloudError, CloudName
from surtitle.speech.cloud.languages import DEEPGRAM as LANGUAGES
from surtitle.speech.cloud.languages import WHISPER as WHISPER_LANGUAGES
from surtitle.speech.cloud.messages import explain_body, parse_json
from surtitle.speech.cloud.protocol import Event, Finished, Language, Message, Timed
from surtitle.speech.engine import Hints
from surtitle.text.languages import AUTO

SETTINGS = CloudSettings(
    "Deepgram", "DEEPGRAM_API_KEY", "SURTITLE_DEEPGRAM_URL", "https://api.deepgram.com", "/v1/listen"
)
MODELS = ("nova-3", "nova-2")
"""The models that are offered; others can be named."""

_ENDPOINTING = 300  # milliseconds of silence after which Deepgram makes its words final
_MAX_KEYTERMS = 100
_WITH_KEYWORDS = ("nova-2", "nova-general", "nova-phonecall", "enhanced", "base", "whisper")
"""Beginnings of the names of models that know `keywords` instead of `keyterm`."""

Json = dict[str, Any]


class Deepgram:
    """One of Deepgram's models, or another service that speaks its protocol."""

    name = "deepgram"
    resumes_in_time = True

    def __init__(self, access: CloudAccess, model: str) -> None:
        self.model = model
        self.languages = LANGUAGES if access.is_at(SETTINGS.default) else WHISPER_LANGUAGES
        self.rules = choose_rules(access, SETTINGS.default)
        self.title = CloudName(SETTINGS.title, access.host, SETTINGS.key_variable, SETTINGS.url_variable)
        self._access = access

    def address(self, language: str, hints: Hints) -> str:
        parts = urlsplit(self._access.url)
        own = parse_qsl(parts.query, keep_blank_values=True)  # what a person has added, such as mip_opt_out=true
        query = [
            ("model", self.model),
            ("encoding", "linear16"),
            ("sample_rate", str(RATE)),
            ("channels", "1"),
            ("interim_results", "true"),
            ("punctuate", "true"),
            ("endpointing", str(_ENDPOINTING)),
        ]
        if language:
            query.append(("language", "multi" if language == AUTO else language))
        given = {name for name, _ in own}
        query = [(name, value) for name, value in query if name not in given] + own
        option = "keywords" if self.model.startswith(_WITH_KEYWORDS) else "keyterm"
        query += [(option, term) for term in hints.hotwords[:_MAX_KEYTERMS]]
        return urlunsplit(parts._replace(query=urlencode(query)))

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Token {self._access.key}"}

    def open(self, language: str, hints: Hints) -> DeepgramSession:
        return DeepgramSession(self.title, detects=language == AUTO)

    def explain(self, status: int, body: bytes, retry_after: float | None) -> CloudError:
        return self.title.explain_status(status, explain_body(body, "err_msg", "message"), retry_after)

    def explain_close(self, code: int, reason: str) -> CloudError:
        return self.title.disconnected(reason)


class DeepgramSession:
    """One connection to `/v1/listen`."""

    awaits_ready = False

    def __init__(self, title: CloudName, *, detects: bool) -> None:
        self._title = title
        self._detects = detects

    def greet(self) -> Sequence[Message]:
        return ()

    def begin(self) -> None:
        """Times run on, so there is nothing to note."""

    def encode(self, samples: Samples) -> Sequence[Message]:
        return (to_pcm(samples),)

    def finalize(self) -> Sequence[Message]:
        return (json.dumps({"type": "Finalize"}),)

    def keep_alive(self) -> Sequence[Message]:
        return (json.dumps({"type": "KeepAlive"}),)

    def close(self) -> Sequence[Message]:
        return (json.dumps({"type": "CloseStream"}),)

    def parse(self, message: Message) -> Sequence[Event]:
        found = parse_json(message, self._title)
        kind = found.get("type")
        if kind == "Error":
            raise self._title.disconnected(str(found.get("description") or found.get("message") or ""))
        if kind != "Results":
            return ()
        try:
            return tuple(self._read(found))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise self._title.not_understood() from error

    def _read(self, result: Json) -> Iterator[Event]:
        alternative = result["channel"]["alternatives"][0]
        words = tuple(_read_words(alternative.get("words") or (), str(alternative.get("transcript") or "")))
        if self._detects and words and result.get("is_final") and (language := _find_language(alternative)):
            yield Language(language)
        end = float(result["start"]) + float(result["duration"])
        settled = bool(result.get("speech_final"))
        yield Timed(words, end, final=bool(result.get("is_final")), settled=settled)
        if result.get("from_finalize"):
            yield Finished()


def _read_words(found: Sequence[Json], transcript: str) -> Iterator[Word]:
    """The words; in the transcript, those of Chinese and Japanese follow one another without spaces."""
    position = 0
    for one in found:
        text = str(one.get("punctuated_word") or one["word"]).strip()
        if not text:
            continue
        at = transcript.find(text, position)
        spaced = at <= 0 or transcript[at - 1].isspace()
        position = position if at < 0 else at + len(text)
        start = max(0.0, float(one["start"]))
        probability = min(1.0, max(0.0, float(one.get("confidence", 1.0))))
        yield Word(text, start, max(start, float(one["end"])), probability, spaced=spaced)


def _find_language(alternative: Json) -> str:
    """The language in which most words are, if the service says it."""
    languages = [str(one["language"]) for one in alternative["words"] if one.get("language")]
    languages = languages or [str(one) for one in alternative.get("languages") or ()]
    return max(languages, key=languages.count, default="")
