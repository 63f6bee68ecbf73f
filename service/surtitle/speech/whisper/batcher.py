"""Batches jobs that are cheaper together: those waiting for the same model are processed at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from surtitle.core.errors import EngineError
from surtitle.speech.fair_shares import CURRENT_TENANT, Shares

J = TypeVar("J")
R = TypeVar("R")

_TIMEOUT = 120.0  # seconds; captions that take longer are of no use


class _QueuedJob(Generic[J, R]):
    """A job in the queue, and its result."""

    def __init__(self, job: J) -> None:
        self.job = job
        self.tenant = CURRENT_TENANT.get()
        self.served = threading.Event()
        self.result: R | None = None
        self.error: Exception | None = None


class Batcher(Generic[J, R]):
    """Runs jobs in the threads of their callers, a bounded number of batches at a time.

    It has no thread of its own: whichever caller finds the model free serves the oldest job, and
    with it the waiting ones of the same ``kind``. Nothing waits for a batch to fill. Of several tenants, the one goes
    first that has used the model least.
    """

    def __init__(
        self, serve: Callable[[Sequence[J]], Sequence[R]], kind: Callable[[J], Hashable], *, max_jobs: int, workers: int
    ) -> None:
        """``serve`` takes up to ``max_jobs`` jobs of one kind, in up to ``workers`` threads at once."""
        self._serve = serve
        self._kind = kind
        self._max_jobs = max_jobs
        self._workers = workers
        self._free = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._waiting: deque[_QueuedJob[J, R]] = deque()
        self._shares = Shares()

    def __len__(self) -> int:
        """The number of waiting jobs."""
        return len(self._waiting)

    def run(self, job: J) -> R:
        """Wait for the result of a job. Raises what ``serve`` raises, and `EngineError` after minutes."""
        queued: _QueuedJob[J, R] = _QueuedJob(job)
        with self._lock:
            self._waiting.append(queued)
            self._shares.enter(queued.tenant)
        while not queued.served.is_set():
            if not self._free.acquire(timeout=_TIMEOUT):
                self._forget(queued)
                raise EngineError("The recognizer did not answer in time: choose a smaller model.")
            try:
                batch = [] if queued.served.is_set() else self._take()
                self._run(batch)
            finally:
                self._free.release()
            if not batch:  # another caller has taken our job
                queued.served.wait(_TIMEOUT)
                break
        if queued.error is not None:
            raise queued.error
        if queued.result is None:
            raise EngineError("The recognizer did not answer in time: choose a smaller model.")
        return queued.result

    def _take(self) -> list[_QueuedJob[J, R]]:
        """Take the next job and others of its kind."""
        with self._lock:
            if not self._waiting:
                return []
            order = sorted(
                self._waiting, key=lambda queued: self._shares[queued.tenant]
            )  # which keeps the oldest first
            kind = self._kind(order[0].job)
            share = -(-len(self._waiting) // self._workers)  # a batch must not leave other workers without any
            batch = [queued for queued in order if self._kind(queued.job) == kind][: min(self._max_jobs, share)]
            for queued in batch:
                self._waiting.remove(queued)
            return batch

    def _run(self, batch: list[_QueuedJob[J, R]]) -> None:
        if not batch:
            return
        began = time.monotonic()
        try:
            for queued, result in zip(batch, self._serve([queued.job for queued in batch]), strict=True):
                queued.result = result
        except Exception as error:
            for queued in batch:
                queued.error = error
        finally:
            with self._lock:
                for queued in batch:
                    self._shares.leave(queued.tenant, (time.monotonic() - began) / len(batch))
            for queued in batch:
                queued.served.set()

    def _forget(self, queued: _QueuedJob[J, R]) -> None:
        with self._lock:
            if queued in self._waiting:
                self._waiting.remove(queued)
                self._shares.leave(queued.tenant)
