"""The states of outputs, and the errors of targets, which lead to them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from surtitle.core.wire.outputs import OutputState as StateName

log = logging.getLogger("surtitle.outputs")


@dataclass(frozen=True, slots=True)
class State:
    """The state of an output; ``message`` is a sentence for people."""

    name: StateName
    message: str


OFF = State("off", "This output is switched off.")


class StateReport:
    """The state that an output reports while it runs: ``on_change`` is called when it changes.

    ``problem`` says why there are no captions to send, in one sentence, if that is so. Without captions, a target that
    works says nothing about the output.
    """

    def __init__(
        self, channel: str, target: str, problem: Callable[[], str] = str, on_change: Callable[[], None] = lambda: None
    ) -> None:
        """``channel`` and ``target`` are names for people."""
        self.own = State("connecting", f"Connecting to {target}.")
        self.on_change = on_change
        self._channel = channel
        self._problem = problem

    @property
    def current(self) -> State:
        if (problem := self._problem()) and self.own.name in ("waiting", "sending"):
            return State("failed", problem)
        return self.own

    def set(self, state: State) -> None:
        """Report the state that the target is in, and log what a person should know."""
        if state != self.own:
            if state.name in ("refused", "failed"):
                log.warning("%s: %s", self._channel, state.message)
            self.own = state
            self.on_change()


class TargetError(Exception):
    """A target did not take a text; the message is a sentence for people, without anything secret.

    ``repeatable`` says that trying again may help and cannot show the same text twice. ``outage`` says that the target
    takes no text at present, so that this one may wait, for at least ``retry_after`` seconds.
    """

    state: StateName = "failed"

    def __init__(
        self, message: str, *, repeatable: bool = False, outage: bool = False, retry_after: float = 0.0
    ) -> None:
        super().__init__(message)
        self.repeatable = repeatable
        self.outage = outage
        self.retry_after = retry_after


class TargetRefused(TargetError):
    """The target does not accept this address, token or password: a person has to do something."""

    state = "refused"


class TargetNotReady(TargetError):
    """The target takes no captions yet, because the meeting or the stream has not started."""

    state = "waiting"
