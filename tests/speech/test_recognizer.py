"""The recognizer with a scripted engine and detector: this is the boundary where both are exact."""

from __future__ import annotations

import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.core.errors import EngineError
from surtitle.core.words import Hypothesis, Word
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.recognizer import Recognizer, Update
from surtitle.speech.vad import CHUNK


class Loudness:
    """A detector that takes everything loud for speech."""

    def probability(self, chunk: Samples) -> float:
        return 1.0 if np.abs(chunk).max() > 0.1 else 0.0

    def reset(self) -> None:
        pass


class Counting:
    """An engine that hears one word, as long as the utterance; fails once when told to."""

    language = "en"
    rules = EndpointRules()

    def __init__(self, bridges: float = 0.0) -> None:
        self.bridges = bridges
        self.heard = 0
        self.utterances: list[int] = []
        self.fail = False
        self.closed = False

    def accept(self, samples: Samples, silence: float, voice: float | None = None) -> Hypothesis:
        if self.fail:
            self.fail = False
            raise EngineError("broken")
        self.heard += len(samples)
        return Hypothesis((), self._word())

    def finish(self) -> Hypothesis:
        hypothesis = Hypothesis(self._word())
        self.utterances.append(self.heard)
        self.heard = 0
        return hypothesis

    def close(self) -> None:
        self.closed = True

    def _word(self) -> tuple[Word, ...]:
        return (Word("speech", 0.0, self.heard / RATE),) if self.heard else ()


def loud(seconds: float) -> Samples:
    return np.full(round(seconds * RATE), 0.5, dtype=np.float32)


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def feed(recognizer: Recognizer, samples: Samples, size: int) -> list[Update]:
    updates: list[Update] = []
    for at in range(0, len(samples), size):
        updates += recognizer.feed(samples[at : at + size])
    return updates


def test_silence_never_reaches_the_engine() -> None:
    engine = Counting()
    recognizer = Recognizer(engine, Loudness())
    assert feed(recognizer, quiet(60), 1000) == []
    assert engine.heard == 0


def test_words_are_on_the_sources_clock_for_any_block_size() -> None:
    for size in (160, 512, 5000, 100_000):
        recognizer = Recognizer(Counting(), Loudness())
        updates = feed(recognizer, np.concatenate((quiet(5), loud(1), quiet(5), loud(2), quiet(2))), size)
        ends = [update.hypothesis.committed[0] for update in updates if update.endpoint]
        assert len(ends) == 2
        for word, start in zip(ends, (5.0, 11.0), strict=True):
            assert start - 0.45 < word.start <= start


def test_flush_ends_an_open_utterance_once() -> None:
    recognizer = Recognizer(Counting(), Loudness())
    recognizer.feed(loud(1))
    assert [update.endpoint for update in recognizer.flush()] == [True]
    assert recognizer.flush() == []


def test_a_gap_moves_the_clock() -> None:
    recognizer = Recognizer(Counting(), Loudness())
    recognizer.feed(quiet(1))
    recognizer.skip(10 * RATE)
    updates = recognizer.feed(np.concatenate((quiet(1), loud(1), quiet(1))))
    assert 11.5 < updates[-1].hypothesis.committed[0].start <= 12.0


def test_a_failing_engine_ends_the_utterance_and_the_clock_continues() -> None:
    engine = Counting()
    recognizer = Recognizer(engine, Loudness())
    recognizer.feed(loud(1))
    engine.fail = True
    updates = recognizer.feed(loud(1))
    assert [update.endpoint for update in updates] == [True]
    assert str(recognizer.failure) == "broken"
    updates = recognizer.feed(np.concatenate((loud(1), quiet(1))))
    word = updates[-1].hypothesis.committed[0]
    assert abs(word.start - 2.0) < 2 * CHUNK / RATE


