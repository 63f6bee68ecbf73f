"""Sessions, their recordings and their second pass."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from surtitle.core.wire.units import Clock, Seconds, Sentence, Share, Timestamp


class JobState(StrEnum):
    """What happens to a second pass."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Change(StrEnum):
    """What a second pass did with words."""

    SAME = "same"
    REMOVED = "gone"
    ADDED = "new"


class SessionAudio(TypedDict):
    """The mix of a session's recordings."""

    start: Clock
    seconds: Seconds
    ready: Share


class SessionRecording(TypedDict):
    """The recording of one source."""

    file: str
    source: str
    start: Clock
    seconds: Seconds
    bytes: int
    problem: Sentence


class SessionObsRecording(TypedDict):
    """A recording that OBS made during a session; ``file`` is its path on the computer with OBS, or empty."""

    number: int
    file: str
    start: Clock
    seconds: Annotated[float | None, Meta(description="null while it is made")]


class SessionSpeaker(TypedDict):
    """Somebody who speaks in a session; ``shown`` is the name that readers see."""

    name: str
    shown: str


class SecondPass(TypedDict):
    """A second transcription of a session."""

    state: JobState
    done: Share
    message: Sentence


class SearchHit(TypedDict):
    """A caption with the words that were searched for."""

    start: Clock
    text: str
    lang: str


class Session(TypedDict):
    """What was said on a channel without a long break."""

    id: str
    channel: str
    began: Timestamp
    ended: Annotated[float | None, Meta(description="seconds since 1970; null until it has ended")]
    captions: int
    seconds: Seconds
    beginning: Annotated[str, Meta(description="the first words")]
    versions: list[str]
    languages: Annotated[list[str], Meta(description="of its translations")]
    recording: bool
    audio: SessionAudio | None
    recordings: list[SessionRecording]
    obs_recordings: NotRequired[list[SessionObsRecording]]
    speakers: NotRequired[list[SessionSpeaker]]
    polish: NotRequired[SecondPass | None]
    hits: NotRequired[list[SearchHit]]


class SessionList(TypedDict):
    """What `/api/sessions` answers."""

    sessions: list[Session]


class DifferenceLine(TypedDict):
    """Consecutive words of one voice, in parts that are in both versions or in one."""

    start: Clock
    voice: str
    parts: list[tuple[Change, str]]


class SessionDifference(TypedDict):
    """What the second pass changed."""

    words: int
    new: int
    gone: int
    lines: list[DifferenceLine]
