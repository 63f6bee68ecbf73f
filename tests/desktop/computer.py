"""A person's computer on which the app is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

TIMEOUT = 180.0  # seconds, for a machine that does much else
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Computer:
    """A home folder, a data folder, and a browser that writes down what it is to open."""

    def __init__(self, home: Path) -> None:
        (home / "bin").mkdir()
        browser = home / "bin" / "xdg-open"
        browser.write_text(f'#!/bin/sh\necho "$1" >> "{home}/opened"\n')
        browser.chmod(0o755)
        self.data = home / "data"
        self._home = home
        path = f"{home / 'bin'}:{os.environ['PATH']}"
        self._environment = {**os.environ, "HOME": str(home), "PATH": path, "SURTITLE_SERVE_DATA_DIR": str(self.data)}
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            self._environment.pop(name, None)

    @property
    def opened(self) -> list[str]:
        """Addresses, in order."""
        with suppress(FileNotFoundError):
            return (self._home / "opened").read_text().splitlines()
        return []

    def start(self, *arguments: str, program: Path | None = None, **variables: str) -> subprocess.Popen[bytes]:
        """Start the installed package, or another ``program``."""
        command = [str(program)] if program else [sys.executable, "-m", "surtitle"]
        return subprocess.Popen(
            [*command, *arguments],
            env={**self._environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        process = self.start(*arguments)
        try:
            yield
        finally:
            process.terminate()
            process.wait(TIMEOUT)


def ask(url: str, method: str = "GET", body: object = None) -> Any:
    """The answer. Raises OSError if there is none."""
    data = None if body is None else json.dumps(body).encode()
    with _DIRECT.open(urllib.request.Request(url, data, method=method), timeout=30) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    with suppress(OSError):
        return bool(ask(f"{url}/healthz"))
    return False


def wait(true: Callable[[], Any], timeout: float = TIMEOUT) -> None:
    """Look until it is true."""
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.05)
