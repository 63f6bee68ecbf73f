"""A pool on Ray Serve, in processes that end with this one: `python -m tests.inference.ray_pool FOLDER CONFIG`.

Runs `serve run CONFIG`, as an operator does, on a Ray of its own, which is small and writes to FOLDER. Prints a line
when all replicas are ready, and ends with its standard input.
"""

from __future__ import annotations

import os
import sys
import time

_OBJECT_STORE = 80 << 20  # bytes
_CORES = 2  # that Ray gives to replicas, however many there are
_TIMEOUT = 120.0  # seconds


def main(folder: str, config: str) -> None:
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    import ray
    from ray import serve
    from ray.serve.scripts import run

    ray.init(num_cpus=_CORES, include_dashboard=False, object_store_memory=_OBJECT_STORE, _temp_dir=folder)
    run.main(["--non-blocking", config], standalone_mode=False)
    deadline = time.monotonic() + _TIMEOUT
    while any(app.status != "RUNNING" for app in serve.status().applications.values()):
        assert time.monotonic() < deadline, serve.status()
        time.sleep(0.1)
    print("ready", flush=True)
    sys.stdin.read()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
