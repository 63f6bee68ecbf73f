"""Makes the mixes that are requested, each once, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from surtitle.core.threads import start_thread
from surtitle.recordings.files import RecordingFile
from surtitle.recordings.mix import make_mix, mix_path


@dataclass(slots=True)
class _MixJob:
    thread: asyncio.Future[Path]
    progress: float = 0.0  # the completed share
    wanted: bool = True


class Mixer:
    """Owns the threads that make mixes. Needs the event loop.

    ``fetch`` returns the path of a recording, after copying it to this computer if necessary.
    """

    def __init__(self, fetch: Callable[[RecordingFile], Path]) -> None:
        self._fetch = fetch
        self._jobs: dict[Path, _MixJob] = {}

    def progress(self, recordings: Sequence[RecordingFile]) -> float:
        """The completed share of the mix, 0 to 1."""
        if len(recordings) == 1:
            return 1.0
        path = mix_path(recordings)
        job = self._jobs.get(path)
        return job.progress if job is not None else float(path.is_file())

    async def get(self, recordings: Sequence[RecordingFile]) -> Path:
        """The file with all recordings, waiting until it exists. Raises `BadAudio`, `OSError`."""
        path = mix_path(recordings)
        if path not in self._jobs and path.is_file() and len(recordings) > 1:
            return path  # otherwise it is the recording itself, which may have to be fetched
        job = self._jobs.get(path) or self._start(path, recordings)
        await asyncio.wait({job.thread})
        return job.thread.result()

    def prepare(self, recordings: Sequence[RecordingFile]) -> None:
        """Start making the mix, without waiting for it."""
        path = mix_path(recordings)
        if path not in self._jobs and not path.is_file():
            self._start(path, recordings)

    async def cancel(self, folder: Path) -> None:
        """Stop making mixes in a session's folder, which is about to be deleted."""
        jobs = [job for path, job in self._jobs.items() if path.parent == folder]
        for job in jobs:
            job.wanted = False
        if jobs:
            await asyncio.wait({job.thread for job in jobs}, timeout=10.0)

    async def close(self) -> None:
        for job in self._jobs.values():
            job.wanted = False
        threads = {job.thread for job in self._jobs.values()}
        if threads:
            await asyncio.wait(threads, timeout=2.0)

    def _start(self, path: Path, recordings: Sequence[RecordingFile]) -> _MixJob:
        def set_progress(share: float) -> None:
            job.progress = min(share, 0.99)  # it is complete only when the file has its final name

        def work() -> Path:
            for recording in recordings:
                self._fetch(recording)
            return make_mix(recordings, lambda: job.wanted, set_progress)

        job = _MixJob(asyncio.get_running_loop().create_future())
        job.thread = start_thread(f"mix {path.parent.name}", work)
        self._jobs[path] = job
        job.thread.add_done_callback(lambda _: self._jobs.pop(path, None))
        return job
