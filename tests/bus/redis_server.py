"""A real Redis server that a test may kill and start."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.support import free_port, need

_START_TIMEOUT = 30.0  # seconds


class RedisServer:
    """Listens on a free port of one of this computer's addresses. It has lost everything when it starts again."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self._host = host
        self._program = need("redis-server")
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://{host}:{self._port}/0"

    def start(self) -> None:
        options = ["--port", str(self._port), "--bind", self._host, "--save", "", "--dir", str(self._folder)]
        options += ["--protected-mode", "no"]  # clients may come from other addresses of this computer
        self._process = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(_START_TIMEOUT)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A server that runs."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
