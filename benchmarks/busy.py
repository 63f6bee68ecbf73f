"""Other work on the machine: as many busy processes as take half of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def half_busy() -> Iterator[str]:
    """Keep half of the processors busy meanwhile; gives the command that does it.

    `stress-ng` where it is installed, else Python processes that count.
    """
    workers = max(1, (psutil.cpu_count() or 1) // 2)
    if shutil.which("stress-ng"):
        commands = [["stress-ng", "--cpu", str(workers), "--quiet"]]
    else:
        commands = [[sys.executable, "-c", "while True: pass"]] * workers
    processes = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for command in commands]
    try:
        yield " ".join(commands[0]) if len(commands) == 1 else f"{workers} processes that count"
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
