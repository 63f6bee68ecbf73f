"""Diarization and known voices."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from surtitle.core.wire.units import Timestamp

DiarizationState = Literal["off", "missing", "loading", "ready", "failed"]


class DiarizationStatus(TypedDict):
    """Whether speakers are told apart, and the state of the model that does it."""

    enabled: bool
    state: DiarizationState
    message: Annotated[str, Meta(description="why it failed, or what is missing")]
    voices: Annotated[int, Meta(description="people whose voices are known")]


class VoiceEntry(TypedDict):
    """A person whose voice is known."""

    id: str
    name: str
    added: Timestamp
    seconds: Annotated[float, Meta(description="of speech from which the voice is known")]


class VoiceList(TypedDict):
    """The known voices of a channel."""

    voices: list[VoiceEntry]
