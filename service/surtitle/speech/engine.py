"""The interfaces of recognizers: engines and their streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from surtitle.audio import Samples
from surtitle.core.words import Hypothesis
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.speed import Speed


@dataclass(frozen=True, slots=True)
class Hints:
    """Hints for a recognizer, which ignores those it does not support."""

    prompt: str = ""
    """Text that could precede the speech: the recognizer follows its names, spelling and style."""
    hotwords: tuple[str, ...] = ()
    """Words to prefer if the audio is ambiguous."""


@dataclass(slots=True)
class RemoteUse:
    """What a stream has sent to another computer; times in seconds of audio."""

    recipient: str
    """Who receives the sound, for people."""
    sent: float = 0.0
    """What was sent, again included: this is what a cloud charges for."""
    lost: float = 0.0
    """What has no words because it could not be sent, or was not answered."""
    problem: str = ""
    """Why captions do not come at the moment, in one sentence."""


class Stream(Protocol):
    """One source's recognizer. Word times are seconds from the utterance's first sample."""

    @property
    def language(self) -> str:
        """The language that is being recognized, or "auto" while it is unknown."""

    @property
    def bridges(self) -> float:
        """The longest silence in seconds across which two utterances may be joined to save work; 0 for never."""

    @property
    def rules(self) -> EndpointRules:
        """The rules by which utterances end for this recognizer."""

    def accept(self, samples: Samples, silence: float, voice: float | None = None) -> Hypothesis | None:
        """Take more samples of the utterance. Returns None if there is nothing new.

        ``silence`` is the number of seconds without voice at the end of all audio so far, ``voice`` the number of
        seconds with voice in ``samples``; None if that is unknown.
        May take long: call it in a thread. Raises `EngineError`, after which `finish` returns the committed words, and
        the stream is ready for another utterance.
        """

    def finish(self) -> Hypothesis:
        """End the utterance and commit all its words. Raises `EngineError`, but not twice in a row."""

    def close(self) -> None:
        """Release the stream's memory."""


class Engine(Protocol):
    """A loaded recognizer that opens streams."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def scheduler(self) -> Scheduler:
        """Schedules turns to use the engine."""

    @property
    def step(self) -> float:
        """Seconds of audio to process at once: short if the cost grows with the length, long if it does not."""

    @property
    def languages(self) -> frozenset[str]:
        """The codes of the languages that the engine recognizes."""

    def open(self, language: str, hints: Hints = Hints()) -> Stream:
        """Open a stream for one source; ``language`` is one of `languages` or "auto".

        Call in a thread. Raises `EngineError`.
        """

    def close(self) -> None:
        """Release all resources."""


@runtime_checkable
class Measurable(Protocol):
    """An engine whose speed can be measured before anybody speaks."""

    def measure(self) -> Speed:
        """Measure how fast this computer is; call in a thread, in a turn. Raises RuntimeError, ValueError."""


@runtime_checkable
class SpeechTranslator(Protocol):
    """An engine that can also translate speech into English."""

    @property
    def translates(self) -> bool:
        """Whether its model was trained to translate."""

    def translate(self, samples: Samples, language: str) -> Iterator[str | None]:
        """Translate up to 25 s of speech into English in steps, which give None until the last, which gives the text.

        Run each step in a thread, in a background turn of its own: recognition goes first. Raises `EngineError`.
        """


@runtime_checkable
class RemoteStream(Protocol):
    """A stream that sends sound to another computer."""

    @property
    def remote_use(self) -> RemoteUse | None:
        """What it has sent; None if the stream that it wraps recognizes here."""


@runtime_checkable
class RemoteEngine(Protocol):
    """An engine that sends sound to another computer."""

    @property
    def recipient(self) -> str:
        """Who receives the sound, for people."""


def find_remote_use(stream: Stream) -> RemoteUse | None:
    """What a stream has sent to another computer; None if it recognizes on this one."""
    return stream.remote_use if isinstance(stream, RemoteStream) else None


def find_recipient(engine: Engine) -> str:
    """Who receives an engine's sound; "" if that stays on this computer."""
    return engine.recipient if isinstance(engine, RemoteEngine) else ""
