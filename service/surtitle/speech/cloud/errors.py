"""What goes wrong with a cloud, as one sentence for people each: what happened, and what to do. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from surtitle.core.errors import EngineError

_MAX_QUOTED = 160  # characters of what a service says
_REFUSAL_PAUSE = 60.0  # seconds until a refused request is tried again: somebody may have changed the account
_BUSY_PAUSE = 10.0  # seconds, if the service does not say when
_MAX_PAUSE = 300.0  # seconds, whatever the service says
_KEY = re.compile(r"\b(?:sk|dg|key)[-_][\w*.-]+|\b[0-9a-f]{32,}\b", re.IGNORECASE)


class CloudError(EngineError):
    """The cloud failed in a way that may be over in a moment: the connection is opened again."""


class CloudRefused(CloudError):
    """The cloud refuses the request, so it is not repeated for ``pause`` seconds."""

    def __init__(self, message: str, pause: float = _REFUSAL_PAUSE) -> None:
        super().__init__(message)
        self.pause = min(pause, _MAX_PAUSE)


@dataclass(frozen=True, slots=True)
class CloudName:
    """What messages about a cloud name: its title with its host, and the variables in which a person configures it."""

    title: str
    host: str
    key_variable: str
    url_variable: str

    @property
    def recipient(self) -> str:
        """Who receives the sound, for people."""
        return f"{self.title} ({self.host})"

    def explain_status(self, status: int, said: str, retry_after: float | None = None) -> CloudError:
        """The error for an answer to the opening handshake; ``said`` is the service's own explanation, or ""."""
        who = self.recipient
        if status == 401:
            return CloudRefused(
                f"{who} refuses the key: set a valid one in {self.key_variable} and start the service again."
            )
        if status == 402:
            return self.no_credit()
        if status == 403:
            return CloudRefused(f"{who} does not allow this key to transcribe{quote(said)}: use a key that may.")
        if status == 404:
            return CloudRefused(
                f"{who} has no such model, or nothing that transcribes is at its address{quote(said)}: check the model "
                f"and {self.url_variable}."
            )
        if status == 429:
            return self.too_many(retry_after)
        if status >= 500:
            return CloudError(
                f"{who} has failed (status {status}){quote(said)}: captions continue as soon as it works again."
            )
        if 300 <= status < 400:
            return CloudRefused(f"{who} wants to redirect to another address: set that in {self.url_variable}.")
        return CloudRefused(
            f"{who} refuses the request (status {status}){quote(said)}: choose another model or language."
        )

    def no_credit(self) -> CloudRefused:
        return CloudRefused(
            f"{self.recipient} has stopped transcribing because the account has no credit left: add credit, and "
            "captions continue within a minute."
        )

    def too_many(self, retry_after: float | None = None) -> CloudRefused:
        pause = _BUSY_PAUSE if retry_after is None else max(1.0, retry_after)
        return CloudRefused(
            f"{self.recipient} allows no more requests at the moment: captions continue when it does; use fewer "
            "sources if this happens often.",
            pause,
        )

    def unreachable(self, reason: str) -> CloudError:
        return CloudError(
            f"{self.recipient} cannot be reached ({reason}): check the network; captions continue when it answers."
        )

    def disconnected(self, said: str = "") -> CloudError:
        return CloudError(
            f"{self.recipient} has closed the connection{quote(said)}: captions continue when it is open again."
        )

    def silent(self) -> CloudError:
        return CloudError(f"{self.recipient} does not answer: check the network; captions continue when it answers.")

    def refused(self, said: str) -> CloudRefused:
        return CloudRefused(
            f"{self.recipient} refuses the request{quote(said)}: choose another model, language or vocabulary."
        )

    def failed(self, said: str) -> CloudError:
        return CloudError(f"{self.recipient} could not transcribe{quote(said)}: captions continue with the next words.")

    def not_understood(self) -> CloudRefused:
        return CloudRefused(
            f"What answers at {self.host} does not speak the protocol of {self.title}: check {self.url_variable}."
        )


def add_loss(error: EngineError, seconds: float) -> EngineError:
    """The error with the seconds of speech that it cost."""
    if seconds < 0.1:
        return error
    return EngineError(f"{error.message.removesuffix('.')}; {seconds:.1f} s of speech have no captions.")


def quote(said: str) -> str:
    """What a service says, in brackets, in one line and without anything that may be a key; "" if it says nothing."""
    text = _KEY.sub("…", " ".join(said.split()))
    text = "".join(character for character in text if character.isprintable()).strip().rstrip(".")
    if not text:
        return ""
    return f" ({text if len(text) <= _MAX_QUOTED else text[: _MAX_QUOTED - 1] + '…'})"
