"""Processes that do one thing for the service: requests on standard input, answers on standard output.

Both are frames: four bytes of length, then msgpack. A request is a list of an operation's name and its
arguments. Each has one answer, which is a string if something went wrong. The first answer, an empty list,
comes by itself when the process is ready.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

import msgspec


def started(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A process that serves. Raises OSError."""
    command = [sys.executable, "-P", "-m", module, *arguments]  # -P: whatever lies in the current folder
    # a session of its own: Ctrl-C is the service's to handle
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def answer_of(process: subprocess.Popen[bytes], timeout: float) -> Any:
    """Its next answer; it is ended if that takes longer. Raises EOFError, OSError."""
    assert process.stdout is not None
    watchdog = threading.Timer(timeout, process.kill)  # pipes have no timeouts on Windows
    watchdog.daemon = True
    watchdog.start()
    try:
        return read_frame(process.stdout)
    finally:
        watchdog.cancel()


def write_frame(stream: IO[bytes], value: object) -> None:
    """Send one value. Raises OSError when the other end is gone."""
    data = msgspec.msgpack.encode(value)
    stream.write(struct.pack("<I", len(data)) + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Receive one value. Raises EOFError when the other end is gone."""
    header = stream.read(4)
    if len(header) < 4:
        raise EOFError
    (length,) = struct.unpack("<I", header)
    return msgspec.msgpack.decode(stream.read(length))


def serve(make: Callable[[], object]) -> None:
    """Answer requests by the methods of what ``make`` gives, until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the frames
    try:
        server = make()
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
