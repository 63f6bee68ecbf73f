"""Listens for speakers beside recognition: the queue before the model's process, and that process."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.core.errors import ModelError
from surtitle.core.processes import read_answer, start_process, write_frame
from surtitle.speakers.timeline import SPEAKERS, Timeline

log = logging.getLogger("surtitle.speakers")

EXTRA = "nemo"
"""The module without which there is no model."""

PATIENCE = {0.32: 1.2, 1.04: 2.0, 10.0: 0.0}
"""Seconds of audio that words wait for their speaker, by latency: for the longest it would be too long."""

_LOAD_TIMEOUT = 1800.0  # seconds; the model may have to be fetched
_ANSWER_TIMEOUT = 60.0
_AT_ONCE = 20.0  # seconds of audio in one request
_LIVE, _LOADING, _AHEAD = 4.0, 30.0, 130.0
"""Seconds that may wait beyond the latency: of a live source, while the model is loaded, and of one ahead of time."""
_RETRY = 30.0  # seconds
_IDLE = 60.0  # seconds without a source after which the model is given back
_ENDED = "The process of the speaker model ended or did not answer: it is started again in half a minute."


class SpeakerStream:
    """One source's ears for speakers. ``start`` is where its first sample is on the channel's clock, in seconds.

    What comes faster than the model can follow is left out: who spoke then is not known, but who speaks now.
    """

    def __init__(self, diarizer: Diarizer, key: int, start: float, latency: float) -> None:
        self.timeline = Timeline(start)
        self.latency = latency
        self.skipped = 0.0
        """Seconds that were left out although the model was there."""
        self.key = key
        self._diarizer = diarizer
        self._waiting: deque[tuple[int, Samples]] = deque()  # with where they begin, in samples
        self._samples = 0
        self._received = 0

    @property
    def patience(self) -> float:
        """Seconds of audio that words may wait."""
        return PATIENCE[self.latency]

    def put(self, samples: Samples, *, live: bool) -> None:
        """Take 16 kHz samples; returns at once."""
        ready = self._diarizer.state.name == "ready"
        most = round((self.latency + (_AHEAD if not live else _LIVE if ready else _LOADING)) * RATE)
        with self._diarizer.changed:
            self._waiting.append((self._received, samples))
            self._received += len(samples)
            self._samples += len(samples)
            if self._samples > most:
                while self._samples > most // 4 and len(self._waiting) > 1:
                    lost = len(self._waiting.popleft()[1])
                    self._samples -= lost
                    self.skipped += lost / RATE if ready else 0.0
            self._diarizer.changed.notify()

    def skip(self, samples: int) -> None:
        """So many samples are missing here."""
        with self._diarizer.changed:
            self._received += samples

    def wait(self, timeout: float) -> None:
        """No more comes: until all is heard, or ``timeout`` seconds are over; in a thread."""
        until = time.monotonic() + timeout
        with self._diarizer.changed:
            self._diarizer.ending.add(self.key)
            self._diarizer.changed.notify()
        while time.monotonic() < until and self._diarizer.working(self.key):
            time.sleep(0.05)

    def close(self) -> None:
        self._diarizer.forget(self)

    def take(self) -> tuple[int, Samples] | None:
        """What has waited longest, up to a gap; with the lock held."""
        if not self._waiting:
            return None
        position, first = self._waiting.popleft()
        parts, size = [first], len(first)
        while self._waiting and self._waiting[0][0] == position + size and size < _AT_ONCE * RATE:
            parts.append(self._waiting.popleft()[1])
            size += len(parts[-1])
        self._samples -= size
        return position, np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class State:
    """How the model is: ``off``, ``missing`` (the extra), ``loading``, ``ready`` or ``failed``, then with a reason."""

    name: str
    message: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"state": self.name, "message": self.message}


class Diarizer:
    """Owns the model's process and the thread that asks it; both begin with the first source that needs them."""

    def __init__(self, model: str) -> None:
        self.state = State("off" if importlib.util.find_spec(EXTRA) else "missing")
        self.changed = threading.Condition()
        self.ending: set[int] = set()
        """Sources of which no more audio comes: what is left of them can be heard to the end."""
        self._model = model
        self._sources: dict[int, SpeakerStream] = {}
        self._busy: int | None = None
        self._gone: deque[int] = deque()
        self._next = 0
        self._models = 0
        self._closed = False
        self._worker: SpeakerProcess | None = None
        self._thread: threading.Thread | None = None

    def open(self, start: float, latency: float) -> SpeakerStream | None:
        """Ears for a source; None where the extra is not installed. Does not wait for the model."""
        if self.state.name == "missing":
            return None
        with self.changed:
            self._next += 1
            listening = self._sources[self._next] = SpeakerStream(self, self._next, start, latency)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="speakers", daemon=True)
                self._thread.start()
            self.changed.notify()
        return listening

    def forget(self, listening: SpeakerStream) -> None:
        """The source is over."""
        with self.changed:
            self._sources.pop(listening.key, None)
            self.ending.discard(listening.key)
            self._gone.append(listening.key)
            self.changed.notify()

    def working(self, key: int) -> bool:
        """Whether something of the source is still to be heard."""
        with self.changed:
            source = self._sources.get(key)
            hearing = self._busy == key or key in self.ending
            return self.state.name == "ready" and source is not None and hearing

    def close(self) -> None:
        """End the process; blocks for a moment."""
        with self.changed:
            self._closed = True
            self.changed.notify()
            worker = self._worker
        if worker is not None:
            worker.process.kill()
        if self._thread is not None:
            self._thread.join(5.0)

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
                self.state = State("failed", error.message)
            except Exception:
                log.exception("listening for speakers failed")
                self.state = State("failed", "Listening for speakers failed: the log says why.")
            else:
                self.state = State("off")
            with self.changed:
                worker, self._worker = self._worker, None
                self._busy = None
            if worker is not None:
                worker.close()
            if self.state.name == "failed":
                with self.changed:
                    self.changed.wait_for(lambda: self._closed, _RETRY)

    def _serve(self) -> None:
        """Ask one process until it is not needed any more. Raises `ModelError`."""
        self.state = State("loading")
        worker = SpeakerProcess(self._model)
        with self.changed:
            self._worker = worker
            closed = self._closed
        if closed:
            return
        worker.wait_until_loaded()
        self.state = State("ready")
        log.info("the speaker model %s is loaded", self._model)
        self._models += 1
        while (work := self._work()) is not None:
            listening, request = work
            found = worker.ask(*request)
            if listening is not None:
                for position, frames, activity in found:
                    shaped = np.frombuffer(activity, dtype=np.float32).reshape(frames, SPEAKERS)
                    listening.timeline.add(position / RATE, shaped, self._models)
            self._busy = None

    def _work(self) -> tuple[SpeakerStream | None, tuple[Any, ...]] | None:
        """The next request; None when nobody needs the process any more."""
        with self.changed:
            while not self._closed:
                if self._gone:
                    return None, ("close", self._gone.popleft())
                for key, listening in list(self._sources.items()):
                    if (taken := listening.take()) is not None:
                        self._sources[key] = self._sources.pop(key)  # the others come first next time
                        self._busy = key
                        position, samples = taken
                        return listening, ("feed", key, listening.latency, position, samples.tobytes())
                    if key in self.ending:
                        self.ending.discard(key)
                        self._busy = key
                        return listening, ("flush", key)
                if not self.changed.wait(_IDLE) and not self._sources:
                    return None
        return None


@dataclass(slots=True)
class SpeakerProcess:
    """The model's process; every request is answered in bounded time or the process is ended."""

    model: str
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.process = start_process("surtitle.speakers.worker", self.model)
        except OSError as error:
            raise ModelError(f"The process of the speaker model cannot be started ({error}).") from error

    def wait_until_loaded(self) -> None:
        """Raises `ModelError`."""
        answer = self._answer(_LOAD_TIMEOUT)
        if isinstance(answer, str):
            log.error("loading the speaker model: %s", answer)
            reason = answer.splitlines()[0][:200]
            raise ModelError(
                f"The speaker model “{self.model}” cannot be loaded ({reason}): say another with --speaker-model, "
                "or look whether it can be fetched."
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
            raise ModelError(f"The speaker model failed ({answer.splitlines()[0][:200]}): it is started again.")
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
