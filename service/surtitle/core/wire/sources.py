"""A source of audio or text: its state, the messages to its client, and the streams that the service fetches."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from surtitle.core.wire.captions import Word
from surtitle.core.wire.units import Clock, Seconds, Sentence


class SourceState(StrEnum):
    """A source is away while its client is disconnected and may return."""

    LIVE = "live"
    AWAY = "away"
    ENDED = "ended"


class SourceEvent(TypedDict):
    """The state of a source."""

    source: str
    state: SourceState
    engine: str
    language: str
    speaking: bool


Recipient = Annotated[
    str, Meta(description="who receives the sound if another computer recognizes it; empty if this one does")
]


class SourceStart(TypedDict):
    """The source that was started or resumed."""

    channel: str
    source: str
    engine: str
    recipient: Recipient
    language: str
    resume: str | None
    resumed: bool
    received: Annotated[float, Meta(description="seconds of this source that the service has already")]
    clock: Annotated[float, Meta(description="the source's first sample, in seconds on the channel's clock")]


class ReadyMessage(SourceStart):
    """The answer to `start`."""

    type: Literal["ready"]


class StatusMessage(TypedDict):
    """Something to know about the recognition of this source."""

    type: Literal["status"]
    engine: NotRequired[str]
    recipient: NotRequired[Recipient]
    notice: Sentence


class LagMessage(TypedDict):
    """Recognition is behind, or has caught up."""

    type: Literal["lag"]
    seconds: Seconds
    skipped: Seconds


class PublishedCaption(TypedDict):
    """A caption of a publisher's own source."""

    id: str
    rev: int
    text: str
    speaker: NotRequired[str]
    ts: Clock
    te: Clock


class PartialMessage(PublishedCaption):
    """A caption that is still open."""

    type: Literal["partial"]
    stable: Annotated[int, Meta(description="characters at the beginning of `text` that are committed")]


class FinalMessage(PublishedCaption):
    """A caption that is final."""

    type: Literal["final"]
    words: list[Word]


class EndMessage(TypedDict):
    """All audio has been recognized."""

    type: Literal["end"]


class PublishSummary(SourceStart):
    """The answer to audio in a request's body, when all of it has been recognized."""

    type: Literal["end"]
    seconds: Annotated[float, Meta(description="seconds of audio received")]
    skipped: Seconds
    captions: int


class PublishSummaryWithNotice(PublishSummary):
    """The same, if there was something to know about the recognition."""

    notice: Sentence


class CartReceipt(TypedDict):
    """The answer to a captioner's text."""

    source: Annotated[str, Meta(description="the name that readers see")]
    seq: Annotated[int | None, Meta(description="the highest number so far")]


class RemoteStatus(TypedDict):
    """What a source has sent to a recognizer on another computer."""

    recipient: str
    sent: Annotated[float, Meta(description="seconds of audio, for which a cloud charges")]
    lost: Annotated[float, Meta(description="seconds of speech that have no captions because sending them failed")]


class SourceStatus(TypedDict):
    """One source of a channel."""

    name: str
    id: str
    state: SourceState
    engine: str
    model: str
    language: str
    notice: Sentence
    speaking: bool
    level: Annotated[float, Meta(description="decibels below full scale")]
    seconds: Annotated[float, Meta(description="seconds of audio received")]
    lag: Seconds
    skipped: Seconds
    waiting: Annotated[float, Meta(description="seconds of audio that are not recognized yet")]
    standby: Annotated[bool, Meta(description="whether it is not captioned, because another source is")]
    captions: int
    pace: Annotated[int, Meta(description="words a minute")]
    speakers_skipped: Annotated[float | None, Meta(description="seconds left out by the diarization; null without it")]
    remote: Annotated[RemoteStatus | None, Meta(description="null if all was recognized on this computer")]
