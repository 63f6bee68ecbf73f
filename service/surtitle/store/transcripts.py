"""Past sessions: lists, captions, corrections, recordings, and a search in all words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from time import time
from typing import Any

import msgspec
from msgspec import msgpack
from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, or_, select, text, update
from sqlalchemy.engine import Connection

from surtitle.captions.caption import Caption, pack_caption, unpack_caption
from surtitle.captions.fit import Piece
from surtitle.channels.session import ORIGINAL
from surtitle.store.database import Database
from surtitle.store.journal import caption_row, session_from_row, upsert
from surtitle.store.records import LIVE, Correction, Hit, ObsRecording, Recording, Summary
from surtitle.store.tables import CAPTIONS, CORRECTIONS, DELETED_SESSIONS, OBS_RECORDINGS, RECORDINGS, SESSIONS
from surtitle.text.scripts import UNSPACED, is_unspaced
from surtitle.text.shortening import shorten

# Other spellings of a text: Thai and Lao vowels of two signs, Korean letters, radicals, marks of kana, ideographs in
# circles and squares or for compatibility, and forms of full or half width
_UNCOMPOSED = "\u0e33\u0eb3\u0edc\u0edd\u1100-\u11ff\u2e80-\u2fdf\u3099\u309a\u3200-\u33ff\uf900-\ufaff\uff01-\uffdc"
# Characters of words that are found by any part of them: in Korean, particles are attached to words.
_DIVISIBLE = UNSPACED.encode().decode("unicode_escape") + "\u3130-\u318f\uac00-\ud7a3" + _UNCOMPOSED
_DIVISIBLE_CHARACTER = re.compile(f"[{_DIVISIBLE}]")
_DELETED_AGE = 400 * 86_400.0  # seconds in which a service that was not running learns that a session was deleted
_MAX_BEGINNING_LENGTH = 120  # characters of a session's first words in a list


class Transcripts:
    """Reads and writes past sessions. Blocks: call it in threads. All methods raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sessions(self, channel: str | None = None, limit: int = 200, before: float | None = None) -> list[Summary]:
        """The newest sessions, newest first, of one channel or of all, that began before ``before`` (since 1970)."""
        query = select(SESSIONS).order_by(SESSIONS.c.began.desc()).limit(limit)
        if channel is not None:
            query = query.where(SESSIONS.c.channel == channel)
        if before is not None:
            query = query.where(SESSIONS.c.began < before)
        with self._database.connect() as connection:
            return [_summary(connection, row) for row in connection.execute(query).all()]

    def session(self, name: str) -> Summary | None:
        with self._database.connect() as connection:
            row = connection.execute(select(SESSIONS).where(SESSIONS.c.id == name)).first()
            return _summary(connection, row) if row else None

    def rename(self, session: str, names: Mapping[str, str]) -> None:
        """Set the names of a session's speakers; those of its channel no longer apply to them."""
        packed = msgspec.json.encode(names).decode()
        with self._database.begin() as connection:
            connection.execute(update(SESSIONS).where(SESSIONS.c.id == session).values(names=packed))

    def captions(self, session: str, version: str = LIVE, track: str = ORIGINAL) -> list[Caption]:
        """The captions of one version and language, in order of time."""
        query = select(CAPTIONS.c.id, CAPTIONS.c.packed, CAPTIONS.c.final).where(
            CAPTIONS.c.session == session, CAPTIONS.c.version == version, CAPTIONS.c.track == track
        )
        with self._database.connect() as connection:
            rows = connection.execute(query.order_by(CAPTIONS.c.start, CAPTIONS.c.number)).all()
        return [unpack_caption(row.id, row.packed, final=row.final) for row in rows]

    def replace(self, session: str, version: str, captions: Sequence[Caption], track: str = ORIGINAL) -> None:
        """Replace all captions of one version and language; no captions delete it."""
        which = {"session": session, "version": version, "track": track}
        rows = [{**which, "id": one.id, **caption_row(one, 0)} for one in captions if one.words]
        with self._database.begin() as connection:
            connection.execute(delete(CAPTIONS).where(*(CAPTIONS.c[name] == value for name, value in which.items())))
            if rows:
                connection.execute(insert(CAPTIONS), rows)

    def search(self, words: str, channel: str | None = None, limit: int = 100) -> list[Hit]:
        """The newest captions that contain all of ``words``, or words that begin with them.

        Words of scripts without spaces, and of Korean, are found anywhere in the text. Forms of full and half width
        are equal, and so are "ß" and "ss".
        """
        terms = _find_terms(words)
        if not terms:
            return []
        contained = [or_(*map(self._contains, _spellings(term))) for term in terms]
        query = select(CAPTIONS).where(CAPTIONS.c.final, *contained)
        query = query.join(SESSIONS).order_by(SESSIONS.c.began.desc(), CAPTIONS.c.start).limit(limit)
        if channel is not None:
            query = query.where(SESSIONS.c.channel == channel)
        with self._database.connect() as connection:
            rows = connection.execute(query).all()
        return [Hit(row.session, row.version, row.track, row.id, row.start, row.text) for row in rows]

    def _contains(self, term: str) -> ColumnElement[bool]:
        composed = (
            func.nfkc(CAPTIONS.c.text) if self._database.sqlite else func.normalize(CAPTIONS.c.text, text("NFKC"))
        )
        anywhere = or_(
            CAPTIONS.c.text.icontains(term, autoescape=True),
            and_(self._has_character(_UNCOMPOSED), composed.icontains(term, autoescape=True)),
        )
        if _DIVISIBLE_CHARACTER.search(term) or any(map(is_unspaced, term)):
            return anywhere
        if self._database.sqlite:
            matches = "captions.number IN (SELECT rowid FROM captions_words WHERE captions_words MATCH :words)"
            word = text(matches).bindparams(bindparam("words", f'"{term}"*', unique=True))
        else:
            matches = "to_tsvector('simple', captions.text) @@ to_tsquery('simple', :words)"
            word = text(matches).bindparams(bindparam("words", f"{term}:*", unique=True))
        return or_(word, and_(self._has_character(_DIVISIBLE), anywhere))

    def _has_character(self, characters: str) -> ColumnElement[bool]:
        """Whether a caption has one of the characters, given as in a class of a regular expression."""
        if self._database.sqlite:
            return CAPTIONS.c.text.op("GLOB")(f"*[{characters}]*")
        return CAPTIONS.c.text.regexp_match(f"[{characters}]")

    def forget(self, session: str) -> None:
        """Delete a session with everything stored about it, except for its files: see `find_deleted`."""
        now = time()
        with self._database.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.id == session))
            if not self._database.sqlite:
                upsert(connection, DELETED_SESSIONS, [{"id": session, "deleted": now}], ["id"])
                connection.execute(delete(DELETED_SESSIONS).where(DELETED_SESSIONS.c.deleted < now - _DELETED_AGE))

    def find_deleted(self, sessions: Collection[str]) -> list[str]:
        """Those of the sessions that were deleted, by any service with this database."""
        query = select(DELETED_SESSIONS.c.id).where(DELETED_SESSIONS.c.id.in_(sessions))
        with self._database.connect() as connection:
            return list(connection.execute(query).scalars()) if sessions else []

    def correct(self, session: str, before: Caption, after: Caption) -> None:
        """Store a correction by a person. If there was an earlier one, its times of the recognized caption are kept."""
        row = {"session": session, "caption": after.id, "packed": pack_caption(after)}
        with self._database.begin() as connection:
            upsert(
                connection,
                CORRECTIONS,
                [{**row, "start": before.start, "end": before.end}],
                ["session", "caption"],
                kept=["start", "end"],
            )

    def corrections(self, session: str) -> list[Correction]:
        """People's corrections, in order of time."""
        query = select(CORRECTIONS).where(CORRECTIONS.c.session == session).order_by(CORRECTIONS.c.start)
        with self._database.connect() as connection:
            rows = connection.execute(query).all()
        return [Correction(unpack_caption(row.caption, row.packed), row.start, row.end) for row in rows]

    def recordings(self, session: str | None = None) -> list[Recording]:
        """The recordings of one session or of all, in order of time."""
        query = select(RECORDINGS).order_by(RECORDINGS.c.session, RECORDINGS.c.clock, RECORDINGS.c.file)
        if session is not None:
            query = query.where(RECORDINGS.c.session == session)
        with self._database.connect() as connection:
            rows = connection.execute(query).all()
        return [Recording(**row._mapping) for row in rows]

    def record(self, recordings: Sequence[Recording]) -> None:
        """Store the newest state of recordings, but not whether they are in the storage that services share."""
        rows = [{column.name: getattr(one, column.name) for column in RECORDINGS.c} for one in recordings]
        with self._database.begin() as connection:
            upsert(connection, RECORDINGS, rows, ["file"], kept=["stored", "seen"])

    def mark_stored(self, file: str, size: int) -> None:
        """Note that the complete file is in the storage, with this many bytes."""
        done = update(RECORDINGS).where(RECORDINGS.c.file == file).values(stored=size, seen=None)
        with self._database.begin() as connection:
            connection.execute(done)

    def mark_seen(self, files: Collection[str], now: float | None) -> set[str]:
        """Note that a service is recording or storing files, or with None that none is; returns those that exist."""
        changed = update(RECORDINGS).where(RECORDINGS.c.file.in_(files)).values(seen=now).returning(RECORDINGS.c.file)
        with self._database.begin() as connection:
            return set(connection.execute(changed).scalars())

    def claim_abandoned(self, before: float, now: float) -> list[Recording]:
        """Recordings that no service has worked on since ``before``; they are the caller's from ``now`` on."""
        abandoned = RECORDINGS.c.stored.is_(None) & (RECORDINGS.c.seen < before)
        claimed = update(RECORDINGS).where(abandoned).values(seen=now).returning(*RECORDINGS.c)
        with self._database.begin() as connection:
            return [Recording(**row._mapping) for row in connection.execute(claimed)]

    def obs_recordings(self, session: str) -> list[ObsRecording]:
        """The recordings that OBS made during a session, in order of time."""
        query = select(OBS_RECORDINGS).where(OBS_RECORDINGS.c.session == session).order_by(OBS_RECORDINGS.c.number)
        with self._database.connect() as connection:
            rows = connection.execute(query).all()
        return [
            ObsRecording(
                row.session, row.number, row.file, tuple(Piece(*piece) for piece in msgpack.decode(row.pieces))
            )
            for row in rows
        ]

    def save_obs_recording(self, recording: ObsRecording) -> None:
        """Store the newest state of a recording that OBS makes."""
        pieces = msgpack.encode([(piece.start, piece.position, piece.length) for piece in recording.pieces])
        row = {"session": recording.session, "number": recording.number, "file": recording.file, "pieces": pieces}
        with self._database.begin() as connection:
            upsert(connection, OBS_RECORDINGS, [row], ["session", "number"])


