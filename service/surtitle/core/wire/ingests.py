"""Streams whose audio the service fetches, or waits for."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from surtitle.core.wire.units import Sentence

IngestState = Literal["connecting", "waiting", "receiving", "reconnecting", "refused", "failed", "ended"]


class IngestDescription(TypedDict):
    """A stream whose audio the service fetches, or waits for."""

    id: str
    name: Annotated[str, Meta(description="the name of its source")]
    url: Annotated[str, Meta(description="its address, without passwords and keys")]
    language: str | None
    state: IngestState
    message: Sentence


class IngestList(TypedDict):
    """The streams of a channel."""

    ingests: list[IngestDescription]
