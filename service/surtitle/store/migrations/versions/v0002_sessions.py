"""Sessions, their sources and captions, and an index of all words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_REMOVE = "INSERT INTO captions_words(captions_words, rowid, text) VALUES ('delete', old.number, old.text)"
_ADD = "INSERT INTO captions_words(rowid, text) VALUES (new.number, new.text)"
_SQLITE = (
    "CREATE VIRTUAL TABLE captions_words USING fts5(text, content='captions', content_rowid='number', "
    "tokenize='unicode61 remove_diacritics 2')",
    f"CREATE TRIGGER captions_added AFTER INSERT ON captions WHEN new.final BEGIN {_ADD}; END",
    f"CREATE TRIGGER captions_gone AFTER DELETE ON captions WHEN old.final BEGIN {_REMOVE}; END",
    f"CREATE TRIGGER captions_changed BEFORE UPDATE ON captions WHEN old.final BEGIN {_REMOVE}; END",
    f"CREATE TRIGGER captions_ended AFTER UPDATE ON captions WHEN new.final BEGIN {_ADD}; END",
)


def _session(*, index: bool) -> sa.Column[str]:
    owner = sa.ForeignKey("sessions.id", ondelete="CASCADE")
    return sa.Column("session", sa.String(40), owner, nullable=False, index=index)


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("began", sa.Float(53), nullable=False),
        sa.Column("seen", sa.Float(53), nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("epoch", sa.String(16), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("prefix", sa.String(100), nullable=False),
    )
    op.create_index("sessions_by_channel", "sessions", ["channel", "seen"])
    op.create_table(
        "sources",
        sa.Column("resume", sa.String(64), primary_key=True),
        sa.Column(
            "session", sa.String(40), sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("clock", sa.Float(53), nullable=False),
    )
    op.create_table(
        "captions",
        sa.Column("number", sa.Integer, primary_key=True),
        _session(index=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("track", sa.String(40), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("start", sa.Float(53), nullable=False),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("session", "version", "track", "id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "recordings",
        sa.Column("file", sa.String(300), primary_key=True),
        sa.Column(
            "session", sa.String(40), sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("clock", sa.Float(53), nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement)
    else:
        op.execute("CREATE INDEX captions_words ON captions USING gin (to_tsvector('simple', text)) WHERE final")
