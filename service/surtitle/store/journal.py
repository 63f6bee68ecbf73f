"""The stored state of channels: written in batches, and loaded when the service starts."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, Table, delete, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from surtitle.captions.caption import Caption, pack_caption, unpack_caption
from surtitle.channels.session import (
    OnWritten,
    ResumableSource,
    Session,
    StoredSession,
    StoredSettings,
    hash_resume_id,
    names_in,
)
from surtitle.store.database import Database, StoreError
from surtitle.store.folder_lock import FolderLock
from surtitle.store.records import LIVE
from surtitle.store.service_id import SHARED, load_service_id
from surtitle.store.tables import CAPTIONS, CHANNEL_HOSTS, CHANNELS, RECORDINGS, SESSIONS, SOURCES

log = logging.getLogger("surtitle.store")


@dataclass(frozen=True, slots=True)
class PendingCaption:
    """The newest revision of a caption, with its session and track and its sequence number in the feed.

    ``on_written`` is called when it has been written.
    """

    session: Session
    track: str
    caption: Caption
    sequence: int
    on_written: OnWritten


@dataclass(frozen=True, slots=True)
class PendingSource:
    """A source that runs in a session; ``clock`` and ``position`` as in `Journal.save_source`."""

    session: Session
    name: str
    clock: float
    position: float = 0.0


@dataclass(slots=True)
class Batch:
    """The newest state of everything that has changed since the last batch was written."""

    settings: dict[str, StoredSettings] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    captions: dict[tuple[str, str, str], PendingCaption] = field(default_factory=dict)
    sources: dict[tuple[str, str], PendingSource] = field(default_factory=dict)
    """By the id of the session and the resume id."""
    ended_sources: set[tuple[str, str]] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.settings or self.sessions or self.captions or self.sources or self.ended_sources)

    def mentioned_sessions(self) -> dict[str, Session]:
        """All sessions by id; those that were saved themselves are newer than those that captions mention."""
        mentioned = [pending.session for pending in self.captions.values()]
        mentioned += [one.session for one in self.sources.values()]
        return {session.id: session for session in mentioned} | self.sessions

    def newest_sessions(self) -> dict[str, Session]:
        """The sessions that channels have begun, by channel: those before them have ended."""
        return {session.channel: session for session in self.sessions.values()}


class Store:
    """Reads and writes the state of channels. Blocks: call it in threads.

    Services that share a server each see their own channels, and those that no service has adopted yet; a file belongs
    to whichever service opens it. All methods raise `StoreError`, and so does the constructor.
    """

    def __init__(
        self, folder: Path, url: str | None = None, lock: FolderLock | None = None, *, shared: bool = False
    ) -> None:
        """``lock`` is the service's, and is released by `close`; programs that only read do without.

        With ``shared``, all services that say so have the rows of a server in common: each channel belongs to the one
        that has called `take_over` last.
        """
        self._lock = lock
        self.shared = shared
        self.host = secrets.token_hex(8)
        """Identifies this run of the service among those that share the database."""
        self.database = Database(folder, url)
        try:
            self._owner = "" if not url else load_service_id(folder)
            self._former, self._owner = (self._owner, SHARED if url else "") if shared else ("", self._owner)
        except StoreError:
            self.database.close()
            raise

    @property
    def owner(self) -> str:
        """The id of the service whose rows these are; empty in SQLite."""
        return self._owner

    def adopt(self) -> None:
        """Make this service the owner of all channels and sessions that have none, as in earlier versions.

        Services that share everything also get what this one owned before it shared.
        """
        if not self._owner:
            return
        own = select(CHANNELS.c.name).where(CHANNELS.c.owner == self._owner)
        with self.database.begin() as connection:
            for former in {"", self._former}:
                unowned = (CHANNELS.c.owner == former) & CHANNELS.c.name.not_in(own)
                connection.execute(update(CHANNELS).where(unowned).values(owner=self._owner))
                connection.execute(update(SESSIONS).where(SESSIONS.c.owner == former).values(owner=self._owner))

    def settings(self) -> dict[str, StoredSettings]:
        """The settings of channels by their names. Those that cannot be decoded are logged and left out."""
        with self.database.connect() as connection:
            readable = CHANNELS.c.owner.in_(("", self._owner))
            rows = connection.execute(
                select(CHANNELS.c.name, CHANNELS.c.told).where(readable).order_by(CHANNELS.c.owner)
            ).all()
        return {name: found for name, stored in rows if (found := _decode_settings(name, stored)) is not None}

    def load_sessions(self, channels: int, captions: int) -> list[StoredSession]:
        """The newest session of each channel, newest first.

        Returns at most ``channels`` sessions, with at most ``captions`` captions of each track.
        """
        current = ~SESSIONS.c.ended & SESSIONS.c.owner.in_(("", self._owner))
        with self.database.connect() as connection:
            rows = connection.execute(
                select(SESSIONS).where(current).order_by(SESSIONS.c.seen.desc()).limit(channels)
            ).all()
            return [_load_session(connection, row, captions) for row in rows]

    def find_session(self, channel: str) -> tuple[Session | None, Mapping[str, str]]:
        """The newest session of a channel, and the names of speakers and sources in it."""
        with self.database.connect() as connection:
            row = connection.execute(self._select_current(channel)).first()
            stored = self._load_settings(connection, channel)
        if row is None:
            return None, {}
        session = session_from_row(row)
        return session, names_in(session, stored.settings.names if stored else {})

    def take_over(self, channel: str, captions: int) -> tuple[StoredSettings | None, StoredSession | None]:
        """Make the caller the only service that may write the channel's session; returns the stored state.

        What other services write of the session from now on is refused: see `write`.
        """
        with self.database.begin() as connection:
            if self.shared:
                upsert(connection, CHANNEL_HOSTS, [{"channel": channel, "host": self.host}], ["channel"])
            row = connection.execute(self._select_current(channel).with_for_update()).first()
            stored = self._load_settings(connection, channel)
            if row is None:
                return stored, None
            last = connection.execute(select(func.max(CAPTIONS.c.place)).where(*_live(row.id))).scalar() or 0
            restarted = max(last, row.place, row.restarted) + 1
            connection.execute(update(SESSIONS).where(SESSIONS.c.id == row.id).values(restarted=restarted))
            session = _load_session(connection, row, captions)
        return stored, replace(session, session=replace(session.session, restarted=restarted))

    def captions(self, session: str, track: str, limit: int, after: int = 0) -> list[tuple[int, Caption]]:
        """The newest final captions of a track with sequence numbers after ``after``, sorted by their start."""
        with self.database.connect() as connection:
            return _load_newest(connection, session, track, limit, CAPTIONS.c.final, CAPTIONS.c.place > after)

    def captions_between(self, session: str, track: str, start: float, end: float, limit: int) -> list[Caption]:
        """The captions of a track that begin in a part of the session's clock, open ones too, sorted by their start."""
        within = CAPTIONS.c.start.between(start, end)
        with self.database.connect() as connection:
            return [caption for _, caption in _load_newest(connection, session, track, limit, within)]

    def caption(self, session: str, track: str, name: str) -> tuple[int, Caption] | None:
        """One final caption of a track with its sequence number."""
        with self.database.connect() as connection:
            found = _load_newest(connection, session, track, 1, CAPTIONS.c.final, CAPTIONS.c.id == name)
        return found[0] if found else None

    def write(self, batch: Batch) -> frozenset[str]:
        """Write a batch in one transaction. Writing the same batch again has no effect.

        Returns the ids of sessions that another service has taken over, of which nothing was written.
        """
        with self.database.begin() as connection:
            lost = _find_taken_over(connection, batch) if self.shared else frozenset[str]()
            if lost:
                batch = _without_sessions(batch, lost)
            _write_settings(connection, batch.settings, self._owner)
            _write_sessions(connection, batch, self._owner)
            _write_captions(connection, batch.captions.values())
            _write_sources(connection, batch)
        return lost

    def close(self) -> None:
        self.database.close()
        if self._lock:
            self._lock.release()

    def _select_current(self, channel: str) -> Select[Any]:
        own = SESSIONS.c.owner.in_(("", self._owner)) & (SESSIONS.c.channel == channel) & ~SESSIONS.c.ended
        return select(SESSIONS).where(own).order_by(SESSIONS.c.seen.desc()).limit(1)

    def _load_settings(self, connection: Connection, channel: str) -> StoredSettings | None:
        readable = CHANNELS.c.owner.in_(("", self._owner)) & (CHANNELS.c.name == channel)
        stored = (
            connection.execute(select(CHANNELS.c.told).where(readable).order_by(CHANNELS.c.owner.desc()))
            .scalars()
            .first()
        )
        return None if stored is None else _decode_settings(channel, stored)


