"""Models of speech recognition and translation, and what happens to them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypedDict

from msgspec import Meta

from surtitle.core.wire.units import Sentence


class LoadState(StrEnum):
    """What happens to a model."""

    WAITING = "waiting"
    FETCHING = "fetching"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class ModelProgress(TypedDict):
    """A model that is being fetched or loaded."""

    model: str
    state: LoadState
    done: Annotated[float | None, Meta(description="share that is fetched, 0 to 1")]
    message: Annotated[str, Meta(description="why it failed")]


class EngineDescription(TypedDict):
    """The recognizer that new sources get."""

    engine: str
    model: str
    notice: Sentence
    choice: Annotated[str, Meta(description="why this model was chosen; empty if it was configured")]
    recipient: Annotated[str, Meta(description="who receives the sound if another computer recognizes it; or empty")]


class RecognitionModel(TypedDict):
    """A recognition model that has a name."""

    name: str
    engine: Annotated[str, Meta(description="the kind of its engine")]
    bytes: int | None
    here: Annotated[bool, Meta(description="whether it is on this computer")]
    source: str
    auto: bool


class EngineKindDescription(TypedDict):
    """A kind of recognizer that is known here."""

    name: Annotated[str, Meta(description="before the colon in the names of its models")]
    title: str
    local: Annotated[bool, Meta(description="whether sound stays on the service's computer")]
    problem: Annotated[str, Meta(description="why it cannot be used, and how to change that; empty if it can be")]
    default: Annotated[str, Meta(description="the model for people who name none; may be empty")]


class TranslationModel(TypedDict):
    """A translation model that has a name."""

    name: str
    bytes: int


class TranslationModels(TypedDict):
    """All translation models that have a name."""

    models: list[TranslationModel]
    licence: str


class ModelList(TypedDict):
    """What `/api/models` answers."""

    models: list[RecognitionModel]
    engines: list[EngineKindDescription]
    loaded: list[ModelProgress]
    translation: TranslationModels
