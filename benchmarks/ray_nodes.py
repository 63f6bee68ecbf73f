"""A pool on Ray Serve whose machines are network namespaces of this one. Needs Linux, root and the extra `ray`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from benchmarks.paths import ROOT
from surtitle.pool.messages import INFO
from tests.inference.ray_process import is_replica, read_shipped_pool

_GCS_PORT, _PORT = 6379, 8100  # of Ray, and of the pool's HTTP proxy
_OBJECT_STORE = 80 << 20  # bytes
_TIMEOUT = 180.0  # seconds


class RayNodes:
    """A head without replicas in the host's namespace at ``address``, and a machine with one replica in each of
    ``namespaces``, which are names with their addresses."""

    def __init__(self, folder: Path, address: str, namespaces: dict[str, str], model: str, directory: Path) -> None:
        self.url = f"http://{address}:{_PORT}"
        self._folder, self._address, self._namespaces = folder, address, namespaces
        self._model = model
        self._config = folder / "serve.yaml"
        self._config.write_text(yaml.safe_dump(self._describe(model, directory)), encoding="utf-8")
        self._temporary = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # the names of sockets must be short
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "disabled",
            "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "55",
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start the machines and the replicas, and wait until all are ready."""
        head = ["--head", f"--port={_GCS_PORT}", "--num-cpus=0", "--include-dashboard=false"]
        self._run("head", [*self._ray(self._address), *head, f"--temp-dir={self._temporary}"])
        self._wait_for("Ray runtime started", "head")
        for name in self._namespaces:
            self.start_node(name)
        serve = [str(Path(sys.executable).parent / "serve"), "run", f"--address={self._address}:{_GCS_PORT}"]
        self._run("serve", [*serve, str(self._config)])
        deadline = time.monotonic() + _TIMEOUT
        while len(self.replicas()) < len(self._namespaces) or not self._answers():
            ended = [name for name, process in self._processes.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = "\n".join(self._log(name)[-4000:] for name in ended or ["serve"])
                raise RuntimeError(f"The pool does not start:\n{logs}")
            time.sleep(0.2)

    def start_node(self, name: str) -> None:
        """Start a machine whose files, sockets among them, only it sees: `ip netns exec` gives it mounts of its own."""
        mount = f'mount -t tmpfs tmpfs "{self._temporary}" && exec "$@"'
        node = ["ip", "netns", "exec", name, "sh", "-c", mount, "sh", *self._ray(self._namespaces[name])]
        self._run(name, [*node, f"--address={self._address}:{_GCS_PORT}", "--num-cpus=1"])

    def kill_replica(self) -> None:
        """Kill the process of one replica; Ray starts another."""
        self.replicas()[0].kill()

    def kill_node(self, name: str) -> None:
        """Kill all processes of a machine at once."""
        pids = subprocess.run(["ip", "netns", "pids", name], check=True, capture_output=True, text=True).stdout.split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._processes[name].wait(_TIMEOUT)

    def replicas(self) -> list[psutil.Process]:
        return [process for process in self.processes() if is_replica(process)]

    def processes(self) -> list[psutil.Process]:
        """All processes of the pool."""
        found = []
        for process in self._processes.values():
            if process.poll() is None:
                own = psutil.Process(process.pid)
                found += [own, *own.children(recursive=True)]
        return found

    def stop(self) -> None:
        for process in self.processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        for one in self._processes.values():
            one.wait(_TIMEOUT)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _answers(self) -> bool:
        """Whether a replica answers."""
        try:
            response = httpx.get(f"{self.url}/models/{self._model}/{INFO}", timeout=5)
        except httpx.HTTPError:
            return False
        return bool(response.status_code == 200)

    def _describe(self, model: str, directory: Path) -> dict[str, Any]:
        return read_shipped_pool(
            {model: directory},
            {},
            replicas=len(self._namespaces),
            cores=1,
            http_options={"host": self._address, "port": _PORT},
            proxy_location="HeadOnly",
        )

    def _ray(self, address: str) -> list[str]:
        ray = str(Path(sys.executable).parent / "ray")
        return [ray, "start", "--block", f"--node-ip-address={address}", f"--object-store-memory={_OBJECT_STORE}"]

    def _run(self, name: str, command: list[str]) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, cwd=ROOT)

    def _wait_for(self, text: str, name: str) -> None:
        deadline = time.monotonic() + _TIMEOUT
        while text not in self._log(name):
            if time.monotonic() > deadline or self._processes[name].poll() is not None:
                raise RuntimeError(f"Ray does not start:\n{self._log(name)[-4000:]}")
            time.sleep(0.2)

    def _log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")
