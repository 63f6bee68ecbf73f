"""The database's tables as they are now. The steps from earlier versions are in `migrations`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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
    Column("owner", String(40), primary_key=True),  # the id of the service; empty in SQLite, or if not adopted yet
    Column("name", String(64), primary_key=True),
    Column("told", LargeBinary, nullable=False),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("began", Float(53), nullable=False),  # when the channel's clock was 0, in seconds since 1970
    Column("seen", Float(53), nullable=False),  # the time of the last write, in seconds since 1970
    Column("ended", Boolean, nullable=False),  # the channel has begun another session
    Column("epoch", String(16), nullable=False),  # of the resume ids
    Column("place", BigInteger, nullable=False),  # the last sequence number before the session
    Column("restarted", BigInteger, nullable=False, server_default="0"),  # the last one before the newest restart
    Column("prefix", String(100), nullable=False),  # of the captions' ids
    Column("owner", String(40), nullable=False, server_default=""),  # like that of channels
    Column("names", Text, nullable=True),  # of its speakers, as JSON, if only this session has them
    Index("sessions_by_channel", "channel", "seen"),
)

SOURCES = Table(
    "sources",
    METADATA,
    Column("session", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    # a hash, so that reading the database is not enough to take over a source
    Column("resume", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("clock", Float(53), nullable=False),  # the time of its first sample on the channel's clock, in seconds
    Column("position", Float(53), nullable=False, server_default="0"),  # seconds recognized before the session
)

CAPTIONS = Table(
    "captions",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("session", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("version", String(16), nullable=False),  # "live", or "polished" by a second pass
    Column("track", String(40), nullable=False),  # the language of a translation, or empty
    Column("id", String(64), nullable=False),
    Column("place", BigInteger, nullable=False),  # the sequence number of its newest event
    Column("start", Float(53), nullable=False),
    Column("final", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    UniqueConstraint("session", "version", "track", "id"),
    sqlite_autoincrement=True,
)

CHANNEL_HOSTS = Table(  # of services that share everything
    "channel_hosts",
    METADATA,
    Column("channel", String(64), primary_key=True),
    Column("host", String(40), nullable=False),  # the run of the service that captions the channel
)

OUTPUT_PROGRESS = Table(  # of services that share everything
    "output_progress",
    METADATA,
    Column("channel", String(64), primary_key=True),
    Column("output", String(40), primary_key=True),
    Column("host", String(40), nullable=False),  # the run of the service that may change this, or empty
    Column("progress", LargeBinary, nullable=False),
)

TOKENS = Table(  # of services that share everything; others have a file (`access/token_store.py`)
    "tokens",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("issued", Integer, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("revoked", Integer),
)

RECORDINGS = Table(
    "recordings",
    METADATA,
    Column("file", String(300), primary_key=True),  # relative to the folder of recordings
    Column("session", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("source", String(200), nullable=False),
    Column("clock", Float(53), nullable=False),  # the time of its first sample on the channel's clock, in seconds
    Column("seconds", Float(53), nullable=False),
    Column("state", String(16), nullable=False),
    Column("problem", Text, nullable=False),
    Column("stored", BigInteger, nullable=True),  # bytes of the complete file in the storage that services share
    Column("seen", Float(53), nullable=True),  # until then, in seconds since 1970, a service was working on that
)

DELETED_SESSIONS = Table(
    "deleted_sessions",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("deleted", Float(53), nullable=False),  # in seconds since 1970
)

OBS_RECORDINGS = Table(
    "obs_recordings",
    METADATA,
    Column("session", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),  # in the session, from 1
    Column("file", Text, nullable=False),  # the path on the computer with OBS; empty if it is not known
    Column("pieces", LargeBinary, nullable=False),  # start, position and length of each
)

VOICES = Table(
    "voices",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("owner", String(40), nullable=False),  # like that of channels
    Column("channel", String(64), nullable=False),
    Column("name", String(80), nullable=False),
    Column("added", Float(53), nullable=False),  # in seconds since 1970
    Column("seconds", Float(53), nullable=False),  # of the speech that the print was made of
    Column("network", String(40), nullable=False),  # that made the print
    Column("print", LargeBinary, nullable=False),  # float32, little-endian
    Index("voices_by_channel", "channel", "name"),
)

CORRECTIONS = Table(
    "corrections",
    METADATA,
    Column("session", String(40), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("caption", String(64), primary_key=True),
    Column("start", Float(53), nullable=False),  # of the recognized caption, like its end, in seconds
    Column("end", Float(53), nullable=False),
    Column("packed", LargeBinary, nullable=False),  # the corrected caption; without words if it was removed
)
