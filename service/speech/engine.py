"""What a recognizer is to the rest of the service."""

from __future__ import annotations

from typing import Protocol

from service.audio import Samples
from service.speech.words import Hypothesis, Word


class Stream(Protocol):
    """One source's recognizer. Word times are seconds from the utterance's first sample."""

    @property
    def language(self) -> str:
        """The language that is being recognized, or "auto" while that is not known."""

    def accept(self, samples: Samples) -> Hypothesis | None:
        """More of the utterance; None when there is nothing new to say.

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
    def step(self) -> float:
        """Seconds of audio worth taking at once: short where the cost grows with it, long where it does not."""

    def open(self, language: str) -> Stream:
        """A stream for one source; ``language`` is a code or "auto". Call in a thread. Raises `EngineError`."""

    def close(self) -> None:
        """Give everything back."""


class Transcriber(Protocol):
    """An engine that knows nothing of streams: a window of audio in, its words out."""

    def transcribe(self, window: Samples, language: str, prompt: str, *, last: bool) -> tuple[list[Word], str]:
        """Words with times in seconds from the window's start, and the language they are in.

        ``prompt`` is what was said before the window; ``last`` asks for the best words rather than
        the fastest.
        """
