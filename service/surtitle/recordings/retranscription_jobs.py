"""Runs the second passes that clients request: one at a time, in a process of low priority."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass

from surtitle.core.errors import BadRequest
from surtitle.core.processes import LOW_PRIORITY, PATIENT, lower_priority, module_command, terminate
from surtitle.core.settings import Settings
from surtitle.core.wire.sessions import JobState, SecondPass

log = logging.getLogger("surtitle.recordings")


_COMMAND = tuple(module_command("surtitle", "polish"))
_MAX_JOBS = 50  # jobs that wait, and finished jobs that are remembered
_MAX_ERROR_BYTES = 2000  # of the process's error output


@dataclass(slots=True)
class Job:
    """The status of a second pass; ``progress`` is the completed share, 0 to 1."""

    state: JobState = JobState.WAITING
    progress: float = 0.0
    message: str = ""

    def as_json(self) -> SecondPass:
        return SecondPass(state=self.state, done=round(self.progress, 4), message=self.message)


class Retranscriber:
    """Owns a task and a process for each second pass."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()

    def job(self, session: str) -> Job | None:
        """The status of the session's second pass, or None if there was none since the service started."""
        return self._jobs.get(session)

    def start(self, session: str, model: str | None = None) -> Job:
        """Queue a second pass, or return the one that is queued or running. Raises `BadRequest`."""
        if session in self._tasks:
            return self._jobs[session]
        if len(self._tasks) >= _MAX_JOBS:
            raise BadRequest(f"Already {_MAX_JOBS} sessions wait to be transcribed again: try again later.")
        self._jobs.pop(session, None)
        while len(self._jobs) >= _MAX_JOBS:
            del self._jobs[next(name for name in self._jobs if name not in self._tasks)]
        job = self._jobs[session] = Job()
        task = self._tasks[session] = asyncio.create_task(self._run(session, job, model), name=f"polish {session}")
        task.add_done_callback(lambda _: self._tasks.pop(session, None))
        return job

    async def stop(self, session: str) -> None:
        """Cancel a session's second pass; the stored transcripts stay as they are."""
        if (task := self._tasks.get(session)) is not None:
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        for session in list(self._tasks):
            await self.stop(session)

    async def _run(self, session: str, job: Job, model: str | None) -> None:
        try:
            async with self._turn:
                job.state = JobState.RUNNING
                await self._run_process(session, job, model)
        except asyncio.CancelledError:
            job.state = JobState.STOPPED
            raise
        except Exception:
            log.exception("%s: the second pass could not be started", session)
            job.state, job.message = JobState.FAILED, "The second pass could not be started: see the service's log."

    async def _run_process(self, session: str, job: Job, model: str | None) -> None:
        options = [session, "--for-program", "--data-dir", str(self._settings.data_dir)]
        if model:
            options += ["--model", model]
        elif self._settings.model:
            options += ["--also", self._settings.model]
        addresses = {
            "SURTITLE_POLISH_DATABASE": self._settings.database,
            "SURTITLE_POLISH_RECORDINGS": self._settings.recordings,
        }
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            *options,
            env={**os.environ, **{name: one for name, one in addresses.items() if one}},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=LOW_PRIORITY,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        lower_priority(process.pid, PATIENT)
        reading = asyncio.create_task(_read_errors(process.stderr))
        try:
            async for line in process.stdout:
                with suppress(ValueError):
                    job.progress = float(line)
            await process.wait()
            output = (await reading).strip()
        finally:
            reading.cancel()
            await terminate(process)
        if process.returncode == 0:
            job.state, job.progress = JobState.DONE, 1.0
            return
        log.error("%s: the second pass failed: %s", session, output)
        message = output.rpartition("Error: ")[2] if "Error: " in output and "Traceback" not in output else ""
        job.state = JobState.FAILED
        job.message = " ".join(message.split()) or "The second pass failed: see the service's log."


async def _read_errors(stream: asyncio.StreamReader) -> str:
    """Read a stream to its end, and return the last part of it."""
    output = b""
    while data := await stream.read(4096):
        output = (output + data)[-_MAX_ERROR_BYTES:]
    return output.decode(errors="replace")
