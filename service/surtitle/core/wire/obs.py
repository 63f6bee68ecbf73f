"""OBS: events for the script, closed captions and scenes."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from surtitle.core.wire.sources import SourceState
from surtitle.core.wire.units import Seconds, Sentence

ClosedCaptionsState = Literal[
    "off", "connecting", "not_connected", "not_streaming", "refused", "sending", "wrong_password"
]
SceneState = Literal["off", "connecting", "not_connected", "wrong_password", "connected"]


class ObsScreen(TypedDict):
    """The next screen of closed captions."""

    event: Literal["screen"]
    text: str


class ObsOverlay(TypedDict):
    """The text for a text source."""

    event: Literal["overlay"]
    text: str


class ObsTicket(TypedDict):
    """A key with which OBS publishes audio once."""

    event: Literal["ticket"]
    ticket: str


class ObsSource(TypedDict):
    """The source that OBS publishes."""

    name: str
    state: SourceState
    engine: str
    seconds: Annotated[int, Meta(description="seconds of audio received")]
    lag: Seconds


class ObsState(TypedDict):
    """What the script shows to the person who uses OBS."""

    event: Literal["state"]
    source: ObsSource | None
    caption: Annotated[str, Meta(description="the newest caption on screen")]
    closed_captions: Annotated[Literal["service", "script", "off"], Meta(description="what sends them")]
    refusal: Annotated[str, Meta(description="why closed captions cannot be written in this language")]
    page: NotRequired[Annotated[str, Meta(description="the overlay's address, where pages need a token")]]


class ClosedCaptionsStatus(TypedDict):
    """Closed captions in OBS."""

    by: Annotated[Literal["obs-websocket", "script"] | None, Meta(description="who sends them")]
    state: ClosedCaptionsState
    message: Sentence
    text: Annotated[str, Meta(description="what viewers see")]
    sent: int
    skipped: Annotated[int, Meta(description="words that came too late to be sent")]


class SceneStatus(TypedDict):
    """The scenes in OBS during which captions pause."""

    state: SceneState
    message: Sentence
    scene: Annotated[str, Meta(description="the scene on program; empty if it is not known")]
    paused: Annotated[bool, Meta(description="whether this scene pauses captions")]
