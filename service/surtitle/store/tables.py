"""The tables. What they were in earlier versions, and how they became this, is in `migrations`."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

CHANNELS = Table(
    "channels",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("told", LargeBinary, nullable=False),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("began", Float(53), nullable=False),  # when the channel's clock was 0, in seconds since 1970
    Column("seen", Float(53), nullable=False),  # when something was written last
    Column("ended", Boolean, nullable=False),  # the channel has gone on to another session
    Column("epoch", String(16), nullable=False),  # of the resume ids
    Column("place", Integer, nullable=False),  # the last one before the session
    Column("prefix", String(100), nullable=False),  # of the captions' ids
    Index("sessions_by_channel", "channel", "seen"),
)

SOURCES = Table(
    "sources",
    METADATA,
    Column("resume", String(64), primary_key=True),  # a hash: who reads the database cannot take a source over
    Column("session", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("clock", Float(53), nullable=False),  # where its first sample is on the channel's clock
)

CAPTIONS = Table(
    "captions",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("session", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("version", String(16), nullable=False),  # "live", or what a second pass made of it
    Column("track", String(40), nullable=False),  # the language of a translation, or empty
    Column("id", String(64), nullable=False),
    Column("place", Integer, nullable=False),  # of its newest event
    Column("start", Float(53), nullable=False),
    Column("final", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    UniqueConstraint("session", "version", "track", "id"),
    sqlite_autoincrement=True,
)

RECORDINGS = Table(
    "recordings",
    METADATA,
    Column("file", String(300), primary_key=True),  # in the folder of recordings
    Column("session", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("source", String(200), nullable=False),
    Column("clock", Float(53), nullable=False),  # where its first sample is on the channel's clock
    Column("seconds", Float(53), nullable=False),
    Column("state", String(16), nullable=False),
    Column("problem", Text, nullable=False),
)

CORRECTIONS = Table(
    "corrections",
    METADATA,
    Column("session", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("caption", String(64), primary_key=True),
    Column("start", Float(53), nullable=False),  # of what was recognized, and the same for its end
    Column("end", Float(53), nullable=False),
    Column("packed", LargeBinary, nullable=False),  # what a person made of it; without words if it was taken away
)
