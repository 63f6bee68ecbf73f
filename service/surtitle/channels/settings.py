"""A channel's settings: language, model, vocabulary, speakers, closed captions, translations."""

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

_LANGUAGE_PATTERN = re.compile(r"auto|[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_MAX_NAME_LENGTH = 80  # characters of a speaker's or source's name
_MAX_NAMES = 100
_MAX_MODEL_LENGTH = 300  # characters of a name or a path
_MAX_LANGUAGES = 100  # translations in a request that are looked at; the service's own limit is lower
_HOST_PATTERN = re.compile(r"[\w.:%-]{1,253}", re.ASCII)
_MAX_PASSWORD_LENGTH = 200  # characters
_MAX_DELAY = 60  # seconds
_MAX_SOURCES = 16


class VocabularyChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that are missing stay as they are; lists are replaced as a whole."""

    prompt: str | UnsetType = UNSET
    hotwords: list[str] | UnsetType = UNSET
    replacements: dict[str, str] | UnsetType = UNSET
    blocked: list[str] | UnsetType = UNSET


class ClosedCaptionsChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same for closed captions; the password can be set but is never returned."""

    enabled: bool | UnsetType = UNSET
    host: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    password: str | UnsetType = UNSET
    language: str | UnsetType | None = UNSET
    delay: float | UnsetType = UNSET


class DiarizationChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same for the diarization of sources."""

    enabled: bool | UnsetType = UNSET
    sources: list[str] | UnsetType = UNSET
    latency: float | UnsetType = UNSET


class SettingsChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes of a channel's settings; None restores the service's default."""

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
    """OBS's native captions: whether the service sends them over obs-websocket, and to which address.

    ``language`` None means the spoken language; ``delay`` is in seconds, in addition to the stream's own delay.
    """

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = 4455
    password: str = field(default="", repr=False)
    language: str | None = None
    delay: float = 0.0

    def apply(self, changes: ClosedCaptionsChanges) -> ClosedCaptions:
        """These settings with ``changes`` applied. Raises `BadRequest`."""
        after = ClosedCaptions(
            _choose(changes.enabled, self.enabled),
            _choose(changes.host, self.host).strip(),
            _choose(changes.port, self.port),
            _choose(changes.password, self.password),
            _choose(changes.language, self.language),
            _choose(changes.delay, self.delay),
        )
        if not _HOST_PATTERN.fullmatch(after.host):
            raise BadRequest("closed_captions.host: send the name or address of the computer with OBS, like 127.0.0.1.")
        if not 1 <= after.port <= 65535:
            raise BadRequest("closed_captions.port: send OBS's WebSocket port, usually 4455.")
        if len(after.password) > _MAX_PASSWORD_LENGTH:
            raise BadRequest(f"closed_captions.password: use at most {_MAX_PASSWORD_LENGTH} characters.")
        if not 0 <= after.delay <= _MAX_DELAY:
            raise BadRequest(f"closed_captions.delay: send seconds from 0 to {_MAX_DELAY}.")
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
    """Whether the speakers of a source are distinguished, and in which ``sources``: in all if none is named.

    ``latency`` is one of `LATENCIES`, in seconds.
    """

    enabled: bool = False
    sources: tuple[str, ...] = ()
    latency: float = 1.04

    def covers(self, source: str) -> bool:
        return self.enabled and (not self.sources or source in self.sources)

    def apply(self, changes: DiarizationChanges) -> Diarization:
        """These settings with ``changes`` applied. Raises `BadRequest`."""
        sources = self.sources
        if not isinstance(changes.sources, UnsetType):
            if len(changes.sources) > _MAX_SOURCES:
                raise BadRequest(f"diarization.sources: name at most {_MAX_SOURCES} sources, or none for all.")
            sources = tuple(dict.fromkeys(filter(None, map(clean_name, changes.sources))))
        latency = _choose(changes.latency, self.latency)
        if latency not in LATENCIES:
            known = ", ".join(f"{seconds:g}" for seconds in LATENCIES)
            raise BadRequest(f"diarization.latency: send one of {known}, in seconds.")
        return Diarization(_choose(changes.enabled, self.enabled), sources, latency)

    def as_json(self) -> dict[str, Any]:
        return {"enabled": self.enabled, "sources": self.sources, "latency": self.latency}


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """A channel's settings; where a field is None, the service's own setting applies."""

    language: str | None = None
    model: str | None = None
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    names: Mapping[str, str] = field(default_factory=dict)
    """The names shown to readers, by the speakers' and sources' own names."""
    paused: bool = False
    """Whether incoming audio is not captioned."""
    record: bool = False
    """Whether sources are recorded from their first sample."""
    closed_captions: ClosedCaptions = field(default_factory=ClosedCaptions)
    translations: tuple[str, ...] = ()
    """The tags of the languages that captions are translated into even without readers."""
    translation_model: str | None = None
    diarization: Diarization = field(default_factory=Diarization)

    @property
    def hints(self) -> Hints:
        return Hints(self.vocabulary.prompt, self.vocabulary.hotwords)

    def apply(self, changes: SettingsChanges) -> ChannelSettings:
        """These settings with ``changes`` applied. Does not check that the model exists. Raises `BadRequest`."""
        language = _choose(changes.language, self.language)
        return replace(
            self,
            language=None if language is None else check_language(language),
            model=_check_model("model", _choose(changes.model, self.model)),
            vocabulary=self._vocabulary(changes.vocabulary),
            names=self.names if isinstance(changes.names, UnsetType) else _clean_names(changes.names),
            paused=_choose(changes.paused, self.paused),
            record=_choose(changes.record, self.record),
            closed_captions=self.closed_captions
            if isinstance(changes.closed_captions, UnsetType)
            else self.closed_captions.apply(changes.closed_captions),
            translations=self.translations
            if isinstance(changes.translations, UnsetType)
            else _parse_tags(changes.translations),
            translation_model=_check_model(
                "translation_model", _choose(changes.translation_model, self.translation_model)
            ),
            diarization=self.diarization
            if isinstance(changes.diarization, UnsetType)
            else self.diarization.apply(changes.diarization),
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
            _choose(changes.prompt, before.prompt),
            _choose(changes.hotwords, before.hotwords),
            _choose(changes.replacements, before.replacements),
            _choose(changes.blocked, before.blocked),
        )


def check_language(language: str) -> str:
    """A language's code in lower case, or "auto". Raises `BadRequest`."""
    if not _LANGUAGE_PATTERN.fullmatch(language):
        raise BadRequest(f"{language[:40]!r} is not a language code: send one like en, de or pt-BR, or auto.")
    return language.lower()


def _check_model(field: str, model: str | None) -> str | None:
    if model is not None and not (0 < len(model) <= _MAX_MODEL_LENGTH and model.isprintable()):
        raise BadRequest(f"{field}: the name is not valid: send one from GET /api/models, a directory, or null.")
    return model


def _parse_tags(names: Iterable[str]) -> tuple[str, ...]:
    """The tags of languages, without duplicates. Raises `BadRequest`."""
    return tuple(dict.fromkeys(find(name).tag for name in islice(names, _MAX_LANGUAGES)))


def to_one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def clean_name(name: str) -> str:
    """A name in one printable line; may be empty."""
    return to_one_line(name)[:_MAX_NAME_LENGTH]


def _clean_names(names: Mapping[str, str]) -> dict[str, str]:
    if len(names) > _MAX_NAMES:
        raise BadRequest(f"names: send at most {_MAX_NAMES} names instead of {len(names)}.")
    cleaned = {clean_name(heard): clean_name(shown) for heard, shown in names.items()}
    return {heard: shown for heard, shown in cleaned.items() if heard and shown and heard != shown}


def _choose(change: T | UnsetType, before: T) -> T:
    return before if isinstance(change, UnsetType) else change
