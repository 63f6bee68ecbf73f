"""What every engine has to do."""

from __future__ import annotations

import asyncio
import gc
import re
import time
import unittest
import weakref
from contextlib import AbstractContextManager, suppress
from difflib import SequenceMatcher
from functools import cache
from typing import Any, ClassVar

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks
from surtitle.core.errors import EngineError
from surtitle.core.words import Word, join
from surtitle.demo import SAMPLE
from surtitle.speech.engine import Engine, Stream
from surtitle.speech.recognizer import Recognizer, Update
from surtitle.speech.vad import SileroVad
from surtitle.text.languages import AUTO

_BLOCK = RATE // 10
_TIMEOUT = 60.0  # seconds


@cache
def read_sample() -> Samples:
    """Eight seconds of English speech that come with Surtitle, 16 kHz."""
    return np.concatenate(list(resample_blocks(decode(str(SAMPLE)))))[: 8 * RATE]


class EngineConformance:
    """What engines have in common. Override `create`, and what differs for the engine."""

    language: ClassVar[str] = "en"
    text: ClassVar[str] = (
        "Good evening, and welcome to the show. The words that you read are written down while I am speaking."
    )
    """The beginning of what is said in `samples`."""
    min_similarity: ClassVar[float] = 0.6
    """The share of `text` that has to be recognized."""
    timeout: ClassVar[float] = _TIMEOUT
    """Seconds that anything may take."""

    engine: ClassVar[Any]
    _updates: ClassVar[list[Update] | None]

    @classmethod
    def create(cls) -> Engine:
        """A new engine, loaded and ready."""
        raise NotImplementedError

    def samples(self) -> Samples:
        """Speech in `language`, 16 kHz mono, shape (n,), with pauses before and after it."""
        silence = np.zeros(RATE, dtype=np.float32)
        return np.concatenate((silence, read_sample(), silence))

    def break_decoding(self, engine: Any, stream: Any) -> AbstractContextManager[object]:
        """While it is entered, recognition in ``stream`` fails with `EngineError`. Skipped unless overridden."""
        raise unittest.SkipTest("break_decoding is not overridden")

    @classmethod
    def setup_class(cls) -> None:
        cls.engine, cls._updates = cls.create(), None

    @classmethod
    def teardown_class(cls) -> None:
        cls.engine.close()
        cls.engine.close()  # twice is the same as once
        del cls.engine

    # what an engine says of itself

    def test_it_knows_the_language_that_it_is_tested_in(self) -> None:
        engine = self._engine
        assert engine.name
        assert engine.model
        assert engine.step > 0
        assert self.language in engine.languages
        assert AUTO not in engine.languages

    # what it recognizes

    def test_speech_becomes_words(self) -> None:
        heard = join(self._committed())
        similarity = _similarity(self.text, heard)
        assert similarity >= self.min_similarity, f"{similarity:.2f} of the text is in {heard!r}"

    def test_words_are_in_order_and_inside_the_audio(self) -> None:
        end, earliest = len(self.samples()) / RATE, 0.0
        for word in self._committed():
            assert word.text == word.text.strip() != ""
            assert 0.0 <= word.start <= word.end <= end, word
            assert word.start >= earliest, word
            assert 0.0 <= word.probability <= 1.0, word
            earliest = word.start

    def test_committed_words_never_change(self) -> None:
        before: tuple[Word, ...] = ()
        for update in self._recognize_once():
            committed = update.hypothesis.committed
            assert committed[: len(before)] == before
            before = () if update.endpoint else committed

    def test_words_are_shown_before_the_utterance_ends(self) -> None:
        assert any(not each.endpoint and any(_words(each)) for each in self._recognize_once())

    def test_an_endpoint_commits_all_words(self) -> None:
        endings = [update for update in self._recognize_once() if update.endpoint]
        assert endings
        assert all(not update.hypothesis.tentative for update in endings)

    def test_silence_gives_no_words(self) -> None:
        stream = self._engine.open(self.language)
        try:
            for heard in range(1, 4):
                hypothesis = stream.accept(np.zeros(RATE, dtype=np.float32), float(heard), 0.0)
                assert hypothesis is None or not hypothesis.committed + hypothesis.tentative
            hypothesis = stream.finish()
            assert hypothesis.committed + hypothesis.tentative == ()
        finally:
            stream.close()

    def test_an_utterance_without_audio_gives_no_words(self) -> None:
        stream = self._engine.open(self.language)
        try:
            assert stream.finish().committed == ()
            assert stream.finish().committed == ()
        finally:
            stream.close()

    def test_a_language_is_one_that_it_knows_or_not_known_yet(self) -> None:
        known = {*self._engine.languages, AUTO}
        for language in (self.language, AUTO):
            stream = self._engine.open(language)
            try:
                assert stream.language in known
                stream.accept(self.samples()[: 4 * RATE], 0.0, 2.5)
                stream.finish()
                assert stream.language in known
                if language != AUTO:
                    assert stream.language == language
            finally:
                stream.close()

    def test_a_second_utterance_begins_without_the_first(self) -> None:
        stream = self._engine.open(self.language)
        try:
            speech = self.samples()[: 4 * RATE]
            first = self._hear(stream, speech)
            second = self._hear(stream, speech)
            assert second
            assert all(0.0 <= word.start <= word.end <= len(speech) / RATE for word in (*first, *second))
        finally:
            stream.close()

    def test_streams_do_not_mix(self) -> None:
        one, silent = self._engine.open(self.language), self._engine.open(self.language)
        try:
            speech = self.samples()[: 4 * RATE]
            for at in range(0, len(speech), RATE):
                one.accept(speech[at : at + RATE], 0.0, 1.0)
                silent.accept(np.zeros(RATE, dtype=np.float32), 1.0 + at / RATE, 0.0)
            assert silent.finish().committed == ()
            assert one.finish().committed
        finally:
            one.close()
            silent.close()

    # what goes wrong

    def test_an_error_keeps_the_committed_words_and_the_stream_usable(self) -> None:
        engine = self._engine
        stream = engine.open(self.language)
        try:
            speech = self.samples()[: 6 * RATE]
            committed: tuple[Word, ...] = ()
            for at in range(0, 4 * RATE, _BLOCK):
                if (hypothesis := stream.accept(speech[at : at + _BLOCK], 0.0, 0.1)) is not None:
                    committed = hypothesis.committed
            failed = False
            with self.break_decoding(engine, stream):
                deadline = time.monotonic() + self.timeout
                while not failed and time.monotonic() < deadline:
                    try:
                        stream.accept(speech[4 * RATE : 5 * RATE], 0.0, 1.0)
                    except EngineError:
                        failed = True
                assert failed
                assert stream.finish().committed[: len(committed)] == committed
            heard: tuple[Word, ...] = ()
            while not heard and time.monotonic() < deadline:  # it may have to connect or to start again
                with suppress(EngineError):
                    heard = self._hear(stream, self.samples()[: 4 * RATE])
            assert heard
        finally:
            stream.close()

    def test_closing_a_stream_in_an_utterance_leaves_the_engine_usable(self) -> None:
        stream = self._engine.open(self.language)
        stream.accept(self.samples()[: 2 * RATE], 0.0, 1.0)
        stream.close()
        stream.close()
        after = self._engine.open(self.language)
        try:
            assert self._hear(after, self.samples()[: 4 * RATE])
        finally:
            after.close()

    def test_a_cancelled_turn_is_given_to_the_next(self) -> None:
        engine = self._engine

        async def take_turn(stream: Stream) -> None:
            async with engine.scheduler.turn(asyncio.get_running_loop().time()) as work:
                await work(lambda: stream.accept(self.samples()[: 4 * RATE], 0.0, 2.5))

        async def cancel_and_continue() -> tuple[Word, ...]:
            stream = await asyncio.to_thread(engine.open, self.language)
            turn = asyncio.create_task(take_turn(stream))
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # its step is running in a thread
            turn.cancel()
            with suppress(asyncio.CancelledError):
                await turn
            await asyncio.to_thread(stream.close)
            after = await asyncio.to_thread(engine.open, self.language)
            await take_turn(after)
            heard = await asyncio.to_thread(after.finish)
            await asyncio.to_thread(after.close)
            return heard.committed

        assert asyncio.run(asyncio.wait_for(cancel_and_continue(), self.timeout))

    def test_a_closed_engine_is_freed(self) -> None:
        engine = self.create()
        stream = engine.open(self.language)
        stream.accept(self.samples()[: 2 * RATE], 0.0, 1.0)
        stream.close()
        engine.close()
        freed = weakref.ref(engine)
        del engine, stream
        deadline = time.monotonic() + self.timeout
        while freed() is not None and time.monotonic() < deadline:  # a thread may still have a reference for a moment
            gc.collect()
            time.sleep(0.01)
        assert freed() is None

    @property
    def _engine(self) -> Engine:
        engine: Engine = type(self).engine
        return engine

    def _recognize_once(self) -> list[Update]:
        """All updates of the samples, as a source's pipeline gets them."""
        if type(self)._updates is None:
            recognizer = Recognizer(self._engine.open(self.language), SileroVad())
            samples = self.samples()
            updates: list[Update] = []
            for at in range(0, len(samples), _BLOCK):
                updates += recognizer.feed(samples[at : at + _BLOCK])
            updates += recognizer.flush()
            recognizer.close()
            assert recognizer.failure is None, recognizer.failure
            type(self)._updates = updates
        found = type(self)._updates
        assert found is not None
        return found

    def _committed(self) -> list[Word]:
        return [word for update in self._recognize_once() if update.endpoint for word in update.hypothesis.committed]

    def _hear(self, stream: Stream, samples: Samples) -> tuple[Word, ...]:
        stream.accept(samples, 0.0, len(samples) / RATE / 2)
        return stream.finish().committed


def _words(update: Update) -> tuple[Word, ...]:
    return update.hypothesis.committed + update.hypothesis.tentative


def _similarity(text: str, heard: str) -> float:
    """The share of the words of ``text`` that are in ``heard``, in order."""
    wanted, found = (re.findall(r"\w+", each.casefold()) for each in (text, heard))
    matched = SequenceMatcher(None, wanted, found, autojunk=False).get_matching_blocks()
    return sum(block.size for block in matched) / max(1, len(wanted))
