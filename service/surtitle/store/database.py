"""The database: SQLite in a folder, or PostgreSQL at an address."""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import create_engine, event, func, make_url, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from surtitle.core.errors import SurtitleError
from surtitle.core.files import create_private_folder, describe_unusable

FILE = "surtitle.db"
_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = "head"  # of the tables
_MIGRATION_LOCK = 0x53757274  # any number that nobody else is likely to lock
_BUSY_TIMEOUT = 2.0  # seconds to wait while another program locks the file
_SERVER_TIMEOUT = 5  # seconds to wait for a server's answer
_CACHE_SIZE = 500  # KiB of the file that each connection caches in memory
_DRIVER = "postgresql+psycopg"
_ADDRESS_HELP = "--database takes a PostgreSQL address, like postgresql://user:password@host/surtitle."


class StoreError(SurtitleError):
    """The database cannot be read or written."""

    code = "store_failed"


class Database:
    """Connections for threads to a database whose tables are migrated to this version. Raises `StoreError`."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.name = f"{folder / FILE}"
        try:
            self._engine = _open_server(url) if url else _open_file(folder)
            if url:
                self.name = self._engine.url.render_as_string(hide_password=True)
            with self._engine.begin() as connection:
                _migrate(connection)
        except CommandError as error:
            raise StoreError(
                f"{self.name} was written by a newer version: update Surtitle, or choose another --data-dir."
            ) from error
        except (OSError, SQLAlchemyError) as error:
            raise StoreError(
                f"{self.name} cannot be used ({describe_error(error)}): "
                + (
                    "make sure that the server runs and --database is correct."
                    if url
                    else "choose another folder with --data-dir, or move the file away."
                )
            ) from error

    @property
    def sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection for reading. Raises `StoreError`."""
        with self._translate_errors("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection in a transaction, which is committed unless the block raises. Raises `StoreError`."""
        with self._translate_errors("written"), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _translate_errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(
                f"{self.name} cannot be {done} ({describe_error(error)}): captions continue without it."
            ) from error


def describe_error(error: Exception) -> str:
    """The reason of an error in a few words, without the SQL statement."""
    text = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
    return " ".join(text.split())[:200]


def _open_file(folder: Path) -> Engine:
    """Open the SQLite file. It holds OBS's password and what people said, so only its owner may read it."""
    try:
        create_private_folder(folder)
    except OSError as error:
        raise StoreError(describe_unusable(folder, error)) from error
    path = folder / FILE
    path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_TIMEOUT})
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "connect", _add_functions)
    return engine


def _open_server(address: str) -> Engine:
    try:
        url = make_url(address)
        if url.get_backend_name() != "postgresql":
            raise StoreError(_ADDRESS_HELP)
        waiting = {"connect_timeout": _SERVER_TIMEOUT, "options": f"-c statement_timeout={_SERVER_TIMEOUT * 1000}"}
        return create_engine(url.set(drivername=_DRIVER), connect_args=waiting, pool_pre_ping=True)
    except ArgumentError as error:
        raise StoreError(_ADDRESS_HELP) from error
    except (ImportError, NoSuchModuleError) as error:
        raise StoreError("PostgreSQL needs its driver: pip install 'surtitle[postgresql]'.") from error


def _set_pragmas(connection: object, _: object) -> None:
    """Let readers and the writer work at the same time, and make what was written survive a power failure."""
    cursor = connection.cursor()  # type: ignore[attr-defined]  # sqlite3's own
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA cache_size=-{_CACHE_SIZE}")
    cursor.close()


def _add_functions(connection: object, _: object) -> None:
    """Add what PostgreSQL has and SQLite lacks: nfkc(text), its Unicode normalization."""
    connection.create_function(  # type: ignore[attr-defined]  # sqlite3's own
        "nfkc", 1, functools.partial(unicodedata.normalize, "NFKC"), deterministic=True
    )


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # several services may start at once
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    config = Config()
    config.set_main_option("script_location", os.fspath(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, _VERSION)