def test_it_stops_at_the_first_pause_and_gives_the_rest_back() -> None:
    """In one call that is so long that utterances would be decoded together; a short pause is none."""
    engine = Counting(bridges=2.0)
    recognizer = Recognizer(engine, Loudness())
    recognizer.feed(quiet(0.3)[:4700])
    audio = np.concatenate((loud(2), quiet(0.3), loud(1), quiet(1.5), loud(2), quiet(2)))
    updates, rest = recognizer.feed_to_pause(audio, 0.5)
    assert [update.endpoint for update in updates] == [True]
    assert 3.5 < recognizer.silence + 3.3 - 0.3 < 3.7
    assert 4700 / RATE + (len(audio) - len(rest)) / RATE == pytest.approx(4700 / RATE + 3.3 + 0.6, abs=0.05)
    recognizer.feed(rest)
    recognizer.flush()
    assert len(engine.utterances) == 2
    updates, rest = Recognizer(Counting(), Loudness()).feed_to_pause(loud(4), 0.5)
    assert [update.endpoint for update in updates] == [False]
    assert rest.size == 0


def test_late_utterances_are_decoded_together() -> None:
    engine = Counting(bridges=2.0)
    recognizer = Recognizer(engine, Loudness())
    near = np.concatenate([np.concatenate((loud(1), quiet(1))) for _ in range(4)])
    recognizer.feed(np.concatenate((near, quiet(5), loud(1), quiet(1))))
    assert [round(heard / RATE) for heard in engine.utterances] == [9, 2]
    for alone, size in ((Counting(bridges=2.0), 1600), (Counting(), 100_000)):
        feed(Recognizer(alone, Loudness()), near, size)
        assert len(alone.utterances) == 4


def test_another_stream_takes_over_in_silence_or_with_the_next_utterance() -> None:
    first, second, third = Counting(), Counting(), Counting()
    recognizer = Recognizer(first, Loudness())
    recognizer.use(second)
    assert (recognizer.stream, first.closed) == (second, True)
    recognizer.feed(loud(1))
    recognizer.use(third)
    assert recognizer.stream is second
    recognizer.feed(np.concatenate((loud(1), quiet(1))))
    recognizer.feed(np.concatenate((loud(1), quiet(1))))
    assert [len(engine.utterances) for engine in (first, second, third)] == [0, 1, 1]
    recognizer.use(first)
    recognizer.close()
    assert second.closed


def test_a_waiting_stream_is_closed_with_the_recognizer() -> None:
    first, second = Counting(), Counting()
    recognizer = Recognizer(first, Loudness())
    recognizer.feed(loud(1))
    recognizer.use(second)
    recognizer.close()
    assert (first.closed, second.closed) == (True, True)


def test_boundaries_enclose_each_utterance() -> None:
    recognizer = Recognizer(Counting(), Loudness())
    for part in (quiet(1), loud(1), quiet(1), loud(0.5)):
        feed(recognizer, part, 1600)
    found = recognizer.take_boundaries()
    assert [boundary.speaking for boundary in found] == [True, False, True]
    assert [boundary.at for boundary in found] == pytest.approx([0.7, 2.0, 2.7], abs=0.15)  # with the lead-in
    assert [boundary.detected for boundary in found] == pytest.approx([1.1, 2.0, 3.1], abs=0.05)
    recognizer.flush()
    assert [boundary.speaking for boundary in recognizer.take_boundaries()] == [False]


def test_joined_utterances_are_one_between_boundaries() -> None:
    recognizer = Recognizer(Counting(bridges=2.0), Loudness())
    recognizer.feed(np.concatenate([loud(1), quiet(1), loud(1), quiet(1)]))
    assert [boundary.speaking for boundary in recognizer.take_boundaries()] == [True, False]


def test_an_utterance_that_failed_has_both_boundaries() -> None:
    engine = Counting()
    recognizer = Recognizer(engine, Loudness())
    recognizer.feed(loud(1))
    engine.fail = True
    for part in (loud(1), loud(1), quiet(1)):
        recognizer.feed(part)
    assert [boundary.speaking for boundary in recognizer.take_boundaries()] == [True, False, True, False]


def test_a_call_in_progress_returns_when_the_recognizer_is_stopped() -> None:
    engine = Counting()
    recognizer = Recognizer(engine, Loudness())
    speech = np.concatenate([loud(1), quiet(1)] * 3)

    def finish() -> Hypothesis:
        recognizer.stop()
        return Counting.finish(engine)

    engine.finish = finish  # type: ignore[method-assign]
    assert len([update for update in recognizer.feed(speech) if update.endpoint]) == 1
    assert recognizer.feed(speech) == []
