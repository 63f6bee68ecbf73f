"""The issued and the revoked tokens of services that share a database: what one revokes, all refuse."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from surtitle.access.token_store import (
    Entry,
    TokenStore,
    TokenStoreError,
    entry_as_row,
    entry_from_row,
    make_entry,
)
from surtitle.access.tokens import Grant
from surtitle.store.database import Database, StoreError
from surtitle.store.tables import TOKENS

log = logging.getLogger("surtitle.access")


class SharedTokens:
    """A `IssuedTokens` in a PostgreSQL database.

    ``local`` is the file in the data folder, which `surtitle token` may change without knowing of the database: what is
    in there is copied. Blocks: call it in threads. All methods raise `TokenStoreError`.
    """

    def __init__(self, local: TokenStore, database: Database) -> None:
        self._local = local
        self._database = database
        self._copied: frozenset[Entry] = frozenset()
        self._revoked: frozenset[str] = frozenset()
        self._failing = False

    def add(self, grant: Grant, name: str) -> Entry:
        entry = make_entry(grant, name)
        with self._begin() as connection:
            connection.execute(insert(TOKENS).values(entry_as_row(entry)))
        return entry

    def entries(self) -> list[Entry]:
        query = select(TOKENS).where(TOKENS.c.expires > time.time()).order_by(TOKENS.c.issued)
        with self._begin() as connection:
            self._copy_local(connection)
            return [entry_from_row(row) for row in connection.execute(query)]

    def revoked_ids(self) -> frozenset[str]:
        """Those known last and those in the file, if the database does not answer."""
        local = self._local.revoked_ids()
        query = select(TOKENS.c.id).where(TOKENS.c.expires > time.time(), TOKENS.c.revoked.is_not(None))
        try:
            with self._begin() as connection:
                self._copy_local(connection)
                self._revoked = frozenset(connection.execute(query).scalars())
            self._failing = False
        except TokenStoreError as error:
            if not self._failing:
                log.error("%s", error)
            self._failing = True
        return self._revoked | local

    def revoke(self, name: str) -> bool:
        known = any(entry.id == name for entry in self.entries())
        with self._begin() as connection:
            connection.execute(
                update(TOKENS).where(TOKENS.c.id == name, TOKENS.c.revoked.is_(None)).values(revoked=int(time.time()))
            )
        return known

    @property
    def url(self) -> str | None:
        return self._local.url

    def save_url(self, url: str) -> None:
        self._local.save_url(url)
        with self._begin() as connection:
            connection.execute(delete(TOKENS).where(TOKENS.c.expires < time.time()))

    def close(self) -> None:
        """Close the file. The database is closed by the store."""
        self._local.close()

    def _copy_local(self, connection: Connection) -> None:
        entries = frozenset(self._local.entries())
        if new := entries - self._copied:
            statement = postgresql.insert(TOKENS)
            statement = statement.on_conflict_do_update(
                index_elements=["id"], set_={"revoked": statement.excluded.revoked}, where=TOKENS.c.revoked.is_(None)
            )
            connection.execute(statement, [entry_as_row(entry) for entry in new])
        self._copied = entries

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._database.begin() as connection:
                yield connection
        except StoreError as error:
            raise TokenStoreError(
                f"The list of tokens in {self._database.name} cannot be used: make sure that the server runs."
            ) from error
