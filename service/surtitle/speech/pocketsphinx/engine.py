"""The built-in recognizer: pocketsphinx with the English model from its own package."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from surtitle.audio import RATE, Samples
from surtitle.audio.pcm import to_pcm
from surtitle.core.errors import EngineError
from surtitle.core.processes import read_answer, start_process, write_frame
from surtitle.core.words import Hypothesis, Word
from surtitle.speech.commitment import CommittedWords
from surtitle.speech.endpoint import EndpointRules
from surtitle.speech.engine import Hints
from surtitle.speech.plain_text import add_period, capitalize
from surtitle.speech.pocketsphinx.worker import Segment
from surtitle.speech.policy import Display, HoldBack
from surtitle.speech.scheduler import Scheduler

T = TypeVar("T")

log = logging.getLogger("surtitle.speech")

_START_TIMEOUT = 60.0  # seconds; one or two on an idle computer
_ANSWER_TIMEOUT = 30.0  # seconds
_HOLD_BACK = 2.0  # seconds; chosen by the measurements in docs/engines.md
_FIRST_HOLD_BACK = 5.0  # seconds; the first utterance is decoded again at its end, with far fewer errors
_SHOWN_AGE, _SHOWN_STEADY = 0.4, 0.2  # seconds; measured in docs/engines.md
_ENDED = "The pocketsphinx process ended or did not answer: it is restarted with the next words."
_RETRY_INTERVAL = 2.0  # seconds
_MAX_SPARES = 1


class PocketsphinxEngine:
    """Opens streams, each with its own process, and keeps a spare process ready for the next source."""

    name = "pocketsphinx"
    model = "en-us"
    languages = frozenset({"en"})
    step = 1.0

    def __init__(self) -> None:
        self.scheduler = Scheduler(max(2, os.cpu_count() or 1))
        self._spares: list[_Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    def warm(self) -> None:
        """Start a spare worker, so that the next source need not wait for it."""
        if len(self._spares) < _MAX_SPARES:
            self._add_spare(_Worker())

    def open(self, language: str, hints: Hints = Hints()) -> PocketsphinxStream:
        with self._lock:
            worker = self._spares.pop() if self._spares else None
        return PocketsphinxStream(self, worker or _Worker())

    def recycle(self, worker: _Worker) -> None:
        """Reuse the worker of a closed stream for the next one, or end it."""
        try:
            worker.ask("reset")
        except EngineError:
            worker.close()
        else:
            self._add_spare(worker)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            spares, self._spares = self._spares, []
        for worker in spares:
            worker.close()
        self.scheduler.close()

    def _add_spare(self, worker: _Worker) -> None:
        """Keep a worker as a spare, unless there are enough or the engine is closed."""
        with self._lock:
            if not self._closed and len(self._spares) < _MAX_SPARES:
                self._spares.append(worker)
                return
        worker.close()


class PocketsphinxStream:
    """A streaming decoder, with a policy that commits the words that it no longer changes."""

    language = "en"
    bridges = 0.0
    rules = EndpointRules()

    def __init__(self, engine: PocketsphinxEngine, worker: _Worker) -> None:
        self._engine = engine
        self._worker: _Worker | None = worker
        self._words = _make_words(_FIRST_HOLD_BACK)
        self._heard = 0
        self._retry_at = 0.0

    def accept(self, samples: Samples, silence: float, voice: float | None = None) -> Hypothesis | None:
        if self._worker is None:
            if time.monotonic() < self._retry_at:
                return None
            self._worker = self._attempt(_Worker)
        worker = self._worker
        self._heard += len(samples)
        words = _read_words(self._attempt(lambda: worker.ask("accept", to_pcm(samples))))
        return self._words.insert(self._words.rest(words), self._heard / RATE)

    def finish(self) -> Hypothesis:
        worker = self._worker
        self._heard = 0
        words = _read_words(self._attempt(lambda: worker.ask("finish"))) if worker else []
        hypothesis = self._words.finish(self._words.rest(add_period(words)))
        self._words = _make_words(_HOLD_BACK)
        return hypothesis

    def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self._engine.recycle(worker)

    def _attempt(self, step: Callable[[], T]) -> T:
        """Run a step; if it fails, close the worker, so that a new one starts after a delay. Raises `EngineError`."""
        try:
            return step()
        except EngineError:
            self._retry_at = time.monotonic() + _RETRY_INTERVAL
            worker, self._worker = self._worker, None
            if worker is not None:
                worker.close()
            raise


def _make_words(hold_back: float) -> CommittedWords:
    return CommittedWords(HoldBack(hold_back), Display(_SHOWN_AGE, _SHOWN_STEADY))


def _read_words(segments: list[Segment]) -> list[Word]:
    """The decoder's words, with capitals where they are certain."""
    return capitalize(
        [Word(text, start, end, min(1.0, max(0.0, probability))) for text, start, end, probability in segments]
    )


class _Worker:
    """One decoder process, which is ended if it does not answer in time, and when nobody has the worker any more.

    Methods raise `EngineError`.
    """

    def __init__(self) -> None:
        try:
            self._process = start_process("surtitle.speech.pocketsphinx.worker")
        except OSError as error:
            raise EngineError(f"Cannot start the pocketsphinx process ({error}).") from error
        self._end = weakref.finalize(self, _end, self._process)
        self._end.atexit = False  # it then ends by itself, because its input does
        try:
            self._read_answer(_START_TIMEOUT)
        except BaseException:
            self.close()
            raise

    def ask(self, *request: Any) -> list[Segment]:
        """Send a request and wait for its answer."""
        assert self._process.stdin is not None
        try:
            write_frame(self._process.stdin, request)
            return self._read_answer(_ANSWER_TIMEOUT)
        except (OSError, ValueError) as error:  # the process is gone, or was closed
            raise EngineError(_ENDED) from error
        except KeyboardInterrupt:
            self.close()  # its answer is still to come, and would be taken for that to the next request
            raise

    def close(self) -> None:
        self._end()

    def _read_answer(self, timeout: float) -> list[Segment]:
        try:
            answer = read_answer(self._process, timeout)
        except (EOFError, OSError) as error:
            raise EngineError(_ENDED) from error
        if isinstance(answer, str):
            raise EngineError(f"pocketsphinx failed ({answer}): it is restarted.")
        return [tuple(segment) for segment in answer]


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):
        process.stdin.close()  # the process ends when its input does
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5.0)
    process.stdout.close()
