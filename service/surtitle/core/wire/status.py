"""The state of the service and of its channels."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from surtitle.core.wire.access import PageLinks
from surtitle.core.wire.alerts import Alert, AlertStatus
from surtitle.core.wire.ingests import IngestDescription
from surtitle.core.wire.models import EngineDescription, ModelProgress
from surtitle.core.wire.obs import ClosedCaptionsStatus, SceneStatus
from surtitle.core.wire.outputs import OutputStatus
from surtitle.core.wire.recording import RecordingStatus
from surtitle.core.wire.sources import SourceStatus
from surtitle.core.wire.speakers import DiarizationStatus
from surtitle.core.wire.translation import TranslationStatus
from surtitle.core.wire.units import Sentence, Share


class ChannelBasics(TypedDict):
    """A channel with its sources."""

    name: str
    service: NotRequired[Annotated[str, Meta(description="the one that captions the channel, if it is another one")]]
    readers: int
    obs_overlays: Annotated[int, Meta(description="those of the readers that are browser sources in OBS")]
    captions: int
    language: str | None
    model: str | None
    paused: bool
    switch: Annotated[ModelProgress | None, Meta(description="the model that the channel is changing to")]
    diarization: DiarizationStatus
    sources: list[SourceStatus]


class ChannelStatus(ChannelBasics):
    """A channel with its sources, streams, outputs, scenes, alerts, recording and translations."""

    ingests: list[IngestDescription]
    closed_captions: ClosedCaptionsStatus
    scenes: SceneStatus
    outputs: list[OutputStatus]
    alerts: AlertStatus
    recording: RecordingStatus
    translation: TranslationStatus


class ChannelForReaders(TypedDict):
    """What the pages of readers need of a channel's state."""

    name: str
    language: str | None
    translation: TranslationStatus


class UpdateState(StrEnum):
    """What is known about a newer version of the program; without updates, it is updated by other means."""

    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"
    CHECKING = "checking"
    CURRENT = "current"
    AVAILABLE = "available"
    FETCHING = "fetching"
    READY = "ready"
    FAILED = "failed"


class ProgramUpdate(TypedDict):
    """A newer version of the program."""

    state: UpdateState
    version: Annotated[str, Meta(description="the newer one; empty if none is known")]
    done: Annotated[Share | None, Meta(description="of the download")]
    message: Annotated[Sentence, Meta(description="what failed")]


class ProgramStatus(TypedDict):
    """The program on the person's computer that runs the service."""

    autostart: Annotated[bool, Meta(description="whether it starts with the computer")]
    check_for_updates: Annotated[bool, Meta(description="whether it looks for a newer version each day")]
    update: ProgramUpdate


class ServiceBasics(EngineDescription):
    """The state of the service, without its channels."""

    loading: Annotated[ModelProgress | None, Meta(description="the default model while it is on its way")]
    demo: bool
    alerts: Annotated[list[Alert], Meta(description="those of the whole service, such as of the disk")]
    program: Annotated[ProgramStatus | None, Meta(description="None if the service was started in another way")]


class ServiceStatus(ServiceBasics):
    """What `/api/status` sends whenever it changes."""

    channels: list[ChannelStatus]
    links: NotRequired[Annotated[dict[str, PageLinks], Meta(description="by channel, where pages need a token")]]
