"""The database: SQLite in a folder, or one that is named by its address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from surtitle.core.errors import SurtitleError

FILE = "surtitle.db"
_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY = 2.0  # seconds that another program may hold the file
_ANSWER = 5  # seconds in which a server has to answer
_PAGES = 500  # KiB of the file that each connection keeps in memory
_DRIVER = "postgresql+psycopg"
_ADDRESS = "--database takes a PostgreSQL address, like postgresql://user:password@host/surtitle."


class StoreError(SurtitleError):
    """What is kept cannot be read or written."""

    code = "store_failed"


class Database:
    """Connections for threads, to tables as this version has them. Raises `StoreError`."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.name = f"{folder / FILE}"
        try:
            self._engine = _server(url) if url else _file(folder)
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
                f"{self.name} cannot be used ({reason(error)}): "
                + (
                    "see that the server runs, and --database is right."
                    if url
                    else "choose another folder with --data-dir, or move the file away."
                )
            ) from error

    @property
    def sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Raises `StoreError`."""
        with self._telling("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """All of it or nothing. Raises `StoreError`."""
        with self._telling("written"), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _telling(self, done: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(f"{self.name} cannot be {done} ({reason(error)}): captions go on meanwhile.") from error


def reason(error: Exception) -> str:
    """In a few words, without the statement."""
    text = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
    return " ".join(text.split())[:200]


def _file(folder: Path) -> Engine:
    """It holds OBS's password and what people said, so only its owner may read it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE
    path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY})
    event.listen(engine, "connect", _durable)
    return engine


def _server(address: str) -> Engine:
    try:
        url = make_url(address)
        if url.get_backend_name() != "postgresql":
            raise StoreError(_ADDRESS)
        waiting = {"connect_timeout": _ANSWER, "options": f"-c statement_timeout={_ANSWER * 1000}"}
        return create_engine(url.set(drivername=_DRIVER), connect_args=waiting, pool_pre_ping=True)
    except ArgumentError as error:
        raise StoreError(
            "--database takes a PostgreSQL address, like postgresql://user:password@host/surtitle."
        ) from error
    except (ImportError, NoSuchModuleError) as error:
        raise StoreError("PostgreSQL needs its driver: pip install 'surtitle[postgresql]'.") from error


def _durable(connection: object, _: object) -> None:
    """Readers and the writer do not wait for each other, and what was written outlives a power failure."""
    cursor = connection.cursor()  # type: ignore[attr-defined]  # sqlite3's own
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA cache_size=-{_PAGES}")
    cursor.close()


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", os.fspath(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
