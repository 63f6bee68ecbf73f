"""A pool on Ray Serve in a process of its own, whose replicas a test may kill."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.support import free_port, missing

SHIPPED = Path(__file__).parents[2] / "deploy" / "inference" / "serve.yaml"
_TIMEOUT = 60.0  # seconds until the pool has ended
_REPLICA = re.compile(r"ray::.*\bRecognition(\.\w+)?")
"""Titles that Ray gives its process: of the deployment, and of the method while it handles a request."""


def need_ray() -> None:
    """Skip the test where Ray is not installed; in CI it fails."""
    if importlib.util.find_spec("ray") is None:
        missing("Ray is needed: run `make .venv-torch/test`")


class RayPool:
    """The pool that `deploy/inference/serve.yaml` describes, with other models and as many replicas as are given.

    ``recognition`` and ``translation`` are the directories of models by their names, ``diarization`` their files.
    """

    def __init__(
        self,
        folder: Path,
        recognition: Mapping[str, Path],
        translation: Mapping[str, Path] = {},
        diarization: Mapping[str, Path] = {},
        *,
        replicas: int = 1,
        cores: float = 1,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        config = read_shipped_pool(
            recognition,
            translation,
            diarization,
            replicas=replicas,
            cores=cores,
            http_options={"host": "127.0.0.1", "port": self.port},
        )
        self._config = folder / "serve.yaml"
        self._config.write_text(yaml.safe_dump(config), encoding="utf-8")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until all replicas are ready."""
        with (self._folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.inference.ray_pool", str(self._config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == "ready\n":
                return
        raise AssertionError(self.log())

    def replicas(self) -> list[psutil.Process]:
        """The processes of the replicas of Whisper models."""
        return [process for process in self.processes() if is_replica(process)]

    def processes(self) -> list[psutil.Process]:
        """All processes of the pool."""
        assert self._process is not None
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def stop(self) -> None:
        if self._process is None:
            return
        processes = self.processes() if self._process.poll() is None else []
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_TIMEOUT)
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()
            for process in processes:
                if process.is_running():
                    process.kill()

    def log(self) -> str:
        return (self._folder / "log").read_text()


@contextmanager
def ray_pool(pool: RayPool) -> Iterator[RayPool]:
    """The pool, running."""
    try:
        pool.start()
        yield pool
    finally:
        pool.stop()


def is_replica(process: psutil.Process) -> bool:
    """Whether it is a replica of a Whisper model."""
    return _REPLICA.fullmatch(_title(process)) is not None


def read_shipped_pool(
    recognition: Mapping[str, Path],
    translation: Mapping[str, Path],
    diarization: Mapping[str, Path] = {},
    *,
    replicas: int,
    cores: float,
    http_options: Mapping[str, Any],
    **changes: Any,
) -> dict[str, Any]:
    """The configuration that is shipped, with other models, replicas and ``changes``."""
    config: dict[str, Any] = yaml.safe_load(enable_diarization(SHIPPED.read_text(encoding="utf-8"))) | changes
    config["http_options"] |= http_options
    whisper, nllb, sortformer = config["applications"]
    config["applications"] = [
        *(_adapt(whisper, name, model, replicas, cores) for name, model in recognition.items()),
        *(_adapt(nllb, name, model, 1, 0.1) for name, model in translation.items()),
        *(_adapt(sortformer, name, model, replicas, 0.1) for name, model in diarization.items()),
    ]
    return config


def enable_diarization(shipped: str) -> str:
    """The shipped configuration with the application that tells speakers apart, which is commented out."""
    before, comments, application = shipped.partition("  # - name: sortformer")
    return before + (comments + application).replace("\n  # ", "\n  ").replace("  # - ", "  - ", 1)


def _adapt(application: Mapping[str, Any], name: str, model: Path, replicas: int, cores: float) -> dict[str, Any]:
    """The application for another model, with a fixed number of replicas."""
    (shipped,) = application["deployments"]
    deployment = {key: value for key, value in shipped.items() if key != "autoscaling_config"}
    deployment |= {"num_replicas": replicas, "ray_actor_options": {"num_cpus": cores}}
    return {
        **application,
        "name": name,
        "route_prefix": f"/models/{name}",
        "args": {"model": str(model)},
        "deployments": [deployment],
    }


def _title(process: psutil.Process) -> str:
    try:
        return str(process.cmdline()[0])
    except (psutil.Error, IndexError):
        return ""
