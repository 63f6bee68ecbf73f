"""A real PostgreSQL server that a test may stop and start."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support import free_port, missing

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # where Debian has them, not on the path


class PostgreSQL:
    """Listens on a free port of one of this computer's addresses, and keeps its data in a folder."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self._host = host
        self._data = folder / "data"
        self._port = free_port()
        self._databases = 0

    def initialize(self) -> None:
        self._call("initdb", "-A", "trust", "-U", "surtitle", "--no-sync", "-E", "UTF8", "--no-locale")
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses={self._host} -c unix_socket_directories='' -c fsync=off"
        self._call("pg_ctl", "-w", "-t", "60", "-l", str(self._data / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-w", "-t", "60", "-m", "immediate", "stop")

    def database(self) -> str:
        """The address of a new, empty database."""
        self._databases += 1
        address = f"postgresql://surtitle@{self._host}:{self._port}"
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE test{self._databases}".encode())
        return f"{address}/test{self._databases}"

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(_BINARIES[-1] / program), "-D", str(self._data), *arguments]
        if os.getuid() == 0:  # it refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, timeout=90, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@contextmanager
def postgresql(folder: Path, host: str = "127.0.0.1") -> Iterator[PostgreSQL]:
    """A server that runs, in an empty folder that any user may enter."""
    if not _BINARIES:
        missing("PostgreSQL is not installed: `make test` as root installs it, or see docs/development.md")
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    server = PostgreSQL(folder, host)
    server.initialize()
    server.start()
    try:
        yield server
    finally:
        server.stop()