def _decode_settings(channel: str, stored: bytes) -> StoredSettings | None:
    try:
        return msgspec.json.decode(stored, type=StoredSettings)
    except msgspec.DecodeError as error:
        log.warning("the settings of channel %s cannot be read (%s): defaults are used instead", channel, error)
        return None


def _find_taken_over(connection: Connection, batch: Batch) -> frozenset[str]:
    """The batch's sessions that another service has taken over; the others are locked until the transaction ends."""
    sessions = batch.mentioned_sessions()
    rows = connection.execute(
        select(SESSIONS.c.id, SESSIONS.c.restarted).where(SESSIONS.c.id.in_(sessions)).with_for_update()
    )
    return frozenset(one.id for one in rows if one.restarted > sessions[one.id].restarted)


def _without_sessions(batch: Batch, lost: frozenset[str]) -> Batch:
    channels = {session.channel for session in batch.mentioned_sessions().values() if session.id in lost}
    return Batch(
        {channel: settings for channel, settings in batch.settings.items() if channel not in channels},
        {one: session for one, session in batch.sessions.items() if one not in lost},
        {key: pending for key, pending in batch.captions.items() if pending.session.id not in lost},
        {key: source for key, source in batch.sources.items() if source.session.id not in lost},
        {(session, resume) for session, resume in batch.ended_sources if session not in lost},
    )


