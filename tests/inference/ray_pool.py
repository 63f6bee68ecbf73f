"""A pool on Ray Serve, in processes that end with this one: `python -m tests.inference.ray_pool CONFIG`.

Runs `serve run CONFIG`, as an operator does, on a Ray of its own, which is small. Prints a line when all replicas are
ready, and ends with its standard input.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

_OBJECT_STORE = 80 << 20  # bytes
_CORES = 2  # that Ray gives to replicas, however many there are
_TIMEOUT = 240.0  # seconds
_PROXY_TIMEOUT = "55"  # seconds for the proxy to start, of the 60 that Ray waits for it; on a busy machine 15 are few


def main(config: str) -> None:
    os.environ |= {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": _PROXY_TIMEOUT,
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": _PROXY_TIMEOUT,
    }
    # not below the folder of a test: the names of sockets must be short
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        _serve(folder, config)


def _serve(folder: str, config: str) -> None:
    import ray
    from ray import serve
    from ray.serve.scripts import run

    ray.init(num_cpus=_CORES, include_dashboard=False, object_store_memory=_OBJECT_STORE, _temp_dir=folder)
    deadline = time.monotonic() + _TIMEOUT
    while True:
        try:
            run.main(["--non-blocking", config], standalone_mode=False)
            break
        except ray.exceptions.RayError:  # the proxy did not start in time
            if time.monotonic() > deadline - _TIMEOUT / 2:
                raise
            serve.shutdown()
    while any(app.status != "RUNNING" for app in serve.status().applications.values()):
        assert time.monotonic() < deadline, serve.status()
        time.sleep(0.1)
    print("ready", flush=True)
    sys.stdin.read()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
