"""Captions, as readers get them: live and as a transcript."""

from __future__ import annotations

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from surtitle.core.wire.units import Clock


class CaptionEvent(TypedDict):
    """One revision of a caption. What is shown is `text` followed by `tentative`."""

    id: str
    rev: Annotated[int, Meta(description="the highest revision wins")]
    source: str
    speaker: str | None
    start: Clock
    end: Clock
    text: Annotated[str, Meta(description="committed: changes only when a person corrects it")]
    tentative: Annotated[str, Meta(description="may still change")]
    final: bool
    lang: str


class PauseEvent(TypedDict):
    """Whether the channel is paused; while it is, overlays show nothing."""

    paused: bool


class Word(TypedDict):
    """A committed word."""

    w: Annotated[str, Meta(description="the word")]
    s: Annotated[float, Meta(description="start, seconds on the channel's clock")]
    e: Annotated[float, Meta(description="end, seconds on the channel's clock")]
    p: Annotated[float, Meta(description="probability, 0 to 1")]
    join: NotRequired[Annotated[bool, Meta(description="no space before it")]]
    speaker: NotRequired[str]


class FinalCaption(TypedDict):
    """A final caption in a transcript."""

    id: str
    source: str
    speaker: str | None
    start: Clock
    end: Clock
    text: str
    lang: str
    words: list[Word]


class TranscriptJson(TypedDict):
    """A transcript in JSON."""

    captions: list[FinalCaption]


class TrackHistory(TranscriptJson):
    """A transcript, and where a reader continues after it."""

    resume: str


class ChannelTranscript(TrackHistory):
    """A channel's transcript, and where a reader continues after it."""

    channel: str
