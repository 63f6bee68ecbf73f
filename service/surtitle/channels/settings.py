"""What a channel was told: its language, its model, its vocabulary, its speakers, its closed captions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from surtitle.captions.cea608 import check_writable
from surtitle.core.errors import BadRequest
from surtitle.speakers.sortformer import LATENCIES
from surtitle.speech.engine import Hints
from surtitle.text.language_names import find
from surtitle.vocabulary.rules import Vocabulary

T = TypeVar("T")

_LANGUAGE = re.compile(r"auto|[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_NAME = 80  # characters, of a speaker
_NAMES = 100
_MODEL = 300  # characters, of a name or a path
_LANGUAGES = 100  # of those that a channel is to be translated into: more than it can be
_HOST = re.compile(r"[\w.:%-]{1,253}", re.ASCII)
_PASSWORD = 200  # characters
_DELAY = 60  # seconds
_SOURCES = 16


class VocabularyChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not said stays; lists are replaced as a whole."""

    prompt: str | UnsetType = UNSET
    hotwords: list[str] | UnsetType = UNSET
    replacements: dict[str, str] | UnsetType = UNSET
    blocked: list[str] | UnsetType = UNSET


class ClosedCaptionsChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same for closed captions; a password is only ever written."""

    enabled: bool | UnsetType = UNSET
    host: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    password: str | UnsetType = UNSET
    language: str | UnsetType | None = UNSET
    delay: float | UnsetType = UNSET


class DiarizationChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same for telling speakers apart."""

    enabled: bool | UnsetType = UNSET
    sources: list[str] | UnsetType = UNSET
    latency: float | UnsetType = UNSET


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a channel's settings; None is the service's default again."""

    language: str | UnsetType | None = UNSET
    model: str | UnsetType | None = UNSET
    vocabulary: VocabularyChanges | UnsetType = UNSET
    names: dict[str, str] | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    record: bool | UnsetType = UNSET
    closed_captions: ClosedCaptionsChanges | UnsetType = UNSET
    translations: tuple[str, ...] | UnsetType = UNSET
    translation_model: str | UnsetType | None = UNSET
    diarization: DiarizationChanges | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class ClosedCaptions:
    """OBS's native captions: whether the service sends them over obs-websocket, and where that is.

    ``language`` None is what is spoken; ``delay`` is in seconds, on top of the stream's own.
    """

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = 4455
    password: str = field(default="", repr=False)
    language: str | None = None
    delay: float = 0.0

    def changed(self, changes: ClosedCaptionsChanges) -> ClosedCaptions:
        """These settings with the changes. Raises `BadRequest`."""
        after = ClosedCaptions(
            _either(changes.enabled, self.enabled),
            _either(changes.host, self.host).strip(),
            _either(changes.port, self.port),
            _either(changes.password, self.password),
            _either(changes.language, self.language),
            _either(changes.delay, self.delay),
        )
        if not _HOST.fullmatch(after.host):
            raise BadRequest("closed_captions.host: send the name or address of OBS's computer, like 127.0.0.1.")
        if not 1 <= after.port <= 65535:
            raise BadRequest("closed_captions.port: send OBS's WebSocket port, usually 4455.")
        if len(after.password) > _PASSWORD:
            raise BadRequest(f"closed_captions.password: it may have {_PASSWORD} characters.")
        if not 0 <= after.delay <= _DELAY:
            raise BadRequest(f"closed_captions.delay: send seconds from 0 to {_DELAY}.")
        if after.language is not None:
            check_writable(check_language(after.language))
        return after

    def as_json(self) -> dict[str, Any]:
        return {
            "enabled": self.enabled,
            "host": self.host,
            "port": self.port,
            "password_set": bool(self.password),
            "language": self.language,
            "delay": self.delay,
        }


@dataclass(frozen=True, slots=True)
class Diarization:
    """Whether speakers are told apart, and in which sources: in all if none is named.

    ``latency`` is one of `LATENCIES`, in seconds.
    """

    enabled: bool = False
    sources: tuple[str, ...] = ()
    latency: float = 1.04

    def wants(self, source: str) -> bool:
        return self.enabled and (not self.sources or source in self.sources)

    def changed(self, changes: DiarizationChanges) -> Diarization:
        """These settings with the changes. Raises `BadRequest`."""
        sources = self.sources
        if not isinstance(changes.sources, UnsetType):
            if len(changes.sources) > _SOURCES:
                raise BadRequest(f"diarization.sources: name {_SOURCES} at most, or none for all.")
            sources = tuple(dict.fromkeys(filter(None, map(clean_name, changes.sources))))
        latency = _either(changes.latency, self.latency)
        if latency not in LATENCIES:
            known = ", ".join(f"{seconds:g}" for seconds in LATENCIES)
            raise BadRequest(f"diarization.latency: send one of {known}, in seconds.")
        return Diarization(_either(changes.enabled, self.enabled), sources, latency)

    def as_json(self) -> dict[str, Any]:
        return {"enabled": self.enabled, "sources": self.sources, "latency": self.latency}


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Where something is None, what the service was started with counts."""

    language: str | None = None
    model: str | None = None
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    names: Mapping[str, str] = field(default_factory=dict)
    """What readers see instead of a speaker's or a source's own name."""
    paused: bool = False
    """What is said now is not captioned."""
    record: bool = False
    """Sources are recorded from their beginning."""
    closed_captions: ClosedCaptions = field(default_factory=ClosedCaptions)
    translations: tuple[str, ...] = ()
    """The languages into which is translated also when nobody reads them, by tag."""
    translation_model: str | None = None
    diarization: Diarization = field(default_factory=Diarization)

    @property
    def hints(self) -> Hints:
        return Hints(self.vocabulary.prompt, self.vocabulary.hotwords)

    def changed(self, changes: Changes) -> ChannelSettings:
        """These settings with the changes. Raises `BadRequest`; whether there is such a model is not looked at."""
        language = _either(changes.language, self.language)
        return replace(
            self,
            language=None if language is None else check_language(language),
            model=_model("model", _either(changes.model, self.model)),
            vocabulary=self._vocabulary(changes.vocabulary),
            names=self.names if isinstance(changes.names, UnsetType) else _names(changes.names),
            paused=_either(changes.paused, self.paused),
            record=_either(changes.record, self.record),
            closed_captions=self.closed_captions
            if isinstance(changes.closed_captions, UnsetType)
            else self.closed_captions.changed(changes.closed_captions),
            translations=self.translations
            if isinstance(changes.translations, UnsetType)
            else _tags(changes.translations),
            translation_model=_model("translation_model", _either(changes.translation_model, self.translation_model)),
            diarization=self.diarization
            if isinstance(changes.diarization, UnsetType)
            else self.diarization.changed(changes.diarization),
        )

    def as_json(self) -> dict[str, Any]:
        vocabulary = self.vocabulary
        return {
            "language": self.language,
            "model": self.model,
            "vocabulary": {
                "prompt": vocabulary.prompt,
                "hotwords": vocabulary.hotwords,
                "replacements": vocabulary.replacements,
                "blocked": vocabulary.blocked,
            },
            "names": self.names,
            "paused": self.paused,
            "record": self.record,
            "closed_captions": self.closed_captions.as_json(),
            "translations": self.translations,
            "translation_model": self.translation_model,
            "diarization": self.diarization.as_json(),
        }

    def _vocabulary(self, changes: VocabularyChanges | UnsetType) -> Vocabulary:
        if isinstance(changes, UnsetType):
            return self.vocabulary
        before = self.vocabulary
        return Vocabulary.parse(
            _either(changes.prompt, before.prompt),
            _either(changes.hotwords, before.hotwords),
            _either(changes.replacements, before.replacements),
            _either(changes.blocked, before.blocked),
        )


