"""Recognizes one source: voice detection finds utterances, and the engine's stream turns them into words."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.core.errors import EngineError
from surtitle.core.words import Hypothesis
from surtitle.speech.endpoint import Edge, Endpointer
from surtitle.speech.engine import Stream
from surtitle.speech.vad import CHUNK, Vad

_MIN_LATE = 3.0  # seconds of audio in one call from which the engine is late: utterances are then decoded together
_MAX_JOINED = 10.0  # seconds: only a shorter utterance is joined with the next
_VOICE_THRESHOLD = 0.5  # probability from which a chunk contains voice


_MAX_BOUNDARIES = 256  # that are kept for a caller who does not ask for them


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where an utterance begins (``speaking``) or the voice in it ends; in seconds on the source's clock.

    An utterance begins some time before its speech is ``detected``, as much as its engine needs; at an end, both are
    the same.
    """

    at: float
    detected: float
    speaking: bool

    def shift(self, seconds: float) -> Boundary:
        """The boundary ``seconds`` later; nothing is before 0."""
        return Boundary(max(0.0, self.at + seconds), max(0.0, self.detected + seconds), self.speaking)


@dataclass(frozen=True, slots=True)
class Update:
    """The newest hypothesis for an utterance; times in seconds on the source's clock.

    With ``endpoint``, the utterance is over, and everything is committed.
    """

    hypothesis: Hypothesis
    endpoint: bool


