"""What a recognizer is to the rest of the service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from surtitle.audio import Samples
from surtitle.core.words import Hypothesis
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Hints:
    """What a recognizer may be told beforehand; one that can make nothing of it ignores it."""

    prompt: str = ""
    """Text that could have been said before: its names, spelling and style are followed."""
    hotwords: tuple[str, ...] = ()
    """Words to prefer where the sound allows them."""


class Stream(Protocol):
    """One source's recognizer. Word times are seconds from the utterance's first sample."""

    @property
    def language(self) -> str:
        """The language that is being recognized, or "auto" while that is not known."""

    @property
    def bridges(self) -> float:
        """Seconds of silence over which two utterances may be heard as one, when that saves work; 0 for never."""

    @property
    def rules(self) -> EndpointRules:
        """Where utterances end for this recognizer."""

    def accept(self, samples: Samples, silence: float, voice: float | None = None) -> Hypothesis | None:
        """More of the utterance; None when there is nothing new to say.

        ``silence`` is how many seconds at the end of everything heard hold no voice, ``voice`` how many seconds of
        ``samples`` hold one; None if that is not known.
        May take long: call in a thread. Raises `EngineError`, after which `finish` gives what was
        committed and the stream is ready for another utterance.
        """

    def finish(self) -> Hypothesis:
        """The utterance is over: all its words are committed. Raises `EngineError`, but not twice in a row."""

    def close(self) -> None:
        """Give the memory back."""


class Engine(Protocol):
    """A loaded recognizer that opens streams."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def scheduler(self) -> Scheduler:
        """Whose turn it is to use the engine."""

    @property
    def step(self) -> float:
        """Seconds of audio worth taking at once: short where the cost grows with it, long where it does not."""

    @property
    def languages(self) -> frozenset[str]:
        """The codes of the languages that it recognizes."""

    def open(self, language: str, hints: Hints = Hints()) -> Stream:
        """A stream for one source; ``language`` is one of `languages` or "auto".

        Call in a thread. Raises `EngineError`.
        """

    def close(self) -> None:
        """Give everything back."""


@runtime_checkable
class SpeechTranslator(Protocol):
    """An engine that can also write in English what is said in another language."""

    @property
    def translates(self) -> bool:
        """Whether its model learnt to."""

    def translate(self, samples: Samples, language: str) -> Iterator[str | None]:
        """Up to 25 s of speech in English, step by step: None until the last, which is the text.

        Run each step in a thread, in a background turn of its own: recognition goes first. Raises `EngineError`.
        """
