"""What every diarizer has to do."""

from __future__ import annotations

import gc
import time
import unittest
import weakref
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.audio.intake import resample_blocks
from surtitle.conformance.engines import read_sample
from surtitle.speakers.model import LATENCIES, ActivityStream, SpeakerModel
from surtitle.speakers.timeline import FRAME, SPEAKERS, Activity
from surtitle.speakers.worker import StreamServer

_BLOCK = RATE // 10
_ACTIVE = 0.5  # probability
_TIMEOUT = 60.0  # seconds
_SHIFT = 1.3  # of the pitch and the pace of the second voice
_MARGIN = 0.5  # seconds around a turn in which anything is right


class DiarizerConformance:
    """What diarizers have in common. Override `create`, and what differs for the model."""

    latency: ClassVar[float] = 1.04
    """The latency for all tests that are not about latencies."""
    min_share: ClassVar[float] = 0.7
    """The share of each turn in which its voice has to be the only one that is active."""
    max_silent: ClassVar[float] = 0.0
    """The share of frames of silence in which somebody may be active."""
    timeout: ClassVar[float] = _TIMEOUT
    """Seconds that anything may take."""

    model: ClassVar[Any]

    @classmethod
    def create(cls) -> SpeakerModel:
        """A new model, loaded and ready."""
        raise NotImplementedError

    def voices(self) -> tuple[Samples, Samples]:
        """Three to five seconds of speech by each of two people, 16 kHz mono, shape (n,)."""
        speech = read_sample()[: 4 * RATE]
        higher = np.concatenate(list(resample_blocks([(read_sample(), round(RATE * _SHIFT))])))
        return speech, higher[: 4 * RATE]

    def break_model(self, model: Any, stream: Any) -> AbstractContextManager[object]:
        """While it is entered, steps of ``stream``, and of no other, fail. Skipped unless overridden."""
        raise unittest.SkipTest("break_model is not overridden")

    @classmethod
    def setup_class(cls) -> None:
        cls.model = cls.create()

    @classmethod
    def teardown_class(cls) -> None:
        del cls.model

    # what it finds

    def test_silence_has_no_speakers(self) -> None:
        found = self._listen(np.zeros(6 * RATE, dtype=np.float32))
        assert (found >= _ACTIVE).any(axis=1).mean() <= self.max_silent

    def test_two_voices_in_turn_are_told_apart(self) -> None:
        first, second = self.voices()
        found = self._listen(_speak(first, second, first))
        speakers, begin = [], 1.0
        for samples in (first, second, first):
            end = begin + len(samples) / RATE
            turn = found[round((begin + _MARGIN) / FRAME) : round((end - _MARGIN) / FRAME)] >= _ACTIVE
            alone = turn[turn.sum(axis=1) == 1]
            speaker = int(alone.sum(axis=0).argmax())
            share = alone[:, speaker].sum() / len(turn)
            assert share >= self.min_share, f"at {begin:.1f} s, speaker {speaker} is active in {share:.0%} of the turn"
            speakers.append(speaker)
            begin = end + 1.0
        assert speakers[0] == speakers[2] != speakers[1], speakers

    def test_frames_are_probabilities_of_few_speakers(self) -> None:
        found = self._listen(_speak(*self.voices()))
        assert found.dtype == np.float32
        assert found.ndim == 2
        assert found.shape[1] <= SPEAKERS
        assert ((found >= 0.0) & (found <= 1.0)).all()

    def test_frames_follow_each_other_and_end_with_the_audio(self) -> None:
        samples = _speak(*self.voices())
        stream = self._model.open(self.latency)
        known = 0
        for at in range(0, len(samples), _BLOCK):
            known += len(stream.feed(samples[at : at + _BLOCK]))
            assert known * FRAME <= min(len(samples), at + _BLOCK) / RATE + FRAME
        known += len(stream.flush())
        stream.close()
        assert abs(known * FRAME - len(samples) / RATE) <= FRAME

    def test_each_latency_is_kept(self) -> None:
        samples = _speak(*self.voices())
        for latency in LATENCIES:
            stream = self._model.open(latency)
            known = 0
            for at in range(0, len(samples), _BLOCK):
                known += len(stream.feed(samples[at : at + _BLOCK]))
                received = min(len(samples), at + _BLOCK) / RATE
                assert known * FRAME >= received - latency - FRAME, f"{latency:g} s, after {received:.1f} s"
            stream.close()

    def test_the_size_of_the_pieces_changes_nothing(self) -> None:
        samples = _speak(*self.voices())
        found, again = self._listen(samples), self._listen(samples, block=RATE // 3)
        assert found.shape == again.shape
        np.testing.assert_allclose(found, again, atol=0.01)

    def test_a_speaker_is_recognized_after_a_gap(self) -> None:
        first, second = self.voices()
        stream = self._model.open(self.latency)
        before = np.concatenate((stream.feed(_speak(first, second)), stream.flush()))
        after = np.concatenate((stream.feed(_speak(second)), stream.flush()))
        stream.close()
        half = len(before) // 2
        speakers = [int(part.mean(axis=0).argmax()) for part in (before[:half], before[half:], after)]
        assert speakers[0] != speakers[1] == speakers[2], speakers

    def test_a_stream_without_audio_finds_nothing(self) -> None:
        stream = self._model.open(self.latency)
        assert len(stream.feed(np.zeros(0, dtype=np.float32))) == 0
        assert len(stream.flush()) == 0
        assert len(stream.flush()) == 0
        stream.close()

    def test_streams_do_not_mix(self) -> None:
        first, second = self.voices()
        samples, other = _speak(first, second), _speak(second, first)
        alone = self._listen(samples)
        one, two = self._model.open(self.latency), self._model.open(self.latency)
        found = []
        for at in range(0, len(samples), RATE):
            found.append(one.feed(samples[at : at + RATE]))
            two.feed(other[at : at + RATE])
        found.append(one.flush())
        one.close()
        two.close()
        np.testing.assert_allclose(np.concatenate(found), alone, atol=0.01)

    # what goes wrong

    def test_closing_a_stream_leaves_the_others(self) -> None:
        samples = _speak(*self.voices())
        alone = self._listen(samples)
        one, closed = self._model.open(self.latency), self._model.open(self.latency)
        half = len(samples) // 2
        closed.feed(samples[:half])
        found = [one.feed(samples[:half])]
        closed.close()
        closed.close()
        found += [one.feed(samples[half:]), one.flush()]
        one.close()
        np.testing.assert_allclose(np.concatenate(found), alone, atol=0.01)

    def test_an_error_ends_only_its_own_stream(self) -> None:
        """In the way in which the service uses the model: by a server in the model's process."""
        samples = _speak(*self.voices())
        model = _Recorder(self._model)
        server = StreamServer(model)
        half = len(samples) // 2
        for key in (1, 2):
            server.feed(key, self.latency, 0, samples[:half].tobytes())
        with self.break_model(self._model, model.streams[0]):
            assert server.feed(1, self.latency, half, samples[half : half + 4 * RATE].tobytes()) == []
            assert server.feed(2, self.latency, half, samples[half : half + 4 * RATE].tobytes())
        rest = samples[half:].tobytes()
        replaced = server.feed(1, self.latency, half + 4 * RATE, rest) + server.flush(1)
        kept = server.feed(2, self.latency, half + 4 * RATE, rest) + server.flush(2)
        assert {stream for *_, stream in replaced} == {1}
        assert {stream for *_, stream in kept} == {0}
        assert replaced[0][0] == half + 4 * RATE
        for key in (1, 2):
            server.close(key)

    def test_a_closed_stream_is_freed(self) -> None:
        stream = self._model.open(self.latency)
        stream.feed(_speak(self.voices()[0]))
        stream.close()
        freed = weakref.ref(stream)
        del stream
        deadline = time.monotonic() + self.timeout
        while freed() is not None and time.monotonic() < deadline:
            gc.collect()
            time.sleep(0.01)
        assert freed() is None

    @property
    def _model(self) -> SpeakerModel:
        model: SpeakerModel = type(self).model
        return model

    def _listen(self, samples: Samples, block: int = _BLOCK) -> Activity:
        """The activity that a new stream finds."""
        stream = self._model.open(self.latency)
        found = [stream.feed(samples[at : at + block]) for at in range(0, len(samples), block)]
        found.append(stream.flush())
        stream.close()
        return np.concatenate(found)


class _Recorder:
    """A model that remembers the streams that were opened."""

    def __init__(self, model: SpeakerModel) -> None:
        self.streams: list[ActivityStream] = []
        self._model = model

    def open(self, latency: float) -> ActivityStream:
        self.streams.append(self._model.open(latency))
        return self.streams[-1]


def _speak(*turns: Samples) -> Samples:
    """The turns, with a second of silence before and after each."""
    silence = np.zeros(RATE, dtype=np.float32)
    parts = [silence]
    for turn in turns:
        parts += [turn, silence]
    return np.concatenate(parts)
