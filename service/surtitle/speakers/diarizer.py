"""Diarizes sources in parallel to recognition: the queue for the model, wherever that runs."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.core.errors import ModelError
from surtitle.core.wire.speakers import DiarizationState
from surtitle.speakers.kinds import find_diarizer
from surtitle.speakers.runners import ModelRunner, parse_answer, run_model
from surtitle.speakers.timeline import Activity, Timeline
from surtitle.speakers.voice_tracker import VoiceTracker

log = logging.getLogger("surtitle.speakers")

PATIENCE = {0.32: 1.2, 1.04: 2.0, 10.0: 0.0}
"""Seconds of audio that words wait for their speaker, by latency; with the longest, they do not wait."""

_MAX_REQUEST = 20.0  # seconds of audio in one request
_LIVE, _LOADING, _AHEAD = 4.0, 30.0, 130.0
"""Seconds that may wait beyond the latency: of a live source, while the model loads, and of a source ahead of time."""
_RETRY_INTERVAL = 30.0  # seconds
_JOIN_TIMEOUT = 2.0  # seconds for the thread to notice that the model was stopped
_IDLE_TIMEOUT = 60.0  # seconds without a source after which the model is unloaded
_MODEL_BITS = 12  # of the number of the models that the service has started, and of streams that were opened again


class SpeakerStream:
    """The diarization of one source. ``start`` is its first sample on the channel's clock, in seconds.

    If audio arrives faster than the model can process it, some is skipped, so that the current speaker is known at the
    expense of earlier ones. ``voices`` collects what the speakers sound like; their numbers are then new ones, because
    a speaker is found again by the voice and not by the order in which people speak.
    """

    def __init__(
        self, diarizer: Diarizer, key: int, start: float, latency: float, voices: VoiceTracker | None = None
    ) -> None:
        self.timeline = Timeline(start)
        self.latency = latency
        self.voices = voices
        self.skipped = 0.0
        """Seconds that were skipped while the model was loaded."""
        self.key = key
        self._diarizer = diarizer
        self._waiting: deque[tuple[int, Samples]] = deque()  # each with its beginning, in samples
        self._samples = 0
        self._received = 0

    @property
    def patience(self) -> float:
        """Seconds of audio for which words may wait."""
        return PATIENCE[self.latency]

    def put(self, samples: Samples, *, live: bool) -> None:
        """Queue 16 kHz samples, without waiting."""
        ready = self._diarizer.state.name == "ready"
        max_samples = round((self.latency + (_AHEAD if not live else _LIVE if ready else _LOADING)) * RATE)
        with self._diarizer.changed:
            self._waiting.append((self._received, samples))
            self._received += len(samples)
            self._samples += len(samples)
            if self._samples > max_samples:
                while self._samples > max_samples // 4 and len(self._waiting) > 1:
                    lost = len(self._waiting.popleft()[1])
                    self._samples -= lost
                    self.skipped += lost / RATE if ready else 0.0
            self._diarizer.changed.notify_all()

    def skip(self, samples: int) -> None:
        """Note that this number of samples is missing at this point."""
        with self._diarizer.changed:
            self._received += samples

    def wait(self, timeout: float) -> None:
        """After the last samples, wait up to ``timeout`` seconds until all are processed. Call it in a thread."""
        with self._diarizer.changed:
            self._diarizer.ending.add(self.key)
            self._diarizer.changed.notify_all()
            self._diarizer.changed.wait_for(lambda: not self._diarizer.working(self.key), timeout)

    def close(self) -> None:
        self._diarizer.forget(self)

    def add(self, position: int, activity: Activity, model: int) -> None:
        """Take activity that begins at the sample ``position``, from the model that was started as number ``model``."""
        if self.voices is not None:
            model = _first_of_stream(self.key) + model
            self.voices.add(position, activity, model)
        self.timeline.add(position / RATE, activity, model)

    def take(self) -> tuple[int, Samples] | None:
        """Take the oldest queued samples, up to a gap, and their position; the caller holds the lock."""
        if not self._waiting:
            return None
        position, first = self._waiting.popleft()
        parts, size = [first], len(first)
        while self._waiting and self._waiting[0][0] == position + size and size < _MAX_REQUEST * RATE:
            parts.append(self._waiting.popleft()[1])
            size += len(parts[-1])
        self._samples -= size
        return position, np.concatenate(parts)


def _first_of_stream(key: int) -> int:
    """Where the numbers of the models begin in a stream with numbers of its own."""
    return key << _MODEL_BITS


@dataclass(frozen=True, slots=True)
class State:
    """The state of the model: ``off``, ``loading``, ``ready``, or, with a reason, ``missing`` or ``failed``."""

    name: DiarizationState
    message: str = ""


class _Work(NamedTuple):
    """A request about a source, with the samples that it has, which begin at ``position``."""

    source: SpeakerStream
    request: tuple[Any, ...]
    position: int = 0
    samples: Samples | None = None


class Diarizer:
    """Owns the model and the thread that gives it requests, one at a time for each source.

    Both start with the first source.
    ``on_change`` is called in that thread when `state` has changed.
    """

    def __init__(self, model: str, on_change: Callable[[], None] = lambda: None) -> None:
        missing = _find_problem(model)
        self.state = State("missing", missing) if missing else State("off")
        self.changed = threading.Condition()
        self.ending: set[int] = set()
        """Sources that have ended, whose remaining audio can be processed to the end."""
        self._model = model
        self._on_change = on_change
        self._sources: dict[int, SpeakerStream] = {}
        self._busy: set[int] = set()  # sources of which a request is being answered
        self._failure: Exception | None = None  # of a request
        self._gone: deque[SpeakerStream] = deque()
        self._next = 0
        self._models = 0
        self._reopened: dict[tuple[int, int], int] = {}  # models by source and number of its stream, from the second on
        self._closed = False
        self._runner: ModelRunner | None = None
        self._thread: threading.Thread | None = None

    @property
    def installed(self) -> bool:
        """Whether what the model needs is installed."""
        return self.state.name != "missing"

    def open(self, start: float, latency: float, voices: VoiceTracker | None = None) -> SpeakerStream | None:
        """Start diarizing a source, without waiting for the model; None if what it needs is not installed.

        ``voices`` gets the audio and the activity, in a thread of the diarizer.
        """
        if not self.installed:
            return None
        with self.changed:
            self._next += 1
            listening = self._sources[self._next] = SpeakerStream(self, self._next, start, latency, voices)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="speakers", daemon=True)
                self._thread.start()
            self.changed.notify_all()
        return listening

    def forget(self, listening: SpeakerStream) -> None:
        """Stop diarizing a source."""
        with self.changed:
            self._sources.pop(listening.key, None)
            self.ending.discard(listening.key)
            self._gone.append(listening)
            self.changed.notify_all()

    def working(self, key: int) -> bool:
        """Whether audio of the source is still to be processed."""
        with self.changed:
            source = self._sources.get(key)
            hearing = key in self._busy or key in self.ending
            return self.state.name == "ready" and source is not None and hearing

    def close(self) -> None:
        """Stop the model; blocks for a moment."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()
            runner = self._runner
        if runner is not None:
            runner.stop()
        if self._thread is not None:
            self._thread.join(_JOIN_TIMEOUT)

    def _run(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._closed or bool(self._sources))
            if self._closed:
                return
            try:
                self._serve()
            except ModelError as error:
                log.error("%s", error)
                self._set_state(State("failed", error.message))
            except Exception:
                log.exception("diarization failed")
                self._set_state(State("failed", "Telling speakers apart failed: see the service's log."))
            else:
                self._set_state(State("off"))
            with self.changed:
                runner, self._runner = self._runner, None
            if runner is not None:
                runner.close()
            if self.state.name == "failed":
                with self.changed:
                    self.changed.wait_for(lambda: self._closed, _RETRY_INTERVAL)

    def _set_state(self, state: State) -> None:
        with self.changed:
            self.state = state
            self.changed.notify_all()
        self._on_change()

    def _serve(self) -> None:
        """Run the model until it is no longer needed. Raises `ModelError`."""
        self._set_state(State("loading"))
        runner = run_model(self._model)
        with self.changed:
            self._runner = runner
            closed = self._closed
        if closed:
            return
        runner.wait_until_loaded()
        self._set_state(State("ready"))
        log.info("loaded the speaker model %s", self._model)
        self._models += 1
        first = self._models
        self._reopened.clear()
        self._failure = None
        try:
            while (work := self._take_work(runner.turns)) is not None:
                # a daemon, because nothing may keep the service from ending
                threading.Thread(target=self._answer, args=(runner, work, first), name="speakers", daemon=True).start()
        finally:
            runner.stop()
            with self.changed:
                self.changed.wait_for(lambda: not self._busy, _JOIN_TIMEOUT)

    def _answer(self, runner: ModelRunner, work: _Work, first: int) -> None:
        """Have the model answer a request; ``first`` is its number."""
        source = work.source
        try:
            if source.voices is not None and work.samples is not None:
                source.voices.put(work.position, work.samples)
            for each in parse_answer(runner.ask(*work.request)):
                model = self._number_stream(source.key, each.stream) if each.stream else first
                source.add(each.position, each.activity, model)
            if source.voices is not None and work.request[0] == "close":
                source.voices.close()
        except Exception as error:
            with self.changed:
                if self._runner is runner:
                    self._failure = self._failure or error
        finally:
            with self.changed:
                self._busy.discard(source.key)
                self.changed.notify_all()

    def _number_stream(self, key: int, stream: int) -> int:
        """The number of a stream that was opened again: a new one, as for another model, as are its speakers."""
        with self.changed:
            if (key, stream) not in self._reopened:
                self._models += 1
                self._reopened[key, stream] = self._models
            return self._reopened[key, stream]

    def _take_work(self, turns: int) -> _Work | None:
        """The next request, when fewer than ``turns`` are being answered; None if no source needs the model any more.

        Raises what a request has raised.
        """
        with self.changed:
            while not self._closed:
                if self._failure is not None:
                    raise self._failure
                if len(self._busy) < turns and (work := self._find_work()) is not None:
                    self._busy.add(work.source.key)
                    return work
                if not self.changed.wait(_IDLE_TIMEOUT) and not self._sources and not self._busy:
                    return None
        return None

    def _find_work(self) -> _Work | None:
        """A request of a source that has none which is being answered; the caller holds the lock."""
        gone = next((source for source in self._gone if source.key not in self._busy), None)
        if gone is not None:
            self._gone.remove(gone)
            return _Work(gone, ("close", gone.key))
        for key, source in list(self._sources.items()):
            if key in self._busy:
                continue
            if (taken := source.take()) is not None:
                self._sources[key] = self._sources.pop(key)  # to the end, so that the others are served next
                position, samples = taken
                return _Work(source, ("feed", key, source.latency, position, samples.tobytes()), position, samples)
            if key in self.ending:
                self.ending.discard(key)
                return _Work(source, ("flush", key))
        return None


def _find_problem(model: str) -> str:
    """Why the model cannot be used here; or ""."""
    try:
        return find_diarizer(model).problem()
    except ModelError as error:
        return error.message
