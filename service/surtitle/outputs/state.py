"""The states of outputs, and the errors of targets, which lead to them."""

from __future__ import annotations

from dataclasses import dataclass

from surtitle.core import wire


@dataclass(frozen=True, slots=True)
class State:
    """The state of an output; ``message`` is a sentence for people."""

    name: wire.OutputState
    message: str


OFF = State("off", "This output is switched off.")


class TargetError(Exception):
    """A target did not take a text; the message is a sentence for people, without anything secret.

    ``repeatable`` says that trying again may help and cannot show the same text twice.
    """

    state: wire.OutputState = "failed"

    def __init__(self, message: str, *, repeatable: bool = False) -> None:
        super().__init__(message)
        self.repeatable = repeatable


class TargetRefused(TargetError):
    """The target does not accept this address, token or password: a person has to do something."""

    state = "refused"


class TargetNotReady(TargetError):
    """The target takes no captions yet, because the meeting or the stream has not started."""

    state = "waiting"
