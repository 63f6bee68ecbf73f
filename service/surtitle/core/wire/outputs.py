"""Outputs: the ways out for a channel's captions."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from surtitle.core.wire.units import Seconds, Sentence

OutputState = Literal["off", "connecting", "waiting", "sending", "refused", "behind", "failed"]
OutputKind = Literal["caption_url", "webhook", "text_file", "obs_text", "vmix", "obs"]


class OutputStatus(TypedDict):
    """A way out for a channel's captions."""

    id: str
    kind: OutputKind
    enabled: bool
    language: Annotated[str | None, Meta(description="of a translation; null for the spoken language")]
    delay: Seconds
    target: Annotated[str, Meta(description="a host, a file or a name, without anything secret")]
    state: OutputState
    message: Sentence
    sent: int
    skipped: Annotated[int, Meta(description="captions that could not be sent, or came too late")]


class OutputDescription(OutputStatus):
    """A way out with the settings of its kind."""

    settings: Annotated[
        dict[str, str | int | bool | None],
        Meta(description="without addresses and passwords, which can be set but are never returned"),
    ]


class OutputList(TypedDict):
    """The answer to `GET /api/channels/{channel}/outputs`."""

    outputs: list[OutputDescription]
