"""What runs a speaker model: a process of its own, or the inference pool."""

from __future__ import annotations

import logging
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from surtitle.core.errors import EngineError, ModelError
from surtitle.core.processes import read_answer, start_process, write_frame
from surtitle.pool.address import KIND as POOL
from surtitle.speakers.kinds import find_diarizer
from surtitle.speakers.pool import TURNS, PoolModel
from surtitle.speakers.timeline import SPEAKERS, Activity
from surtitle.speakers.worker import StreamServer

log = logging.getLogger("surtitle.speakers")

_LOAD_TIMEOUT = 1800.0  # seconds; the model may have to be downloaded
_ANSWER_TIMEOUT = 60.0
_ENDED = "The process of the speaker model ended or did not answer: it is restarted in half a minute."


class Found(NamedTuple):
    """Activity that begins at the sample ``position``; ``stream`` counts how often the source's stream was replaced."""

    position: int
    activity: Activity
    stream: int


def parse_answer(answer: list[Any]) -> list[Found]:
    """The activity in an answer of a model."""
    return [
        Found(position, np.frombuffer(data, dtype=np.float32).reshape(frames, SPEAKERS), stream)
        for position, frames, data, stream in answer
    ]


class ModelRunner(Protocol):
    """A speaker model, wherever it runs. Requests and answers are those of `surtitle.speakers.worker`."""

    @property
    def turns(self) -> int:
        """How many requests, each of another source, it takes at a time."""

    def wait_until_loaded(self) -> None:
        """Raises `ModelError`."""

    def ask(self, *request: Any) -> list[Any]:
        """Send a request and wait for its answer. Raises `ModelError` if the model has to be loaded again."""

    def stop(self) -> None:
        """Let everything that waits in other threads end soon, with `ModelError`."""

    def close(self) -> None:
        """Free what it needs."""


def run_model(model: str) -> ModelRunner:
    """Begin to load a model, by its whole name. Raises `ModelError`."""
    return SpeakerPool(model) if find_diarizer(model).kind.name == POOL else SpeakerProcess(model)


@dataclass(slots=True)
class SpeakerProcess:
    """The model's process. A process that does not answer a request in time is killed."""

    model: str
    turns: int = field(default=1, init=False)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.process = start_process("surtitle.speakers.worker", self.model)
        except OSError as error:
            raise ModelError(f"Cannot start the process of the speaker model ({error}).") from error

    def wait_until_loaded(self) -> None:
        answer = self._answer(_LOAD_TIMEOUT)
        if isinstance(answer, str):
            log.error("loading the speaker model: %s", answer)
            reason = answer.splitlines()[0][:200]
            raise ModelError(
                f"Cannot load the speaker model “{self.model}” ({reason}): choose another with --speaker-model, or "
                "check that it can be downloaded."
            )

    def ask(self, *request: Any) -> list[Any]:
        assert self.process.stdin is not None
        try:
            write_frame(self.process.stdin, request)
        except OSError as error:
            raise ModelError(_ENDED) from error
        answer = self._answer(_ANSWER_TIMEOUT)
        if isinstance(answer, str):
            raise ModelError(f"The speaker model failed ({answer.splitlines()[0][:200]}): it is restarted.")
        return list(answer)

    def stop(self) -> None:
        self.process.kill()

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


class SpeakerPool:
    """A model of the pool. Its streams are in this process, because they only wait for answers."""

    turns = TURNS

    def __init__(self, model: str) -> None:
        self._found = find_diarizer(model)
        self._model: PoolModel | None = None
        self._server: StreamServer | None = None

    def wait_until_loaded(self) -> None:
        """Ask the pool whether it has the model."""
        try:
            loaded = self._found.load()
        except EngineError as error:
            raise ModelError(error.message) from error
        assert isinstance(loaded, PoolModel)
        self._model, self._server = loaded, StreamServer(loaded)

    def ask(self, *request: Any) -> list[Any]:
        assert self._server is not None
        operation, *arguments = request
        try:
            return list(getattr(self._server, operation)(*arguments))
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"The pool cannot tell speakers apart ({error}): it is asked again.") from error

    def stop(self) -> None:
        if self._model is not None:
            self._model.close()

    def close(self) -> None:
        self.stop()
