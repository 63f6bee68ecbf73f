"""One source's ears: voice activity decides, the engine's stream hears, words come out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from service.audio import RATE, Samples
from service.errors import EngineError
from service.speech.endpoint import Edge, Endpointer
from service.speech.engine import Stream
from service.speech.vad import CHUNK, Vad
from service.speech.words import Hypothesis

_LATE = 3.0  # seconds of audio at once, from which the engine is behind: utterances are then decoded together
_TOGETHER_LONGEST = 10.0  # seconds an utterance may have, to be joined with the next
_PREROLL = 10  # chunks before speech was sure (0.32 s): a first consonant is quieter than the threshold


@dataclass(frozen=True, slots=True)
class Update:
    """What is now believed of an utterance; times in seconds on the source's clock.

    ``endpoint`` says that the utterance is over: everything is committed.
    """

    hypothesis: Hypothesis
    endpoint: bool


class Recognizer:
    """Feed it 16 kHz samples; silence never reaches the engine."""

    def __init__(self, stream: Stream, vad: Vad, endpointer: Endpointer | None = None) -> None:
        self._stream = stream
        self._next: Stream | None = None
        self._vad = vad
        self._endpointer = endpointer or Endpointer(CHUNK / RATE)
        self._pending = np.zeros(0, dtype=np.float32)
        self._preroll: deque[Samples] = deque(maxlen=_PREROLL)
        self._heard = 0  # samples on the source's clock that went through the detector
        self._began = 0  # where the utterance's first sample is on that clock
        self.failure: EngineError | None = None  # the last thing that went wrong, until somebody takes note

    @property
    def speaking(self) -> bool:
        return self._endpointer.speaking

    @property
    def stream(self) -> Stream:
        """The one in use."""
        return self._stream

    @property
    def language(self) -> str:
        return self._stream.language

    def feed(self, samples: Samples) -> list[Update]:
        """Hear more; returns what changed, in order.

        An engine that fails ends the utterance with what was committed; see `failure`.
        """
        audio = np.concatenate((self._pending, samples))
        whole = len(audio) - len(audio) % CHUNK
        self._pending = audio[whole:]
        late = whole >= _LATE * RATE
        over = False  # the utterance is, but the next one may be near
        updates: list[Update] = []
        speech: list[Samples] = []
        for at in range(0, whole, CHUNK):
            chunk = audio[at : at + CHUNK]
            edge = self._endpointer.feed(self._vad.probability(chunk))
            self._heard += CHUNK
            if edge is Edge.SPEECH and not over:
                self._began = self._heard - CHUNK * (len(self._preroll) + 1)
                speech = [*self._preroll, chunk]
                self._preroll.clear()
            elif self._endpointer.speaking or edge is Edge.ENDPOINT or over:
                speech.append(chunk)
                over = not self._endpointer.speaking
                if over and not (late and self._may_go_on()):
                    updates += self._accept(speech, last=True)
                    speech, over = [], False
            else:
                self._preroll.append(chunk)
        if speech:
            updates += self._accept(speech, last=over)
        return updates

    def flush(self) -> list[Update]:
        """No more is coming, at least for now: what was said so far is an utterance."""
        pending, self._pending = self._pending, np.zeros(0, dtype=np.float32)
        updates: list[Update] = []
        self._heard += len(pending)
        if self._endpointer.speaking:
            updates += self._accept([pending], last=True)
        self._endpointer.reset()
        self._preroll.clear()
        self._vad.reset()
        return updates

    def skip(self, samples: int) -> list[Update]:
        """``samples`` of audio are missing here: end the utterance and go on after the gap."""
        updates = self.flush()
        self._heard += samples
        return updates

    def close(self) -> None:
        if self._next is not None:
            self._next.close()
        self._stream.close()

    def use(self, stream: Stream) -> None:
        """Go over to another stream: at once when nobody speaks, else with the next utterance."""
        if self._next is not None:
            self._next.close()
        self._next = stream
        if not self.speaking:
            self._change()

    def _change(self) -> None:
        if self._next is not None:
            self._stream.close()
            self._stream, self._next = self._next, None

    def _may_go_on(self) -> bool:
        """Whether the utterance may be decoded together with the next one, because the engine is behind."""
        length = (self._heard - self._began) / RATE
        return self._endpointer.silence <= self._stream.bridges and length <= _TOGETHER_LONGEST

    def _accept(self, speech: list[Samples], *, last: bool) -> list[Update]:
        samples = np.concatenate(speech)
        try:
            hypothesis = self._stream.accept(samples, self._endpointer.silence) if len(samples) else None
            if last:
                hypothesis = self._stream.finish()
        except EngineError as error:
            self.failure = error
            hypothesis, last = self._stream.finish(), True
        updates = [] if hypothesis is None else [Update(self._on_clock(hypothesis), endpoint=last)]
        if last:
            self._began = self._heard
            self._change()
        return updates

    def _on_clock(self, hypothesis: Hypothesis) -> Hypothesis:
        began = self._began / RATE
        return Hypothesis(
            tuple(word.shifted(began) for word in hypothesis.committed),
            tuple(word.shifted(began) for word in hypothesis.tentative),
        )