def session_from_row(row: Row[Any]) -> Session:
    names = None if row.names is None else msgspec.json.decode(row.names, type=dict[str, str])
    return Session(row.id, row.channel, row.began, row.epoch, row.place, row.prefix, names, row.restarted)


def _session_row(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "channel": session.channel,
        "began": session.began,
        "epoch": session.epoch,
        "place": session.sequence,
        "prefix": session.prefix,
        "restarted": session.restarted,
    }


def upsert(
    connection: Connection, table: Table, rows: list[dict[str, Any]], key: Sequence[str], kept: Sequence[str] = ()
) -> None:
    """Insert rows, or overwrite existing ones with the same key, except for the columns in ``kept``."""
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    changing = {name: statement.excluded[name] for name in rows[0] if name not in (*key, *kept)}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changing), rows)


def _load_session(connection: Connection, row: Row[Any], limit: int) -> StoredSession:
    session = session_from_row(row)
    tracks: dict[str, list[tuple[int, Caption]]] = {}
    ends: dict[str, float] = {}
    names = connection.execute(select(CAPTIONS.c.track).where(*_live(session.id)).distinct()).scalars().all()
    for track in names:
        captions = tracks[track] = _load_newest(connection, session.id, track, limit)
        if not track:
            for _, caption in captions:
                ends[caption.source] = max(ends.get(caption.source, 0.0), caption.end)
    sources = {
        one.resume: ResumableSource(one.name, one.clock, max(one.position, ends.get(one.name, 0.0) - one.clock))
        for one in connection.execute(select(SOURCES).where(SOURCES.c.session == session.id))
    }
    return StoredSession(session, row.seen, tracks, sources)


