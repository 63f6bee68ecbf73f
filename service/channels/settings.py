"""What a channel was told: its language, its model, its vocabulary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from service.captions.vocabulary import Vocabulary
from service.errors import BadRequest
from service.speech.engine import Hints

T = TypeVar("T")

_LANGUAGE = re.compile(r"auto|[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_NAME = 80  # characters, of a speaker
_NAMES = 100
_MODEL = 300  # characters, of a name or a path


class VocabularyChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not said stays; lists are replaced as a whole."""

    prompt: str | UnsetType = UNSET
    hotwords: list[str] | UnsetType = UNSET
    replacements: dict[str, str] | UnsetType = UNSET
    blocked: list[str] | UnsetType = UNSET


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a channel's settings; None is the service's default again."""

    language: str | UnsetType | None = UNSET
    model: str | UnsetType | None = UNSET
    vocabulary: VocabularyChanges | UnsetType = UNSET
    names: dict[str, str] | UnsetType = UNSET
    paused: bool | UnsetType = UNSET


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

    @property
    def hints(self) -> Hints:
        return Hints(self.vocabulary.prompt, self.vocabulary.hotwords)

    def changed(self, changes: Changes) -> ChannelSettings:
        """These settings with the changes. Raises `BadRequest`; whether there is such a model is not looked at."""
        language, model = _either(changes.language, self.language), _either(changes.model, self.model)
        if model is not None and not (0 < len(model) <= _MODEL and model.isprintable()):
            raise BadRequest("model: this is no model's name: send one of GET /api/models, a directory, or null.")
        return replace(
            self,
            language=None if language is None else check_language(language),
            model=model,
            vocabulary=self._vocabulary(changes.vocabulary),
            names=self.names if isinstance(changes.names, UnsetType) else _names(changes.names),
            paused=_either(changes.paused, self.paused),
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
        raise BadRequest(f"{language[:40]!r} is no language: send a code like en, de or pt-BR, or auto.")
    return language.lower()


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
