"""Alerts, on the dashboard and for webhooks."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from surtitle.core.wire.units import Timestamp

AlertKind = Literal["no_sound", "stopped", "no_words", "lag", "output", "disk", "test"]
AlertState = Literal["raised", "recovered"]


class Alert(TypedDict):
    """Something that keeps captions from their readers, from when it is raised until it is well again."""

    id: str
    kind: AlertKind
    subject: Annotated[str, Meta(description="the name of a source or of an output; empty for the disk")]
    since: Timestamp
    message: Annotated[str, Meta(description="one sentence: what happened and what to do")]


class AlertStatus(TypedDict):
    """The alerts of a channel."""

    active: list[Alert]
    problem: Annotated[str, Meta(description="why the last alert could not be sent; empty if it was")]


class AlertMessage(Alert):
    """What a webhook gets when an alert is raised, and again when it is over."""

    event: Literal["alert"]
    channel: Annotated[str | None, Meta(description="null for an alert of the whole service")]
    state: AlertState
