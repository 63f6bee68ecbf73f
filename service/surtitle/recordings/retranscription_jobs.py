"""Second passes that the service was asked for: one at a time, in a process that gives way to everything else."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from surtitle.core.errors import BadRequest
from surtitle.core.settings import Settings

log = logging.getLogger("surtitle.recordings")

WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"

_COMMAND = (sys.executable, "-P", "-m", "surtitle", "polish")
_NICENESS = 19
_MOST = 50  # that wait, or of which the end is remembered
_LAST_WORDS = 2000  # characters of what it says when it fails
_FAREWELL = 5.0  # seconds to end when it is stopped


@dataclass(slots=True)
class Job:
    """How one second pass stands; ``done`` is a share, 0 to 1."""

    state: str = WAITING
    done: float = 0.0
    message: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state, "done": round(self.done, 4), "message": self.message}


class Polisher:
    """Owns a task and a process for each second pass."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()

    def job(self, session: str) -> Job | None:
        """How the second pass of a session stands, if there was one since the service was started."""
        return self._jobs.get(session)

    def start(self, session: str, model: str | None = None) -> Job:
        """Begin one, or wait for the turn; the one that is under way, if there is. Raises `BadRequest`."""
        if session in self._tasks:
            return self._jobs[session]
        if len(self._tasks) >= _MOST:
            raise BadRequest(f"{_MOST} sessions wait to be transcribed again: wait for one of them.")
        self._jobs.pop(session, None)
        while len(self._jobs) >= _MOST:
            del self._jobs[next(name for name in self._jobs if name not in self._tasks)]
        job = self._jobs[session] = Job()
        task = self._tasks[session] = asyncio.create_task(self._run(session, job, model), name=f"polish {session}")
        task.add_done_callback(lambda _: self._tasks.pop(session, None))
        return job

    async def stop(self, session: str) -> None:
        """Give one up; what was before stays."""
        if (task := self._tasks.get(session)) is not None:
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        for session in list(self._tasks):
            await self.stop(session)

    async def _run(self, session: str, job: Job, model: str | None) -> None:
        try:
            async with self._turn:
                job.state = RUNNING
                await self._polish(session, job, model)
        except asyncio.CancelledError:
            job.state = STOPPED
            raise
        except Exception:
            log.exception("%s: the second pass could not be made", session)
            job.state, job.message = FAILED, "The second pass could not be made: the log says why."

    async def _polish(self, session: str, job: Job, model: str | None) -> None:
        options = [session, "--for-program", "--data-dir", str(self._settings.data_dir)]
        if model:
            options += ["--model", model]
        elif self._settings.model:
            options += ["--also", self._settings.model]
        secret = {"SURTITLE_POLISH_DATABASE": self._settings.database} if self._settings.database else {}
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            *options,
            env={**os.environ, **secret},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        _give_way(process.pid)
        said = asyncio.create_task(_last_words(process.stderr))
        try:
            async for line in process.stdout:
                with suppress(ValueError):
                    job.done = float(line)
            await process.wait()
            words = (await said).strip()
        finally:
            said.cancel()
            await _end(process)
        if process.returncode == 0:
            job.state, job.done = DONE, 1.0
            return
        log.error("%s: the second pass failed: %s", session, words)
        told = words.rpartition("Error: ")[2] if "Error: " in words and "Traceback" not in words else ""
        job.state, job.message = FAILED, " ".join(told.split()) or "The second pass failed: the log says why."


def _give_way(process: int) -> None:
    """Live captions go first."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process, _NICENESS)


async def _last_words(stream: asyncio.StreamReader) -> str:
    words = b""
    while data := await stream.read(4096):
        words = (words + data)[-_LAST_WORDS:]
    return words.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _FAREWELL)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
