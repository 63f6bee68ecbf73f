"""The ledger: which tokens were given out, and which of them count no more.

A file of its own, so that `surtitle token` and a running service can both write to it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, delete, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from surtitle.access.tokens import SCOPES, Grant, Scope
from surtitle.core.errors import SurtitleError

_FILE = "access.db"
_BUSY = 5.0  # seconds that another program may hold the file

_METADATA = MetaData()
_TOKENS = Table(
    "tokens",
    _METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("issued", Integer, nullable=False),
    Column("expires", Integer, nullable=False),
    Column("revoked", Integer),
)
_PLACE = Table("place", _METADATA, Column("url", String(2048), primary_key=True))


class LedgerError(SurtitleError):
    """The file cannot be read or written."""

    code = "ledger_failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """A token that was given out; the token itself is kept nowhere. Times are in seconds since 1970."""

    id: str
    name: str
    scope: Scope
    channel: str
    issued: int
    expires: int
    revoked: int | None


class TokenStore:
    """A SQLite file in a folder, or in memory if there is none; blocks, for threads."""

    def __init__(self, folder: Path | None) -> None:
        """Raises `LedgerError`."""
        self._lock = threading.Lock()  # threads share one connection in memory, which must not be closed in use
        self.path = None if folder is None else folder / _FILE
        try:
            if self.path is None:
                options = {"check_same_thread": False}
                self._engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=options)
            else:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.path.touch(mode=0o600)
                self._engine = create_engine(f"sqlite:///{self.path}", connect_args={"timeout": _BUSY})
            _METADATA.create_all(self._engine)
        except (OSError, SQLAlchemyError) as error:
            raise self._failed(error) from error

    def add(self, grant: Grant, name: str) -> Entry:
        """A token was given out. Raises `LedgerError`."""
        entry = Entry(grant.id or "", name, grant.scope, grant.channel, int(time.time()), int(grant.expires), None)
        row = {field: getattr(entry, field) for field in Entry.__slots__}
        self._write(insert(_TOKENS).values({**row, "scope": grant.scope.name.lower()}))
        return entry

    def entries(self) -> list[Entry]:
        """Those that have not expired, oldest first. Raises `LedgerError`."""
        wanted = select(_TOKENS).where(_TOKENS.c.expires > time.time()).order_by(_TOKENS.c.issued)
        try:
            with self._lock, self._engine.connect() as connection:
                return [_entry(row) for row in connection.execute(wanted)]
        except SQLAlchemyError as error:
            raise self._failed(error) from error

    def revoked(self) -> frozenset[str]:
        """The ids that count no more. Raises `LedgerError`."""
        return frozenset(entry.id for entry in self.entries() if entry.revoked is not None)

    def revoke(self, name: str) -> bool:
        """Let a token count no more; False if none of that id was given out. Raises `LedgerError`."""
        change = update(_TOKENS).where(_TOKENS.c.id == name, _TOKENS.c.revoked.is_(None))
        known = any(entry.id == name for entry in self.entries())
        self._write(change.values(revoked=int(time.time())))
        return known

    @property
    def url(self) -> str | None:
        """Where the service is reached that used this folder last. Raises `LedgerError`."""
        try:
            with self._lock, self._engine.connect() as connection:
                return connection.execute(select(_PLACE.c.url)).scalar()
        except SQLAlchemyError as error:
            raise self._failed(error) from error

    def place(self, url: str) -> None:
        """The service is reached there. Raises `LedgerError`."""
        expired = delete(_TOKENS).where(_TOKENS.c.expires < time.time())
        self._write(expired, delete(_PLACE), insert(_PLACE).values(url=url))

    def close(self) -> None:
        with self._lock:
            self._engine.dispose()

    def _write(self, *statements: object) -> None:
        try:
            with self._lock, self._engine.begin() as connection:
                for statement in statements:
                    connection.execute(statement)  # type: ignore[call-overload]
        except SQLAlchemyError as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> LedgerError:
        reason = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
        return LedgerError(
            f"{self.path or 'The list of tokens'} cannot be used ({reason}): choose another folder with --data-dir, "
            "or move the file away; tokens that were revoked count again then."
        )


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    told = dict(row._mapping)
    return Entry(**{**told, "scope": SCOPES[told["scope"]]})
