"""Recordings in storage that services share, and sessions whose files other services still have to delete."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("recordings", sa.Column("stored", sa.BigInteger, nullable=True))
    op.add_column("recordings", sa.Column("seen", sa.Float(53), nullable=True))
    op.create_table(
        "deleted_sessions",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("deleted", sa.Float(53), nullable=False),
    )
