"""Alembic's way in: the connection is brought by `surtitle.store.database`."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
