"""Audio in, captions out: one source's whole way, without threads, clocks or sockets.

The live service runs it step by step in an engine's threads; `surtitle transcribe` runs it in a
loop, with more audio at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from service.audio import RATE, Samples
from service.captions.caption import Caption
from service.captions.rewrite import Rewriter, Rules
from service.captions.segment import Segmenter
from service.errors import EngineError
from service.speech.engine import Stream
from service.speech.recognizer import Recognizer, Update
from service.speech.vad import SileroVad
from service.speech.words import Hypothesis


class Pipeline:
    """Voice activity, recognition, vocabulary and segmentation of one source.

    ``offset`` is where the source's first sample is on the channel's clock, in seconds. What is from
    before that clock began has time 0. ``rules`` gives what is to be rewritten, and may give something
    else each time.
    """

    def __init__(
        self,
        stream: Stream,
        source: str,
        new_id: Callable[[], str],
        offset: float = 0.0,
        rules: Callable[[], Sequence[Rules]] = tuple,
    ) -> None:
        self._recognizer = Recognizer(stream, SileroVad())
        self._rewriter = Rewriter()
        self._rules = rules
        self._segmenter = Segmenter(source, new_id)
        self.offset = offset

    @property
    def speaking(self) -> bool:
        return self._recognizer.speaking

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

    def feed(self, samples: Samples) -> list[Caption]:
        """The captions that changed with ``samples`` (16 kHz mono)."""
        return self._captions(self._recognizer.feed(samples))

    def flush(self) -> list[Caption]:
        """The captions that become final because nothing more is coming for now."""
        return self._captions(self._recognizer.flush())

    def skip(self, seconds: float) -> list[Caption]:
        """Go on after a gap of ``seconds``; the captions that become final before it."""
        return self._captions(self._recognizer.skip(round(seconds * RATE)))

    def take_failure(self) -> EngineError | None:
        """What went wrong since the last call, if anything."""
        failure, self._recognizer.failure = self._recognizer.failure, None
        return failure

    def close(self) -> None:
        self._recognizer.close()

    def _captions(self, updates: list[Update]) -> list[Caption]:
        captions: list[Caption] = []
        for update in updates:
            hypothesis = Hypothesis(
                tuple(word.shifted(self.offset) for word in update.hypothesis.committed),
                tuple(word.shifted(self.offset) for word in update.hypothesis.tentative),
            )
            hypothesis = self._rewriter.apply(hypothesis, self._rules(), final=update.endpoint)
            captions += self._segmenter.update(hypothesis, self.language, endpoint=update.endpoint)
        return captions
