"""Jobs that are cheaper together: whoever waits for one model is served with those who wait as well."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from surtitle.core.errors import EngineError

J = TypeVar("J")
R = TypeVar("R")

_PATIENCE = 120.0  # seconds; nothing that takes longer is live any more


class _Place(Generic[J, R]):
    """One job in the queue."""

    def __init__(self, job: J) -> None:
        self.job = job
        self.served = threading.Event()
        self.result: R | None = None
        self.error: Exception | None = None


class Batcher(Generic[J, R]):
    """Runs jobs in the threads of their callers, a bounded number of batches at a time.

    It has no thread of its own: whichever caller finds the model free serves the oldest job, and
    with it those that wait and have the same ``kind``. Nobody waits for a batch to fill.
    """

    def __init__(
        self, serve: Callable[[Sequence[J]], Sequence[R]], kind: Callable[[J], Hashable], *, most: int, workers: int
    ) -> None:
        """``serve`` takes up to ``most`` jobs of one kind, in up to ``workers`` threads at once."""
        self._serve = serve
        self._kind = kind
        self._most = most
        self._workers = workers
        self._free = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._waiting: deque[_Place[J, R]] = deque()

    def __len__(self) -> int:
        """Jobs that wait."""
        return len(self._waiting)

    def run(self, job: J) -> R:
        """The job's result, when its turn has come. Raises what ``serve`` raises, and `EngineError` after minutes."""
        place: _Place[J, R] = _Place(job)
        with self._lock:
            self._waiting.append(place)
        while not place.served.is_set():
            if not self._free.acquire(timeout=_PATIENCE):
                self._forget(place)
                raise EngineError("The recognizer did not answer in time: choose a smaller model.")
            try:
                batch = [] if place.served.is_set() else self._take()
                self._run(batch)
            finally:
                self._free.release()
            if not batch:  # another caller has taken our job
                place.served.wait(_PATIENCE)
                break
        if place.error is not None:
            raise place.error
        if place.result is None:
            raise EngineError("The recognizer did not answer in time: choose a smaller model.")
        return place.result

    def _take(self) -> list[_Place[J, R]]:
        """The oldest job and others of its kind."""
        with self._lock:
            if not self._waiting:
                return []
            kind = self._kind(self._waiting[0].job)
            share = -(-len(self._waiting) // self._workers)  # a batch must not leave other workers without any
            batch = [place for place in self._waiting if self._kind(place.job) == kind][: min(self._most, share)]
            for place in batch:
                self._waiting.remove(place)
            return batch

    def _run(self, batch: list[_Place[J, R]]) -> None:
        if not batch:
            return
        try:
            for place, result in zip(batch, self._serve([place.job for place in batch]), strict=True):
                place.result = result
        except Exception as error:
            for place in batch:
                place.error = error
        finally:
            for place in batch:
                place.served.set()

    def _forget(self, place: _Place[J, R]) -> None:
        with self._lock:
            if place in self._waiting:
                self._waiting.remove(place)
