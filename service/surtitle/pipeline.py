"""Audio in, captions out: one source's whole way, without threads, clocks or sockets.

The live service runs it step by step in an engine's threads; `surtitle transcribe` runs it in a
loop, with more audio at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from surtitle.audio import RATE, Samples
from surtitle.captions.caption import Caption
from surtitle.captions.segmenter import Segmenter
from surtitle.core.errors import EngineError
from surtitle.core.words import Hypothesis
from surtitle.speakers.attribution import AttributedWords, Attribution
from surtitle.speakers.timeline import SpeakerNumbering, Timeline
from surtitle.speech.engine import Stream
from surtitle.speech.recognizer import Boundary, Recognizer, Update
from surtitle.speech.vad import SileroVad
from surtitle.vocabulary.substituter import PhraseRules, Substituter


class Pipeline:
    """Voice activity, recognition, vocabulary, speakers and segmentation of one source.

    ``offset`` is where the source's first sample is on the channel's clock, in seconds. What is from
    before that clock began has time 0. ``rules`` gives what is to be rewritten, and may give something
    else each time. ``label`` names speakers by their numbers.
    """

    def __init__(
        self,
        stream: Stream,
        source: str,
        new_id: Callable[[], str],
        offset: float = 0.0,
        rules: Callable[[], Sequence[PhraseRules]] = tuple,
        label: Callable[[int], str] | None = None,
    ) -> None:
        self._recognizer = Recognizer(stream, SileroVad())
        self._rewriter = Substituter()
        self._rules = rules
        self._attribution = Attribution(label or SpeakerNumbering().of(source))
        self._segmenter = Segmenter(source, new_id)
        self._heard = 0  # samples on the source's clock
        self._boundaries: list[Boundary] = []  # that were not taken yet
        self.offset = offset

    @property
    def speaking(self) -> bool:
        return self._recognizer.speaking

    @property
    def silence(self) -> float:
        """Seconds without voice at the end of the audio, after the last utterance; 0 during one."""
        return self._recognizer.silence

    @property
    def language(self) -> str:
        return self._recognizer.language

    @property
    def stream(self) -> Stream:
        """The recognizer's stream that is in use."""
        return self._recognizer.stream

    def use(self, stream: Stream) -> None:
        """Recognize with another stream from the next utterance on; the one before is closed then."""
        self._recognizer.use(stream)

    def listen(self, timeline: Timeline | None, patience: float = 0.0) -> None:
        """Take speakers from ``timeline``; words may wait ``patience`` seconds for them. From any thread."""
        self._attribution.patience = patience
        self._attribution.timeline = timeline

    def feed(self, samples: Samples) -> list[Caption]:
        """The captions that changed with ``samples`` (16 kHz mono)."""
        return self._feed(samples, self._recognizer.feed(samples))

    def feed_to_pause(self, samples: Samples, pause: float) -> tuple[list[Caption], Samples]:
        """Like `feed`, but stop when `silence` reaches ``pause`` seconds. Returns the samples after that as well."""
        updates, rest = self._recognizer.feed_to_pause(samples, pause)
        return self._feed(samples[: len(samples) - len(rest)], updates), rest

    def flush(self) -> list[Caption]:
        """The captions that become final because nothing more is coming for now."""
        return self._captions(self._recognizer.flush()) + self._segmented(self._attribution.release())

    def skip(self, seconds: float) -> list[Caption]:
        """Continue after a gap of ``seconds``; returns the captions that become final before it."""
        gap = round(seconds * RATE)
        captions = self._captions(self._recognizer.skip(gap)) + self._segmented(self._attribution.release())
        self._heard += gap
        return captions

    def take_late(self) -> list[Caption]:
        """Captions that are final already, and now have a speaker."""
        return self._attribution.take_late()

    def take_boundaries(self) -> list[Boundary]:
        """Where utterances began and ended since the last call, in seconds on the channel's clock.

        The end of an utterance comes after its last words, which may wait for their speakers.
        """
        self._boundaries += [boundary.shift(self.offset) for boundary in self._recognizer.take_boundaries()]
        ends = [at for at, boundary in enumerate(self._boundaries) if not boundary.speaking]
        unfinished = self._attribution.unfinished
        ready = ends[-unfinished:][0] if unfinished and ends else len(self._boundaries)
        taken, self._boundaries = self._boundaries[:ready], self._boundaries[ready:]
        return taken

    def take_failure(self) -> EngineError | None:
        """What went wrong since the last call, if anything."""
        failure, self._recognizer.failure = self._recognizer.failure, None
        return failure

    def stop(self) -> None:
        """Let a call in progress return soon, without recognizing the rest of its audio. From any thread."""
        self._recognizer.stop()

    def close(self) -> None:
        self._recognizer.close()

    def _feed(self, samples: Samples, updates: list[Update]) -> list[Caption]:
        self._heard += len(samples)
        captions = self._captions(updates)
        return captions + self._segmented(self._attribution.settle(self._position))

    def _captions(self, updates: list[Update]) -> list[Caption]:
        captions: list[Caption] = []
        for update in updates:
            hypothesis = Hypothesis(
                tuple(word.shift(self.offset) for word in update.hypothesis.committed),
                tuple(word.shift(self.offset) for word in update.hypothesis.tentative),
            )
            hypothesis = self._rewriter.apply(hypothesis, self._rules(), final=update.endpoint)
            attributed = self._attribution.update(hypothesis, self._position, endpoint=update.endpoint)
            captions += self._segmented(attributed)
        return captions

    def _segmented(self, updates: list[AttributedWords]) -> list[Caption]:
        captions: list[Caption] = []
        for update in updates:
            captions += self._segmenter.update(update.hypothesis, self.language, endpoint=update.endpoint)
        for caption in captions:
            self._attribution.keep(caption)
        return captions

    @property
    def _position(self) -> float:
        """How far it has heard, in seconds on the channel's clock."""
        return self.offset + self._heard / RATE