class Recognizer:
    """Turns 16 kHz samples into updates; silence never reaches the engine."""

    def __init__(self, stream: Stream, vad: Vad, endpointer: Endpointer | None = None) -> None:
        self._stream = stream
        self._next: Stream | None = None
        self._vad = vad
        self._endpointer = endpointer or Endpointer(CHUNK / RATE, stream.rules)
        self._pending = np.zeros(0, dtype=np.float32)
        self._lead_in = self._new_lead_in()
        self._voice = 0.0  # seconds of voice that have not been reported to the stream
        self._processed = 0  # samples processed by the detector, on the source's clock
        self._start = 0  # the utterance's first sample, on the same clock
        self._detected = 0  # where its speech was detected, on the same clock
        self.failure: EngineError | None = None  # the last error, until the caller resets it
        self._stopped = False
        self._in_utterance = False
        self._boundaries: deque[Boundary] = deque(maxlen=_MAX_BOUNDARIES)

    @property
    def speaking(self) -> bool:
        return self._endpointer.speaking

    @property
    def silence(self) -> float:
        """Seconds without voice at the end of the audio, after the last utterance; 0 during one."""
        return 0.0 if self._endpointer.speaking else self._endpointer.silence

    @property
    def stream(self) -> Stream:
        """The stream in use."""
        return self._stream

    @property
    def language(self) -> str:
        return self._stream.language

    def feed(self, samples: Samples) -> list[Update]:
        """Process 16 kHz samples; returns the updates in order.

        If the engine fails, the utterance ends with its committed words; see `failure`.
        """
        return self._feed(samples)[0]

    def feed_to_pause(self, samples: Samples, pause: float) -> tuple[list[Update], Samples]:
        """Like `feed`, but stop when `silence` reaches ``pause`` seconds. Returns the samples after that as well."""
        return self._feed(samples, pause)

    def _feed(self, samples: Samples, pause: float | None = None) -> tuple[list[Update], Samples]:
        audio = np.concatenate((self._pending, samples))
        whole = len(audio) - len(audio) % CHUNK
        self._pending = audio[whole:]
        late = whole >= _MIN_LATE * RATE and pause is None  # an utterance that is joined with the next has no end
        over = False  # the utterance has ended, but it may be joined with the next one
        updates: list[Update] = []
        speech: list[Samples] = []
        for at in range(0, whole, CHUNK):
            if self._stopped:
                return updates, audio[:0]
            chunk = audio[at : at + CHUNK]
            probability = self._vad.probability(chunk)
            edge = self._endpointer.feed(probability)
            self._processed += CHUNK
            self._voice += CHUNK / RATE if probability >= _VOICE_THRESHOLD else 0.0
            if edge is Edge.SPEECH and not over:
                self._start = self._processed - CHUNK * (len(self._lead_in) + 1)
                self._detected = self._processed
                speech = [*self._lead_in, chunk]
                self._lead_in.clear()
            elif self._endpointer.speaking or edge is Edge.ENDPOINT or over:
                speech.append(chunk)
                over = not self._endpointer.speaking
                if over and not (late and self._may_join_next()):
                    updates += self._accept(speech, last=True)
                    speech, over = [], False
            else:
                self._lead_in.append(chunk)
                if not probability >= _VOICE_THRESHOLD:
                    self._voice = 0.0  # it was not speech
            if pause is not None and self.silence >= pause:
                self._pending = audio[:0]
                return updates, audio[at + CHUNK :]
        if speech:
            updates += self._accept(speech, last=over)
        return updates, audio[:0]

    def flush(self) -> list[Update]:
        """End the utterance, because no more audio is expected for now."""
        pending, self._pending = self._pending, np.zeros(0, dtype=np.float32)
        updates: list[Update] = []
        self._processed += len(pending)
        if self._endpointer.speaking:
            updates += self._accept([pending], last=True)
        self._endpointer.reset()
        self._lead_in.clear()
        self._voice = 0.0
        self._vad.reset()
        return updates

    def skip(self, samples: int) -> list[Update]:
        """Skip a gap of ``samples`` in the audio: end the utterance and continue after the gap."""
        updates = self.flush()
        self._processed += samples
        return updates

    def take_boundaries(self) -> list[Boundary]:
        """The boundaries of utterances since the last call, in order. Those of one utterance enclose its words."""
        boundaries = list(self._boundaries)
        self._boundaries.clear()
        return boundaries

    def stop(self) -> None:
        """Let a call in progress return soon, without recognizing the rest of its audio. From any thread."""
        self._stopped = True

    def close(self) -> None:
        if self._next is not None:
            self._next.close()
        self._stream.close()

    def use(self, stream: Stream) -> None:
        """Switch to another stream: at once if nobody is speaking, otherwise with the next utterance."""
        if self._next is not None:
            self._next.close()
        self._next = stream
        if not self.speaking:
            self._switch_stream()

    def _switch_stream(self) -> None:
        if self._next is not None:
            self._stream.close()
            self._stream, self._next = self._next, None
            self._endpointer.rules = self._stream.rules
            self._lead_in = self._new_lead_in()

    def _new_lead_in(self) -> deque[Samples]:
        """A buffer for the chunks before speech is certain, with the length that the stream needs."""
        return deque(maxlen=round(self._endpointer.rules.lead_in * RATE / CHUNK))

    def _may_join_next(self) -> bool:
        """Whether the utterance may be decoded together with the next one, because the engine is behind."""
        length = (self._processed - self._start) / RATE
        return self._endpointer.silence <= self._stream.bridges and length <= _MAX_JOINED

    def _accept(self, speech: list[Samples], *, last: bool) -> list[Update]:
        samples = np.concatenate(speech)
        if not self._in_utterance:
            self._in_utterance = True
            self._boundaries.append(Boundary(self._start / RATE, self._detected / RATE, speaking=True))
        try:
            voice, self._voice = self._voice, 0.0
            hypothesis = self._stream.accept(samples, self._endpointer.silence, voice) if len(samples) else None
            if last:
                hypothesis = self._stream.finish()
        except EngineError as error:
            self.failure = error
            hypothesis, last = self._stream.finish(), True
        updates = [] if hypothesis is None else [Update(self._move_to_clock(hypothesis), endpoint=last)]
        if last:
            voice_end = max(self._start / RATE, self._processed / RATE - self._endpointer.silence)
            self._in_utterance = False
            self._boundaries.append(Boundary(voice_end, voice_end, speaking=False))
            self._start = self._detected = self._processed
            self._switch_stream()
        return updates

    def _move_to_clock(self, hypothesis: Hypothesis) -> Hypothesis:
        start = self._start / RATE
        return Hypothesis(
            tuple(word.shift(start) for word in hypothesis.committed),
            tuple(word.shift(start) for word in hypothesis.tentative),
        )
