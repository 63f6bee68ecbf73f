"""The service as a process of its own, which a test may kill."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

import httpx

from tests.support import free_port


class ServiceProcess:
    """`surtitle serve` with a model for English, on one port and one data folder, as often as it is started."""

    def __init__(self, folder: Path, model: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        command = [sys.executable, "-m", "surtitle", "serve", "--port", str(self.port), "--data-dir", str(folder)]
        self._command = [*command, "--engine", "whisper", "--model", str(model), "--language", "en", *options]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until the model is loaded."""
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=asyncio.subprocess.DEVNULL, stderr=log
            )
        async with asyncio.timeout(90), httpx.AsyncClient() as client:
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get(f"{self.url}/healthz")).json()["engine"] == "whisper":
                        return
                await asyncio.sleep(0.05)

    async def stop(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended already, and wait until it has ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await asyncio.wait_for(self._process.wait(), 60)

    def log(self) -> str:
        return (self._folder / "log").read_text()
