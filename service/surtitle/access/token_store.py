"""The issued and the revoked tokens.

They have a file of their own, so that `surtitle token` and a running service can both write to it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, delete, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from surtitle.access.tokens import SCOPES, Grant, Scope
from surtitle.core.errors import SurtitleError
from surtitle.core.files import create_private_folder, describe_unusable

_FILE = "access.db"
_BUSY_TIMEOUT = 5.0  # seconds to wait while another program locks the file

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
_ADDRESS = Table("place", _METADATA, Column("url", String(2048), primary_key=True))


class TokenStoreError(SurtitleError):
    """The token store cannot be read or written."""

    code = "ledger_failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """An issued token; the token itself is not stored. Times are in seconds since 1970."""

    id: str
    name: str
    scope: Scope
    channel: str
    issued: int
    expires: int
    revoked: int | None


class TokenStore:
    """A SQLite file in a folder, or a database in memory if ``folder`` is None. Blocks: call it in threads."""

    def __init__(self, folder: Path | None) -> None:
        """Raises `TokenStoreError`."""
        self._lock = threading.Lock()  # threads share the connection to memory, which must not be closed while in use
        self.path = None if folder is None else folder / _FILE
        if folder is not None:
            try:
                create_private_folder(folder)
            except OSError as error:
                raise TokenStoreError(describe_unusable(folder, error)) from error
        try:
            if self.path is None:
                options = {"check_same_thread": False}
                self._engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=options)
            else:
                self.path.touch(mode=0o600)
                self._engine = create_engine(f"sqlite:///{self.path}", connect_args={"timeout": _BUSY_TIMEOUT})
            _METADATA.create_all(self._engine)
        except (OSError, SQLAlchemyError) as error:
            raise self._build_error(error) from error

    def add(self, grant: Grant, name: str) -> Entry:
        """Store an issued token. Raises `TokenStoreError`."""
        entry = make_entry(grant, name)
        self._write(insert(_TOKENS).values(entry_as_row(entry)))
        return entry

    def entries(self) -> list[Entry]:
        """The tokens that have not expired, oldest first. Raises `TokenStoreError`."""
        query = select(_TOKENS).where(_TOKENS.c.expires > time.time()).order_by(_TOKENS.c.issued)
        try:
            with self._lock, self._engine.connect() as connection:
                return [entry_from_row(row) for row in connection.execute(query)]
        except SQLAlchemyError as error:
            raise self._build_error(error) from error

    def revoked_ids(self) -> frozenset[str]:
        """The ids of the revoked tokens. Raises `TokenStoreError`."""
        return frozenset(entry.id for entry in self.entries() if entry.revoked is not None)

    def revoke(self, name: str) -> bool:
        """Revoke a token; False if no token has that id. Raises `TokenStoreError`."""
        change = update(_TOKENS).where(_TOKENS.c.id == name, _TOKENS.c.revoked.is_(None))
        known = any(entry.id == name for entry in self.entries())
        self._write(change.values(revoked=int(time.time())))
        return known

    @property
    def url(self) -> str | None:
        """The address of the service that used this folder last. Raises `TokenStoreError`."""
        try:
            with self._lock, self._engine.connect() as connection:
                return connection.execute(select(_ADDRESS.c.url)).scalar()
        except SQLAlchemyError as error:
            raise self._build_error(error) from error

    def save_url(self, url: str) -> None:
        """Store the service's address, and delete expired tokens. Raises `TokenStoreError`."""
        expired = delete(_TOKENS).where(_TOKENS.c.expires < time.time())
        self._write(expired, delete(_ADDRESS), insert(_ADDRESS).values(url=url))

    def close(self) -> None:
        with self._lock:
            self._engine.dispose()

    def _write(self, *statements: object) -> None:
        try:
            with self._lock, self._engine.begin() as connection:
                for statement in statements:
                    connection.execute(statement)  # type: ignore[call-overload]
        except SQLAlchemyError as error:
            raise self._build_error(error) from error

    def _build_error(self, error: Exception) -> TokenStoreError:
        reason = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
        return TokenStoreError(
            f"{self.path or 'The list of tokens'} cannot be used ({reason}): choose another folder with --data-dir, "
            "or move the file away, which makes revoked tokens valid again."
        )


def make_entry(grant: Grant, name: str) -> Entry:
    """What is stored of a token that is issued now."""
    return Entry(grant.id or "", name, grant.scope, grant.channel, int(time.time()), int(grant.expires), None)


def entry_as_row(entry: Entry) -> dict[str, object]:
    """The columns of a token."""
    row = {field: getattr(entry, field) for field in Entry.__slots__}
    return {**row, "scope": entry.scope.name.lower()}


def entry_from_row(row: Row[tuple[object, ...]]) -> Entry:
    """The token in a row."""
    fields = dict(row._mapping)
    return Entry(**{**fields, "scope": SCOPES[fields["scope"]]})


class IssuedTokens(Protocol):
    """The issued and the revoked tokens. Blocks: call it in threads. All methods raise `TokenStoreError`."""

    def add(self, grant: Grant, name: str) -> Entry:
        """Store an issued token."""

    def entries(self) -> list[Entry]:
        """The tokens that have not expired, oldest first."""

    def revoked_ids(self) -> frozenset[str]:
        """The ids of the revoked tokens."""

    def revoke(self, name: str) -> bool:
        """Revoke a token; False if no token has that id."""

    @property
    def url(self) -> str | None:
        """The address of the service that used this last."""

    def save_url(self, url: str) -> None:
        """Store the service's address, and delete expired tokens."""

    def close(self) -> None: ...
