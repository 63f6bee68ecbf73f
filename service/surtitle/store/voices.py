"""Known voices in the database: a name and a voice print for each session in which a person was named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from sqlalchemy import ColumnElement, delete, select, text
from sqlalchemy.engine import Connection

from surtitle.channels.voice_store import KnownVoice
from surtitle.speakers.voice_tracker import Voice
from surtitle.store.database import Database
from surtitle.store.journal import Store, upsert
from surtitle.store.tables import VOICES

_MAX_OF_NAME = 5  # voices of the same name, of which the oldest are deleted


class Voices:
    """A `VoiceStore`. Services that share a server each have their own voices."""

    def __init__(self, store: Store) -> None:
        self._database: Database = store.database
        self._owner = store.owner

    def channels(self) -> list[str]:
        """The channels with known voices."""
        query = select(VOICES.c.channel).where(VOICES.c.owner == self._owner).distinct().order_by(VOICES.c.channel)
        with self._database.connect() as connection:
            return list(connection.execute(query).scalars())

    def load(self, channel: str) -> list[KnownVoice]:
        """The known voices of a channel, oldest first."""
        query = select(VOICES).where(*self._of(channel)).order_by(VOICES.c.added, VOICES.c.id)
        with self._database.connect() as connection:
            rows = connection.execute(query).all()
        return [
            KnownVoice(
                row.id, row.name, row.added, Voice(np.frombuffer(row.print, dtype="<f4"), row.seconds), row.network
            )
            for row in rows
        ]

    def save(self, channel: str, voice: KnownVoice) -> None:
        """Store a voice, or a newer state of it. The oldest voices of the same name are deleted if there are many."""
        row = {
            "id": voice.id,
            "owner": self._owner,
            "channel": channel,
            "name": voice.name,
            "added": voice.added,
            "seconds": voice.voice.seconds,
            "network": voice.network,
            "print": voice.voice.print.astype("<f4").tobytes(),
        }
        same = (*self._of(channel), VOICES.c.name == voice.name)
        newest = select(VOICES.c.id).where(*same).order_by(VOICES.c.added.desc()).limit(_MAX_OF_NAME)
        with self._erasing() as connection:
            upsert(connection, VOICES, [row], ["id"])
            kept = list(connection.execute(newest).scalars())
            connection.execute(delete(VOICES).where(*same, VOICES.c.id.not_in(kept)))

    def delete(self, channel: str, ids: Sequence[str]) -> None:
        """Delete voices permanently."""
        with self._erasing() as connection:
            connection.execute(delete(VOICES).where(*self._of(channel), VOICES.c.id.in_(ids)))
        if self._database.sqlite:  # otherwise its journal may still have them for a while
            with self._database.connect() as connection:
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    @contextmanager
    def _erasing(self) -> Iterator[Connection]:
        """A transaction in which what is deleted is also overwritten in the file, where that is SQLite's."""
        with self._database.begin() as connection:
            if self._database.sqlite:
                connection.execute(text("PRAGMA secure_delete=ON"))
            yield connection

    def _of(self, channel: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return VOICES.c.owner == self._owner, VOICES.c.channel == channel
