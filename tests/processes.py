"""Programs beside the service that tests start."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def run_nginx(nginx: str, folder: Path, http: str, connections: int = 512) -> Iterator[None]:
    """Run nginx with what its `http` block has, and with everything that it writes in ``folder``.

    ``connections`` are those of clients and of services together.
    """
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    files = f"pid {folder}/nginx.pid; error_log {folder}/error.log;"
    text = f"{files} daemon off; {user} events {{ worker_connections {connections}; }} http {{ {paths} {http} }}"
    (folder / "nginx.conf").write_text(text)
    command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=20, check=False)
    assert checked.returncode == 0, checked.stderr
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(10)
