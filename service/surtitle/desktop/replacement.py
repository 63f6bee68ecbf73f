"""Replaces the program's folder with that of a new version after the old one has ended, or restores the old one.

The new program does this from the folder beside it, into which it was unpacked: no system lets a program rename the
folder that it runs from on all file systems, and Windows never does.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from surtitle.core.announcement import find_announcement, withdraw
from surtitle.desktop.location import Location
from surtitle.desktop.single_instance import AlreadyRunning, SingleInstance
from surtitle.store.database import FILE as DATABASE

log = logging.getLogger("surtitle.desktop")

_END_TIMEOUT = 60.0  # seconds until the old program has ended
START_TIMEOUT = 120.0  # seconds until the new program's dashboard answers
_POLL_INTERVAL = 0.1  # seconds
_RENAME_TIMEOUT = 30.0  # seconds during which a virus scanner may hold a file on Windows
_DATABASE_FILES = tuple(DATABASE + suffix for suffix in ("", "-wal", "-shm"))
_BACKUP = ".before-update"

_detached: list[subprocess.Popen[bytes]] = []  # kept, because Python warns of processes that are forgotten


def staging_folder(root: Path) -> Path:
    """The folder beside the program in which new versions are unpacked."""
    return root.with_name(f".{root.name}-update")


def remove_staging(root: Path) -> None:
    """Remove what an earlier update has left."""
    shutil.rmtree(staging_folder(root), ignore_errors=True)


def start_replacement(old: Location, new: Location, data_dir: Path, version: str, options: list[str]) -> None:
    """Let the new program replace this one as soon as this one has ended. Raises OSError."""
    start_detached(
        [str(new.executable), "replace-program", str(old.root), version, "--data-dir", str(data_dir), "--", *options]
    )


def replace_program(
    old: Location, new: Location, data_dir: Path, version: str, options: list[str], timeout: float = START_TIMEOUT
) -> bool:
    """Replace ``old`` with ``new``, and start it with ``options``. If it does not start, the old one is restored.

    Waits until the old program has ended. Returns whether the new one runs.
    """
    try:
        SingleInstance(data_dir, _END_TIMEOUT).release()
    except AlreadyRunning:
        log.error("the program did not end, so it is not replaced")
        return False
    withdraw(data_dir)  # what it has left, if it was killed
    root, previous, incoming = (
        old.root,
        old.root.with_name(f".{old.root.name}-previous"),
        staging_folder(old.root) / "next",
    )
    try:
        for leftover in (previous, incoming):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(new.root, incoming, symlinks=True)
        _back_up_database(data_dir)
        _retry(lambda: root.rename(previous))
        try:
            _retry(lambda: incoming.rename(root))
        except OSError:
            _retry(lambda: previous.rename(root))
            raise
    except OSError as error:
        log.error("the program could not be replaced: %s", error)
        start_detached([str(old.executable), "app", *options, "--update-failed", version])
        return False
    log.info("%s was replaced, starting version %s", root, version)
    try:
        process = start_detached([str(old.executable), "app", *options])
        if _is_running(process, data_dir, version, timeout):
            shutil.rmtree(previous, ignore_errors=True)
            _remove_backup(data_dir)
            return True
        _end(process)
    except OSError as error:
        log.error("the new version cannot be executed: %s", error)
    log.error("version %s did not start, the previous version is restored", version)
    _retry(lambda: root.rename(staging_folder(root) / "failed"))
    _retry(lambda: previous.rename(root))
    _restore_database(data_dir)
    start_detached([str(old.executable), "app", *options, "--update-failed", version])
    return False


def start_detached(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one. Raises OSError."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=flags,
        cwd=Path.home(),  # a folder that is renamed must be nobody's current one
    )
    _detached.append(process)
    return process


def _is_running(process: subprocess.Popen[bytes], data_dir: Path, version: str, timeout: float) -> bool:
    """Wait until the app of this version says that its dashboard answers, or until its process ends."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        running = find_announcement(data_dir)
        if running is not None:
            return running.version == version
        if process.poll() is not None:
            return False
        time.sleep(_POLL_INTERVAL)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _back_up_database(data_dir: Path) -> None:
    """Copy the database, because a new version may change its tables, and the old one could not read them."""
    for name in _DATABASE_FILES:
        if (data_dir / name).exists():
            shutil.copy2(data_dir / name, data_dir / f"{name}{_BACKUP}")


def _restore_database(data_dir: Path) -> None:
    if not (data_dir / f"{DATABASE}{_BACKUP}").exists():
        return
    for name in _DATABASE_FILES:
        (data_dir / name).unlink(missing_ok=True)
        if (data_dir / f"{name}{_BACKUP}").exists():
            (data_dir / f"{name}{_BACKUP}").replace(data_dir / name)


def _remove_backup(data_dir: Path) -> None:
    for name in _DATABASE_FILES:
        (data_dir / f"{name}{_BACKUP}").unlink(missing_ok=True)


def _retry(act: Callable[[], object]) -> None:
    """Repeat what Windows refuses while a program that is ending, or a virus scanner, has a file open."""
    deadline = time.monotonic() + _RENAME_TIMEOUT
    while True:
        try:
            act()
            return
        except OSError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
