"""Worker processes: they read requests on standard input and write answers to standard output.

Both are frames: a length of four bytes (little-endian), then msgpack. A request is a list of an operation's name and
its arguments. Each request has one answer, which is a string if something went wrong. The process sends its first
answer, an empty list, unasked when it is ready.
"""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

import msgspec

LOW_PRIORITY: int = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
"""The creation flags of a process with low priority, which Windows sets there; see `lower_priority`."""

PATIENT, PROMPT = 19, 10
"""Niceness of work that can take hours, and of work for which somebody waits: live captions go before both."""

_TERMINATE_TIMEOUT = 5.0  # seconds until a process that does not terminate is killed


RUN_MODULE = "--run-module"
"""The first argument with which the packaged program, which has no `python` of its own, runs a module."""


def is_packaged() -> bool:
    """Whether this is the packaged program, whose executable is not Python."""
    return bool(getattr(sys, "frozen", False))


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in a process of its own, as `python -m` does."""
    if is_packaged():
        return [sys.executable, RUN_MODULE, module, *arguments]
    return [sys.executable, "-P", "-m", module, *arguments]  # -P: do not import from the current folder


def start_process(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start ``module``, which has to call `serve`, in a process. Raises OSError."""
    # in a new session, because Ctrl-C is for the service to handle
    return subprocess.Popen(
        module_command(module, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )


def read_answer(process: subprocess.Popen[bytes], timeout: float) -> Any:
    """Read the process's next answer; kills it after ``timeout`` seconds. Raises EOFError, OSError."""
    assert process.stdout is not None
    watchdog = threading.Timer(timeout, process.kill)  # pipes have no timeouts on Windows
    watchdog.daemon = True
    watchdog.start()
    try:
        return read_frame(process.stdout)
    finally:
        watchdog.cancel()


def write_frame(stream: IO[bytes], value: object) -> None:
    """Send one value. Raises OSError if the other end is gone."""
    data = msgspec.msgpack.encode(value)
    stream.write(struct.pack("<I", len(data)) + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Receive one value. Raises EOFError if the other end is gone."""
    header = stream.read(4)
    if len(header) < 4:
        raise EOFError
    (length,) = struct.unpack("<I", header)
    return msgspec.msgpack.decode(stream.read(length))


def serve(create: Callable[[], object]) -> None:
    """Answer requests by calling methods of the object that ``create`` returns.

    Returns when standard input ends, or nobody reads the answers any more.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the frames
    try:
        _answer_requests(create, answers)
    except OSError:
        pass  # the process that asked was ended meanwhile, for example with Ctrl-C
    finally:
        with suppress(OSError):
            answers.close()  # it may still have an answer, which would be reported when the interpreter exits


def _answer_requests(create: Callable[[], object], answers: IO[bytes]) -> None:
    try:
        server = create()
    except Exception as error:
        write_frame(answers, f"{type(error).__name__}: {error}")
        return
    write_frame(answers, [])
    while True:
        try:
            operation, *arguments = read_frame(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = getattr(server, operation)(*arguments)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        write_frame(answers, answer)


def lower_priority(process: int, niceness: int) -> None:
    """Let live captions go before a process that has just been started."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process, niceness)


async def terminate(process: asyncio.subprocess.Process) -> None:
    """End a process, and kill it if it does not end within seconds."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _TERMINATE_TIMEOUT)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