def _load_newest(
    connection: Connection, session: str, track: str, limit: int, *only: ColumnElement[bool]
) -> list[tuple[int, Caption]]:
    """The newest ``limit`` captions with their sequence numbers, sorted by their start."""
    newest = select(CAPTIONS.c.place, CAPTIONS.c.id, CAPTIONS.c.packed, CAPTIONS.c.final).where(
        *_live(session), CAPTIONS.c.track == track, *only
    )
    found = connection.execute(newest.order_by(CAPTIONS.c.number.desc()).limit(limit)).all()
    return [(one.place, unpack_caption(one.id, one.packed, final=one.final)) for one in reversed(found)]


def _live(session: str) -> tuple[ColumnElement[bool], ...]:
    return CAPTIONS.c.session == session, CAPTIONS.c.version == LIVE


def _write_settings(connection: Connection, stored: Mapping[str, StoredSettings], owner: str) -> None:
    if stored:
        connection.execute(delete(CHANNELS).where(CHANNELS.c.owner == owner, CHANNELS.c.name.in_(stored)))
    rows = [
        {"owner": owner, "name": name, "told": msgspec.json.encode(one)}
        for name, one in stored.items()
        if one != StoredSettings()
    ]
    upsert(connection, CHANNELS, rows, ["owner", "name"])


def _write_sessions(connection: Connection, batch: Batch, owner: str) -> None:
    now = time()
    touched = batch.mentioned_sessions().values()
    rows = [{**_session_row(session), "seen": now, "ended": False, "owner": owner} for session in touched]
    upsert(connection, SESSIONS, rows, ["id"], kept=["ended"])
    with_captions = {pending.session.id for pending in batch.captions.values()}  # which are written after this
    for session in batch.sessions.values():
        if session.names is not None:  # captions and sources may still mention the session without them
            names = msgspec.json.encode(session.names).decode()
            connection.execute(update(SESSIONS).where(SESSIONS.c.id == session.id).values(names=names))
    for session in batch.newest_sessions().values():
        own = (SESSIONS.c.channel == session.channel) & (SESSIONS.c.owner == owner)
        others = own & (SESSIONS.c.id != session.id)
        connection.execute(update(SESSIONS).where(others).values(ended=True))
        connection.execute(delete(SOURCES).where(SOURCES.c.session.in_(select(SESSIONS.c.id).where(others))))
        silent = ~exists().where(CAPTIONS.c.session == SESSIONS.c.id) & ~exists().where(
            RECORDINGS.c.session == SESSIONS.c.id
        )
        connection.execute(delete(SESSIONS).where(others, silent, SESSIONS.c.id.not_in(with_captions)))


def _write_captions(connection: Connection, pending: Iterable[PendingCaption]) -> None:
    key = ("session", "version", "track", "id")
    rows = []
    for one in pending:
        caption = one.caption
        where = {"session": one.session.id, "version": LIVE, "track": one.track, "id": caption.id}
        if caption.words:
            rows.append({**where, **caption_row(caption, one.sequence)})
        else:
            connection.execute(delete(CAPTIONS).where(*(CAPTIONS.c[name] == value for name, value in where.items())))
    upsert(connection, CAPTIONS, rows, key)


def caption_row(caption: Caption, sequence: int) -> dict[str, Any]:
    """The columns for a caption's committed words."""
    return {
        "place": sequence,
        "start": caption.start,
        "final": caption.final,
        "text": caption.text,
        "packed": pack_caption(caption),
    }


def _write_sources(connection: Connection, batch: Batch) -> None:
    newest = batch.newest_sessions()
    rows = [
        {
            "session": session,
            "resume": hash_resume_id(resume),
            "name": one.name,
            "clock": one.clock,
            "position": one.position,
        }
        for (session, resume), one in batch.sources.items()
        if newest.get(one.session.channel, one.session).id == session  # it may have ended, and been deleted
    ]
    upsert(connection, SOURCES, rows, ["session", "resume"])
    for session, resume in batch.ended_sources:
        ended = (SOURCES.c.session == session) & (SOURCES.c.resume == hash_resume_id(resume))
        connection.execute(delete(SOURCES).where(ended))
