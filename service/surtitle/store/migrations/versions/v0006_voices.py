"""Known voices, and names that belong to one session only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "voices",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("added", sa.Float(53), nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("network", sa.String(40), nullable=False),
        sa.Column("print", sa.LargeBinary, nullable=False),
    )
    op.create_index("voices_by_channel", "voices", ["channel", "name"])
    op.add_column("sessions", sa.Column("names", sa.Text, nullable=True))
