"""Diarizes sources in parallel to recognition: the queue for the model's process, and the process itself."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.core.errors import ModelError
from surtitle.core.processes import read_answer, start_process, write_frame
from surtitle.core.wire.speakers import DiarizationState
from surtitle.speakers.kinds import find_diarizer
from surtitle.speakers.timeline import SPEAKERS, Activity, Timeline
from surtitle.speakers.voice_tracker import VoiceTracker

log = logging.getLogger("surtitle.speakers")

PATIENCE = {0.32: 1.2, 1.04: 2.0, 10.0: 0.0}
"""Seconds of audio that words wait for their speaker, by latency; with the longest, they do not wait."""

_LOAD_TIMEOUT = 1800.0  # seconds; the model may have to be downloaded
_ANSWER_TIMEOUT = 60.0
_MAX_REQUEST = 20.0  # seconds of audio in one request
_LIVE, _LOADING, _AHEAD = 4.0, 30.0, 130.0
"""Seconds that may wait beyond the latency: of a live source, while the model loads, and of a source ahead of time."""
_RETRY_INTERVAL = 30.0  # seconds
_JOIN_TIMEOUT = 2.0  # seconds for the thread to notice that the process was killed
_IDLE_TIMEOUT = 60.0  # seconds without a source after which the model is unloaded
_MODEL_BITS = 12  # of the number of the models that the service has started, and of streams that were opened again
_ENDED = "The process of the speaker model ended or did not answer: it is restarted in half a minute."


class Found(NamedTuple):
    """Activity that begins at the sample ``position``; ``stream`` counts how often the source's stream was replaced."""

    position: int
    activity: Activity
    stream: int


def parse_answer(answer: list[Any]) -> list[Found]:
    """The activity in an answer of the model's process."""
    return [
        Found(position, np.frombuffer(data, dtype=np.float32).reshape(frames, SPEAKERS), stream)
        for position, frames, data, stream in answer
    ]


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


class Diarizer:
    """Owns the model's process and the thread that sends it requests; both start with the first source.

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
        self._busy: int | None = None
        self._gone: deque[SpeakerStream] = deque()
        self._next = 0
        self._models = 0
        self._reopened: dict[tuple[int, int], int] = {}  # models by source and number of its stream, from the second on
        self._closed = False
        self._worker: SpeakerProcess | None = None
        self._thread: threading.Thread | None = None

    @property
    def installed(self) -> bool:
        """Whether what the model needs is installed."""
        return self.state.name != "missing"

    def open(self, start: float, latency: float, voices: VoiceTracker | None = None) -> SpeakerStream | None:
        """Start diarizing a source, without waiting for the model; None if what it needs is not installed.

        ``voices`` gets the audio and the activity, in the diarizer's thread.
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
            hearing = self._busy == key or key in self.ending
            return self.state.name == "ready" and source is not None and hearing

    def close(self) -> None:
        """End the process; blocks for a moment."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()
            worker = self._worker
        if worker is not None:
            worker.process.kill()
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
                worker, self._worker = self._worker, None
                self._busy = None
            if worker is not None:
                worker.close()
            if self.state.name == "failed":
                with self.changed:
                    self.changed.wait_for(lambda: self._closed, _RETRY_INTERVAL)

    def _set_state(self, state: State) -> None:
        with self.changed:
            self.state = state
            self.changed.notify_all()
        self._on_change()

    def _serve(self) -> None:
        """Run one process until it is no longer needed. Raises `ModelError`."""
        self._set_state(State("loading"))
        worker = SpeakerProcess(self._model)
        with self.changed:
            self._worker = worker
            closed = self._closed
        if closed:
            return
        worker.wait_until_loaded()
        self._set_state(State("ready"))
        log.info("loaded the speaker model %s", self._model)
        self._models += 1
        first = self._models
        self._reopened.clear()
        while (work := self._work()) is not None:
            listening, request = work
            found = worker.ask(*request)
            if listening is not None:
                for each in parse_answer(found):
                    model = self._number_stream(listening.key, each.stream) if each.stream else first
                    listening.add(each.position, each.activity, model)
            with self.changed:
                self._busy = None
                self.changed.notify_all()

    def _number_stream(self, key: int, stream: int) -> int:
        """The number of a stream that was opened again: a new one, as for another model, as are its speakers."""
        if (key, stream) not in self._reopened:
            self._models += 1
            self._reopened[key, stream] = self._models
        return self._reopened[key, stream]

    def _work(self) -> tuple[SpeakerStream | None, tuple[Any, ...]] | None:
        """The next request, or None if no source needs the process any more."""
        with self.changed:
            while not self._closed:
                if self._gone:
                    gone = self._gone.popleft()
                    if gone.voices is not None:
                        gone.voices.close()
                    return None, ("close", gone.key)
                for key, listening in list(self._sources.items()):
                    if (taken := listening.take()) is not None:
                        self._sources[key] = self._sources.pop(key)  # to the end, so that the others are served next
                        self._busy = key
                        position, samples = taken
                        if listening.voices is not None:
                            listening.voices.put(position, samples)
                        return listening, ("feed", key, listening.latency, position, samples.tobytes())
                    if key in self.ending:
                        self.ending.discard(key)
                        self._busy = key
                        return listening, ("flush", key)
                if not self.changed.wait(_IDLE_TIMEOUT) and not self._sources:
                    return None
        return None


def _find_problem(model: str) -> str:
    """Why the model cannot be used here; or ""."""
    try:
        return find_diarizer(model).problem()
    except ModelError as error:
        return error.message


@dataclass(slots=True)
class SpeakerProcess:
    """The model's process. A process that does not answer a request in time is killed."""

    model: str
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.process = start_process("surtitle.speakers.worker", self.model)
        except OSError as error:
            raise ModelError(f"Cannot start the process of the speaker model ({error}).") from error

    def wait_until_loaded(self) -> None:
        """Raises `ModelError`."""
        answer = self._answer(_LOAD_TIMEOUT)
        if isinstance(answer, str):
            log.error("loading the speaker model: %s", answer)
            reason = answer.splitlines()[0][:200]
            raise ModelError(
                f"Cannot load the speaker model “{self.model}” ({reason}): choose another with --speaker-model, or "
                "check that it can be downloaded."
            )

    def ask(self, *request: Any) -> list[Any]:
        """Send a request and wait for its answer. Raises `ModelError`."""
        assert self.process.stdin is not None
        try:
            write_frame(self.process.stdin, request)
        except OSError as error:
            raise ModelError(_ENDED) from error
        answer = self._answer(_ANSWER_TIMEOUT)
        if isinstance(answer, str):
            raise ModelError(f"The speaker model failed ({answer.splitlines()[0][:200]}): it is restarted.")
        return list(answer)

    def close(self) -> None:
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5.0)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _answer(self, timeout: float) -> Any:
        try:
            return read_answer(self.process, timeout)
        except (EOFError, OSError) as error:
            raise ModelError(_ENDED) from error
