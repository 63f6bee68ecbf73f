"""Finds the starts and ends of utterances with a state machine over speech probabilities. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Edge(Enum):
    """The change at the last chunk."""

    NONE = auto()
    SPEECH = auto()
    ENDPOINT = auto()


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """The rules by which utterances begin and end: ``on`` and ``off`` are probabilities, all others are seconds.

    The silence that ends an utterance shrinks as the utterance grows, so that the speech of a person who
    hardly pauses is still divided in a pause rather than in a word.
    """

    on: float = 0.5
    off: float = 0.35
    min_speech: float = 0.096
    silence: float = 0.6
    hurried_after: float = 8.0
    hurried_silence: float = 0.3
    pressed_after: float = 14.0
    pressed_silence: float = 0.1
    longest: float = 22.0
    lead_in: float = 0.32
    """Audio before the detection of speech that belongs to the utterance, because a first consonant may be quiet."""

    def silence_after(self, length: float) -> float:
        """The silence in seconds that ends an utterance of ``length`` seconds."""
        if length >= self.pressed_after:
            return self.pressed_silence
        if length >= self.hurried_after:
            return self.hurried_silence
        return self.silence


class Endpointer:
    """Takes one probability per chunk, and reports an endpoint when the silence is long enough."""

    def __init__(self, chunk_seconds: float, rules: EndpointRules = EndpointRules()) -> None:
        self._chunk = chunk_seconds
        self.rules = rules
        self.reset()

    def reset(self) -> None:
        self.speaking = False
        self.silence = 0.0
        """Seconds without voice up to now."""
        self._voiced = 0.0
        self._length = 0.0

    def feed(self, probability: float) -> Edge:
        if self.speaking:
            return self._feed_utterance(probability)
        self.silence += self._chunk
        self._voiced = self._voiced + self._chunk if probability >= self.rules.on else 0.0
        if self._voiced < self.rules.min_speech:
            return Edge.NONE
        self.speaking = True
        self._length, self.silence = self._voiced, 0.0
        return Edge.SPEECH

    def _feed_utterance(self, probability: float) -> Edge:
        self._length += self._chunk
        if probability >= self.rules.on:
            self.silence = 0.0
        elif probability < self.rules.off or self.silence:
            self.silence += self._chunk
        if self.silence < self.rules.silence_after(self._length) and self._length < self.rules.longest:
            return Edge.NONE
        self.speaking = False
        self._voiced = 0.0
        return Edge.ENDPOINT
