"""Threads that never keep the process from ending."""

from __future__ import annotations

import subprocess
import sys

BUSY = """
import asyncio, atexit, threading
from surtitle.core.threads import end_process_if_busy, start_thread

atexit.register(print, "taken down")

async def main():
    started = threading.Event()
    start_thread("busy", lambda: (started.set(), threading.Event().wait(600)))
    await asyncio.to_thread(started.wait)

asyncio.run(main())
print("ends")
end_process_if_busy()
"""


def test_the_interpreter_is_not_taken_down_under_a_thread_that_runs() -> None:
    """Libraries that load a model in it would crash."""
    ended = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ends\n", "")
