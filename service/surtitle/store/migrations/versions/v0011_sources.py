"""Sources by their sessions: clients may choose the same resume id in several channels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "session_sources",
        sa.Column("session", sa.String(40), sa.ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("resume", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("clock", sa.Float(53), nullable=False),
        sa.Column("position", sa.Float(53), nullable=False, server_default="0"),
    )
    op.execute(
        "INSERT INTO session_sources (session, resume, name, clock) SELECT session, resume, name, clock FROM sources"
    )
    op.drop_table("sources")
    op.rename_table("session_sources", "sources")
