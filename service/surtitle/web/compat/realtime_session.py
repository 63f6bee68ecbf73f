"""The configuration of a session of OpenAI's Realtime interface, in its present shape and in that of the beta. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import BadRequest
from surtitle.text.languages import AUTO
from surtitle.vocabulary.rules import MAX_HOTWORDS, MAX_PROMPT, Vocabulary
from surtitle.web.compat.live_source import AudioFormat

Json = dict[str, Any]

_BETA_FORMATS: dict[str, Json] = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_BETA_FIELDS = {
    "input_audio_format": "format",
    "input_audio_transcription": "transcription",
    "turn_detection": "turn_detection",
    "input_audio_noise_reduction": "noise_reduction",
}
_ENCODINGS = {"audio/pcm": "pcm16le", "audio/pcmu": "mulaw", "audio/pcma": "alaw"}
_WITHOUT_TURNS = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""Models with which clients themselves say when a turn is over."""
_PAUSES = {"low": 8.0, "medium": 4.0, "auto": 4.0, "high": 2.0}  # seconds in an unfinished sentence, by eagerness


class Format(Struct, frozen=True, omit_defaults=True):
    """The encoding of the audio; ``rate`` in Hz is for samples of 16 bits, G.711 has 8000 Hz."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    rate: int | None = None

    @property
    def audio(self) -> AudioFormat:
        rate = (self.rate or 24_000) if self.type == "audio/pcm" else 8_000
        return AudioFormat(_ENCODINGS[self.type], rate, 1)


class Transcription(Struct, frozen=True, omit_defaults=True):
    """What is recognized; ``model`` is accepted, but the channel's setting decides."""

    model: str | None = None
    language: str | None = None
    prompt: str | None = None
    languages: tuple[str, ...] | None = None
    keywords: tuple[str, ...] | None = None

    @property
    def options(self) -> SourceOptions:
        """Raises `BadRequest`."""
        language = self.language
        if not language and self.languages:
            language = self.languages[0] if len(self.languages) == 1 else AUTO
        keywords = [keyword for keyword in self.keywords or () if keyword.strip()]
        vocabulary = Vocabulary.parse((self.prompt or "")[-MAX_PROMPT:], keywords[:MAX_HOTWORDS], {}, ())
        return SourceOptions(language or None, vocabulary)


class TurnDetection(Struct, frozen=True):
    """When an item ends by itself. A pause is never shorter than that of the recognizer's own utterances."""

    type: Literal["server_vad", "semantic_vad"]
    threshold: float | None = None
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"

    def pause(self, *, sentence_ended: bool) -> float:
        """The seconds of silence after which a turn is over."""
        if self.type == "semantic_vad":
            return 0.0 if sentence_ended else _PAUSES[self.eagerness]
        return 0.5 if self.silence_duration_ms is None else self.silence_duration_ms / 1000

    def describe(self) -> Json:
        if self.type == "semantic_vad":
            return {"type": self.type, "eagerness": self.eagerness}
        return {
            "type": self.type,
            "threshold": 0.5 if self.threshold is None else self.threshold,
            "prefix_padding_ms": 300 if self.prefix_padding_ms is None else self.prefix_padding_ms,
            "silence_duration_ms": round(self.pause(sentence_ended=False) * 1000),
        }


class Session(Struct, frozen=True):
    """A transcription session. ``beta`` is whether its client speaks the interface as it was before it was released."""

    format: Format = Format("audio/pcm", 24_000)
    transcription: Transcription = Transcription()
    turn_detection: TurnDetection | None = TurnDetection("server_vad")
    noise_reduction: Json | None = None
    include: tuple[str, ...] | None = None
    beta: bool = False
    id: str = msgspec.field(default_factory=lambda: f"sess_{secrets.token_hex(10)}")

    def update(self, event: Mapping[str, Any]) -> Session:
        """This session after an update: what is left out stays, null clears. Raises `BadRequest`."""
        changes = event.get("session")
        if not isinstance(changes, dict):
            raise BadRequest("session: send the configuration as an object.")
        if changes.get("type", "transcription") != "transcription":
            raise BadRequest(
                f"session.type: {str(changes['type'])[:40]!r} is not supported: this service transcribes, so send "
                "'transcription'."
            )
        beta = any(field in changes for field in _BETA_FIELDS)
        given = _from_beta(changes) if beta else _object(_object(changes, "audio"), "input")
        merged = {**msgspec.to_builtins(self), "beta": beta or self.beta}
        for name in _BETA_FIELDS.values():
            if name in given:
                merged[name] = _merge(merged[name], given[name], name)
        if "include" in changes:
            merged["include"] = changes["include"]
        try:
            session = msgspec.convert(merged, Session, strict=False)
        except msgspec.ValidationError as error:
            raise BadRequest(f"The session is not valid: {error}.") from error
        model = session.transcription.model or ""
        if "turn_detection" not in given and model != self.transcription.model and model.startswith(_WITHOUT_TURNS):
            return msgspec.structs.replace(session, turn_detection=None)
        return session

    def describe(self, model: str) -> Json:
        """The session for its client."""
        transcription = {"model": model, **msgspec.to_builtins(self.transcription)}
        detection = self.turn_detection.describe() if self.turn_detection else None
        common = {"id": self.id, "object": "realtime.transcription_session", "include": self.include}
        if self.beta:
            audio_format = next(
                (name for name, known in _BETA_FORMATS.items() if known["type"] == self.format.type), "pcm16"
            )
            return common | {
                "input_audio_format": audio_format,
                "input_audio_transcription": transcription,
                "turn_detection": detection,
                "input_audio_noise_reduction": self.noise_reduction,
                "client_secret": None,
            }
        audio = {
            "format": msgspec.to_builtins(self.format),
            "transcription": transcription,
            "noise_reduction": self.noise_reduction,
            "turn_detection": detection,
        }
        return {"type": "transcription", **common, "audio": {"input": audio}}


def _from_beta(changes: Mapping[str, Any]) -> Json:
    """Raises `BadRequest`."""
    given = {new: changes[old] for old, new in _BETA_FIELDS.items() if old in changes}
    if (name := given.get("format")) is not None:
        if not isinstance(name, str) or name not in _BETA_FORMATS:
            raise BadRequest(f"session.input_audio_format: send one of {', '.join(_BETA_FORMATS)}.")
        given["format"] = _BETA_FORMATS[name]
    return given


def _object(value: Mapping[str, Any], name: str) -> Json:
    """Raises `BadRequest`."""
    found = value.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadRequest(f"{name}: send an object.")
    return found


def _merge(before: Any, given: Any, name: str) -> Any:
    if given is None:  # there is always a format and a transcription
        return {"format": {"type": "audio/pcm", "rate": 24_000}, "transcription": {}}.get(name)
    if name == "transcription" and isinstance(given, dict):
        return {**before, **given}
    return given
