"""The service that owns a channel or a session, in a database that several services share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "owned_channels",
        sa.Column("owner", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("told", sa.LargeBinary, nullable=False),
    )
    op.execute("INSERT INTO owned_channels (owner, name, told) SELECT '', name, told FROM channels")
    op.drop_table("channels")
    op.rename_table("owned_channels", "channels")
    op.add_column("sessions", sa.Column("owner", sa.String(40), nullable=False, server_default=""))
