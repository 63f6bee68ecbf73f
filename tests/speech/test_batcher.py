from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from surtitle.speech.fair_shares import CURRENT_TENANT
from surtitle.speech.whisper.batcher import Batcher


def test_waiting_jobs_of_one_kind_are_batched() -> None:
    release, first = threading.Event(), threading.Event()
    batches: list[list[int]] = []

    def serve(jobs: Sequence[int]) -> list[int]:
        batches.append(list(jobs))
        first.set()
        release.wait(10)
        return [job * 10 for job in jobs]

    batcher = Batcher(serve, lambda job: job % 2, max_jobs=3, workers=1)
    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(batcher.run, 1)]
        first.wait(10)
        for job in (3, 5, 7, 9, 2):
            results.append(pool.submit(batcher.run, job))
            while len(batcher) < len(results) - 1:
                pass
        release.set()
        assert [result.result(10) for result in results] == [10, 30, 50, 70, 90, 20]
    assert batches[:2] == [[1], [3, 5, 7]]
    assert sorted(batches[2:]) == [[2], [9]]


def test_a_tenant_with_many_jobs_does_not_delay_another() -> None:
    release, first = threading.Event(), threading.Event()
    order: list[str] = []

    def serve(jobs: Sequence[str]) -> list[str]:
        order.extend(jobs)
        first.set()
        release.wait(10)
        return list(jobs)

    def run(job: str) -> str:
        CURRENT_TENANT.set(job[0])
        return batcher.run(job)

    batcher = Batcher(serve, lambda job: None, max_jobs=1, workers=1)
    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(run, "a1")]
        first.wait(10)
        for job in ("a2", "a3", "a4", "b1"):
            results.append(pool.submit(run, job))
            while len(batcher) < len(results) - 1:
                pass
        release.set()
        assert [result.result(10) for result in results] == ["a1", "a2", "a3", "a4", "b1"]
    assert order == ["a1", "b1", "a2", "a3", "a4"]


def test_workers_run_in_parallel() -> None:
    both = threading.Barrier(2, timeout=10)

    def serve(jobs: Sequence[int]) -> list[int]:
        both.wait()
        return list(jobs)

    batcher = Batcher(serve, lambda job: job, max_jobs=1, workers=2)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(batcher.run, (1, 2))) == [1, 2]


def test_a_failing_batch_fails_only_its_own_jobs() -> None:
    def serve(jobs: Sequence[int]) -> list[int]:
        if 0 in jobs:
            raise ValueError("no")
        return list(jobs)

    batcher = Batcher(serve, lambda job: job, max_jobs=4, workers=1)
    with pytest.raises(ValueError, match="no"):
        batcher.run(0)
    assert batcher.run(1) == 1


def test_many_callers_get_their_own_results() -> None:
    batcher: Batcher[int, int] = Batcher(
        lambda jobs: [job + 1 for job in jobs], lambda job: job % 3, max_jobs=4, workers=2
    )
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(batcher.run, range(2000))) == list(range(1, 2001))
