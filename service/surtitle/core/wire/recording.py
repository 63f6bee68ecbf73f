"""The recording of a channel."""

from __future__ import annotations

from typing import Annotated, TypedDict

from msgspec import Meta

from surtitle.core.wire.units import Seconds, Sentence


class RecordingStatus(TypedDict):
    """The recording of a channel."""

    on: bool
    automatic: Annotated[bool, Meta(description="whether every source is recorded")]
    possible: Annotated[bool, Meta(description="whether there is a folder for recordings")]
    seconds: Seconds
    bytes: int
    files: Annotated[int, Meta(description="files that are being written")]
    lost: Annotated[float, Meta(description="seconds that the disk was too slow for")]
    problem: Sentence


class EndedRecording(TypedDict):
    """A file of a recording that has been stopped."""

    session: str
    name: str
    path: str
    seconds: Seconds


class StoppedRecording(RecordingStatus):
    """The recording of a channel, after it was stopped."""

    ended: list[EndedRecording]
