"""OpenAI's Realtime protocol for transcription, `WS /v1/realtime?intent=transcription`: text without times."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import numpy as np
import soxr

from surtitle.audio import RATE, Samples
from surtitle.audio.pcm import to_pcm
from surtitle.speech.cloud.access import CloudAccess, CloudSettings
from surtitle.speech.cloud.endpoints import choose_rules
from surtitle.speech.cloud.errors import CloudError, CloudName
from surtitle.speech.cloud.languages import OPENAI as LANGUAGES
from surtitle.speech.cloud.languages import WHISPER as WHISPER_LANGUAGES
from surtitle.speech.cloud.messages import explain_body, parse_json
from surtitle.speech.cloud.protocol import Event, Failed, Finished, Language, Message, Ready, Text
from surtitle.speech.engine import Hints
from surtitle.text.languages import AUTO

SETTINGS = CloudSettings("OpenAI", "OPENAI_API_KEY", "SURTITLE_OPENAI_URL", "https://api.openai.com", "/v1/realtime")
MODELS = ("gpt-live-transcribe", "gpt-realtime-whisper", "gpt-transcribe")
"""The models that are offered; others can be named. Those that OpenAI switches off in February 2027 are left out."""

_RATE = 24_000  # Hz: the only one that OpenAI takes
_AFTER_TURNS = ("whisper-1", "gpt-4o-", "gpt-transcribe")
"""Beginnings of the names of models that transcribe a turn when it is over."""
_WITHOUT_PROMPT = ("gpt-realtime-whisper",)
_ONLY_PROMPT = ("whisper-1", "gpt-4o-")
"""Beginnings of the names of models that take no `keywords`, so these are put into the prompt."""
_TRANSCRIPTION = "conversation.item.input_audio_transcription."

Json = dict[str, Any]


class OpenAI:
    """One of OpenAI's models for transcription, or another service that speaks its protocol."""

    name = "openai"
    resumes_in_time = False

    def __init__(self, access: CloudAccess, model: str) -> None:
        self.model = model
        self.languages = LANGUAGES if access.is_at(SETTINGS.default) else WHISPER_LANGUAGES
        self.rules = choose_rules(access, SETTINGS.default, after_turns=model.startswith(_AFTER_TURNS))
        self.title = CloudName(SETTINGS.title, access.host, SETTINGS.key_variable, SETTINGS.url_variable)
        self._access = access

    def address(self, language: str, hints: Hints) -> str:
        parts = urlsplit(self._access.url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        if not any(name == "intent" for name, _ in query):
            query.append(("intent", "transcription"))
        return urlunsplit(parts._replace(query=urlencode(query)))

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._access.key}"}

    def open(self, language: str, hints: Hints) -> OpenAISession:
        transcription: Json = {"model": self.model}
        if language and language != AUTO:
            transcription["language"] = language
        prompt = hints.prompt.strip()
        if self.model.startswith(_WITHOUT_PROMPT):
            prompt = ""
        elif self.model.startswith(_ONLY_PROMPT):
            prompt = " ".join(filter(None, (", ".join(hints.hotwords), prompt)))
        elif hints.hotwords:
            transcription["keywords"] = list(hints.hotwords)
        if prompt:
            transcription["prompt"] = prompt
        return OpenAISession(self.title, transcription)

    def explain(self, status: int, body: bytes, retry_after: float | None) -> CloudError:
        if status == 429 and explain_body(body, "code") == "insufficient_quota":
            return self.title.no_credit()
        return self.title.explain_status(status, explain_body(body, "message"), retry_after)

    def explain_close(self, code: int, reason: str) -> CloudError:
        return self.title.disconnected(reason)


class OpenAISession:
    """One connection to `/v1/realtime`.

    The client says where a turn ends, because it has found that already, with the whole context and without a fee.
    """

    awaits_ready = True

    def __init__(self, title: CloudName, transcription: Json) -> None:
        self._title = title
        self._transcription = transcription
        self._resampler = _new_resampler()
        self._texts: dict[str, str] = {}  # of this utterance's items, in their order
        self._over: set[str] = set()  # items of earlier utterances
        self._finalized = False

    def greet(self) -> Sequence[Message]:
        audio = {
            "format": {"type": "audio/pcm", "rate": _RATE},
            "transcription": self._transcription,
            "turn_detection": None,
        }
        session = {"type": "transcription", "audio": {"input": audio}}
        return (json.dumps({"type": "session.update", "session": session}),)

    def begin(self) -> None:
        self._over = set(self._texts) or self._over
        self._texts = {}
        self._finalized = False
        self._resampler = _new_resampler()

    def encode(self, samples: Samples) -> Sequence[Message]:
        return tuple(self._append(self._resampler.resample_chunk(samples)))

    def finalize(self) -> Sequence[Message]:
        self._finalized = True
        rest = self._resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
        return (*self._append(rest), json.dumps({"type": "input_audio_buffer.commit"}))

    def keep_alive(self) -> Sequence[Message]:
        return ()

    def close(self) -> Sequence[Message]:
        return ()

    def parse(self, message: Message) -> Sequence[Event]:
        found = parse_json(message, self._title)
        kind = str(found.get("type") or "")
        try:
            if kind == "session.updated":
                return (Ready(),)
            if kind == "error":
                return self._read_error(found["error"])
            if kind.startswith(_TRANSCRIPTION) and (item := str(found["item_id"])) not in self._over:
                return tuple(self._read(kind.removeprefix(_TRANSCRIPTION), item, found))
        except (AttributeError, KeyError, TypeError) as error:
            raise self._title.not_understood() from error
        return ()

    def _append(self, samples: Samples) -> Iterator[Message]:
        if samples.size:
            audio = base64.b64encode(to_pcm(samples)).decode()
            yield json.dumps({"type": "input_audio_buffer.append", "audio": audio})

    def _read(self, kind: str, item: str, found: Json) -> Iterator[Event]:
        if kind == "delta":
            self._texts[item] = self._texts.get(item, "") + str(found.get("delta") or "")
            yield Text(self._text, complete=False)
        elif kind == "completed":
            self._texts[item] = str(found["transcript"] or "")
            languages = found.get("languages") or ()
            if languages and (code := str(languages[0].get("code") or "")):
                yield Language(code)
            yield Text(self._text, complete=self._finalized)
            if self._finalized:
                yield Finished()
        elif kind == "failed":
            self._texts.setdefault(item, "")
            said = found.get("error") or {}
            yield Failed(self._find_error(said) or self._title.failed(str(said.get("message") or "")))

    @property
    def _text(self) -> str:
        return " ".join(filter(None, (text.strip() for text in self._texts.values())))

    def _read_error(self, said: Json) -> Sequence[Event]:
        """An error that is no answer to audio. Raises `CloudError`."""
        code, message = str(said.get("code") or ""), str(said.get("message") or "")
        if code == "input_audio_buffer_commit_empty":
            return (Text(self._text, complete=True), Finished())
        if (error := self._find_error(said)) is not None:
            raise error
        if said.get("type") == "invalid_request_error":
            raise self._title.refused(message)
        raise self._title.failed(message)

    def _find_error(self, said: Json) -> CloudError | None:
        code = str(said.get("code") or "")
        if code == "insufficient_quota":
            return self._title.no_credit()
        if code == "rate_limit_exceeded":
            return self._title.too_many()
        if code == "invalid_api_key":
            return self._title.explain_status(401, "")
        if code == "session_expired":
            return self._title.disconnected()
        return None


def _new_resampler() -> soxr.ResampleStream:
    return soxr.ResampleStream(RATE, _RATE, 1, dtype="float32", quality="HQ")