def _find_terms(words: str) -> list[str]:
    """The words, whose letters may have marks of their own, without the characters between them."""
    composed = unicodedata.normalize("NFKC", words)
    kept = [one if one.isalnum() or one == "_" or unicodedata.category(one)[0] == "M" else " " for one in composed]
    return "".join(kept).split()


def _spellings(term: str) -> list[str]:
    folded = term.casefold()  # "ß" becomes "ss"
    return sorted({term, folded, folded.replace("ss", "ß")})


def _summary(connection: Connection, row: Any) -> Summary:
    which = CAPTIONS.c.session == row.id, CAPTIONS.c.track == ORIGINAL
    live = (*which, CAPTIONS.c.version == LIVE)
    count = connection.execute(select(func.count()).where(*live)).scalar_one()
    newest = select(CAPTIONS.c.packed).where(*live).order_by(CAPTIONS.c.start.desc()).limit(1)
    packed = connection.execute(newest).scalar()
    first = select(CAPTIONS.c.text).where(*live).order_by(CAPTIONS.c.start).limit(3)
    beginning = shorten(" ".join(connection.execute(first).scalars()), _MAX_BEGINNING_LENGTH)
    versions = connection.execute(select(CAPTIONS.c.version).where(*which).distinct()).scalars()
    tracks = connection.execute(select(CAPTIONS.c.track).where(CAPTIONS.c.session == row.id).distinct()).scalars()
    return Summary(
        session_from_row(row),
        row.seen,
        count,
        unpack_caption("", packed).end if packed else 0.0,
        beginning,
        tuple(sorted(versions)),
        tuple(sorted(tracks)),
    )
