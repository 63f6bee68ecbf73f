"""Translations of a channel, and the languages there are."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from surtitle.core.wire.models import LoadState
from surtitle.core.wire.units import Seconds, Sentence

TranslationState = Literal["waiting", "fetching", "loading", "live", "behind", "failed"]


class TranslationEvent(TypedDict):
    """The state of the translation that is being read."""

    language: str
    state: TranslationState
    message: Sentence


class RunningTranslation(TypedDict):
    """A language that the channel is being translated into."""

    language: str
    name: str
    state: TranslationState
    message: Sentence
    readers: int
    pinned: bool
    lag: Seconds
    skipped: Annotated[int, Meta(description="captions that were not translated")]


class TranslationStatus(TypedDict):
    """The translations of a channel, and their model."""

    model: str | None
    state: LoadState | None
    done: Annotated[float | None, Meta(description="share of the model that is fetched, 0 to 1")]
    message: Annotated[str, Meta(description="why there is no model")]
    languages: list[RunningTranslation]


class Language(TypedDict):
    """A language to translate into."""

    tag: str
    name: str
    own_name: str
    rtl: bool


class LanguageList(TypedDict):
    """What `/api/languages` answers."""

    languages: list[Language]
