"""How far the outputs of services that share everything have come, and which service captions a channel."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "channel_hosts",
        sa.Column("channel", sa.String(64), primary_key=True),
        sa.Column("host", sa.String(40), nullable=False),
    )
    op.create_table(
        "output_progress",
        sa.Column("channel", sa.String(64), primary_key=True),
        sa.Column("output", sa.String(40), primary_key=True),
        sa.Column("host", sa.String(40), nullable=False),
        sa.Column("progress", sa.LargeBinary, nullable=False),
    )
