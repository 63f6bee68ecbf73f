"""What the protocol of a cloud consists of. A session does no input and output, so it can be tested on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from surtitle.audio import Samples
from surtitle.core.words import Word
from surtitle.speech.cloud.errors import CloudError, CloudName
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.engine import Hints

Message = str | bytes


@dataclass(frozen=True, slots=True)
class Ready:
    """The session is configured: audio may be sent."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Words with times in seconds from the connection's first sample, for its audio up to ``end``.

    ``final`` words do not change any more; others are replaced by the next. ``settled`` is whether the service has
    found a pause there.
    """

    words: tuple[Word, ...]
    end: float
    final: bool
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """All text of the utterance so far, without times. It only grows; with ``complete`` it is all there will be."""

    text: str
    complete: bool


@dataclass(frozen=True, slots=True)
class Language:
    """The language that the service has detected."""

    code: str


@dataclass(frozen=True, slots=True)
class Finished:
    """All results of the audio before `Session.finalize` have come."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The utterance could not be transcribed; the session continues."""

    error: CloudError


Event = Ready | Timed | Text | Language | Finished | Failed


class Session(Protocol):
    """One connection, as messages."""

    def greet(self) -> Sequence[Message]:
        """The messages after the connection is open."""

    @property
    def awaits_ready(self) -> bool:
        """Whether a `Ready` follows these messages, for which audio has to wait."""

    def begin(self) -> None:
        """Note that the next audio is that of another utterance, or of the same one from a new beginning."""

    def encode(self, samples: Samples) -> Sequence[Message]:
        """The messages with 16 kHz samples."""

    def finalize(self) -> Sequence[Message]:
        """The messages after the last audio of an utterance, which the service answers with all results."""

    def keep_alive(self) -> Sequence[Message]:
        """The messages in a long pause."""

    def close(self) -> Sequence[Message]:
        """The messages before the connection is closed."""

    def parse(self, message: Message) -> Sequence[Event]:
        """What a message says. Raises `CloudError`, after which the connection has to be closed."""


class Cloud(Protocol):
    """A kind of cloud with a model and its address."""

    @property
    def name(self) -> str:
        """The engine's name."""

    @property
    def model(self) -> str: ...

    @property
    def title(self) -> CloudName:
        """Its name in messages."""

    @property
    def languages(self) -> frozenset[str]: ...

    @property
    def rules(self) -> EndpointRules:
        """The rules by which utterances end."""

    @property
    def resumes_in_time(self) -> bool:
        """Whether results have times, so that after an interruption only what has no result yet is sent again."""

    def address(self, language: str, hints: Hints) -> str:
        """The address to connect to; ``language`` may be "auto", or "" if it does not matter."""

    def headers(self) -> Mapping[str, str]:
        """The headers with the key."""

    def open(self, language: str, hints: Hints) -> Session:
        """The messages of a new connection."""

    def explain(self, status: int, body: bytes, retry_after: float | None) -> CloudError:
        """The error for an answer to the handshake other than 101."""

    def explain_close(self, code: int, reason: str) -> CloudError:
        """The error for the end of a connection that was needed."""
