"""The sequence number with which the newest run of the service continued a session."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("restarted", sa.BigInteger, nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "postgresql":  # integers in SQLite have 64 bits anyway
        op.alter_column("sessions", "place", type_=sa.BigInteger)
        op.alter_column("captions", "place", type_=sa.BigInteger)