def check_language(language: str) -> str:
    """A language's code in lower case, or "auto". Raises `BadRequest`."""
    if not _LANGUAGE.fullmatch(language):
        raise BadRequest(f"{language[:40]!r} is not a language: send a code like en, de or pt-BR, or auto.")
    return language.lower()


def _model(field: str, model: str | None) -> str | None:
    if model is not None and not (0 < len(model) <= _MODEL and model.isprintable()):
        raise BadRequest(f"{field}: this is no model's name: send one of GET /api/models, a directory, or null.")
    return model


def _tags(names: Iterable[str]) -> tuple[str, ...]:
    """Their tags, each once. Raises `BadRequest`."""
    return tuple(dict.fromkeys(find(name).tag for name in islice(names, _LANGUAGES)))


def one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def clean_name(name: str) -> str:
    """A name in one printable line; may be empty."""
    return one_line(name)[:_NAME]


def _names(names: Mapping[str, str]) -> dict[str, str]:
    if len(names) > _NAMES:
        raise BadRequest(f"names: there are {len(names)}, and {_NAMES} is the most: remove some.")
    tidy = {clean_name(heard): clean_name(shown) for heard, shown in names.items()}
    return {heard: shown for heard, shown in tidy.items() if heard and shown and heard != shown}


def _either(change: T | UnsetType, before: T) -> T:
    return before if isinstance(change, UnsetType) else change
