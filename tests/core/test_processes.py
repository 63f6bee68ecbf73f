"""Worker processes that end with those who started them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from surtitle.core.processes import read_frame, write_frame

WORKER = """
import time
from surtitle.core.processes import serve

class Server:
    def wait(self):
        print("waiting", flush=True)  # on standard error
        time.sleep(0.3)
        return [0] * {size}

serve(Server)
"""


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_worker_whose_answer_nobody_reads_ends_quietly(size: int) -> None:
    """As when the process that asked is stopped with Ctrl-C while the worker is busy."""
    command = [sys.executable, "-c", WORKER.format(size=size)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stderr is not None
        assert read_frame(worker.stdout) == []
        write_frame(worker.stdin, ["wait"])
        assert worker.stderr.readline() == b"waiting\n"
        worker.stdout.close()
        assert worker.stderr.read() == b""
        worker.stdin.close()
        assert worker.wait(30) == 0
