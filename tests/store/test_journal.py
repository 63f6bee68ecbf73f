"""What channels have to remember is written, and found again."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from surtitle.captions.caption import Caption
from surtitle.channels.session import ResumableSource, Session, StoredSettings, hash_resume_id
from surtitle.channels.settings import ChannelSettings, ClosedCaptions
from surtitle.channels.style import Style
from surtitle.core.words import Word
from surtitle.store.database import StoreError
from surtitle.store.journal import Batch, PendingCaption, PendingSource, Store

TOLD = StoredSettings(
    ChannelSettings("de", names={"Host": "Ada"}, closed_captions=ClosedCaptions(password="secret")),
    {"game": Style(theme="neon")},
)
SESSION = Session("20260101-120000-1a2b", "main", 1_767_268_800.0, "ab12", 7, "c1")


def said(
    name: str, text: str, start: float = 1.0, *, rev: int = 3, final: bool = True, sequence: int = 10
) -> PendingCaption:
    words = tuple(Word(word, start + 0.5 * at, start + 0.5 * at + 0.4, 0.9) for at, word in enumerate(text.split()))
    return PendingCaption(
        SESSION, "", Caption(name, rev, "tab", "en", words, (), final, "Ada"), sequence, lambda name, sequence: None
    )


def batch(*all_said: PendingCaption) -> Batch:
    return Batch(captions={(one.session.id, one.track, one.caption.id): one for one in all_said})


def test_settings_are_loaded_again(tmp_path: Path, url: str | None) -> None:
    store = Store(tmp_path, url)
    assert store.settings() == {}
    store.write(Batch(settings={"main": TOLD, "other": StoredSettings(ChannelSettings("en"))}))
    store.write(Batch(settings={"other": StoredSettings(ChannelSettings("fr"))}))
    store.close()
    again = Store(tmp_path, url)
    assert again.settings() == {"main": TOLD, "other": StoredSettings(ChannelSettings("fr"))}
    again.write(Batch(settings={"other": StoredSettings()}))  # what says nothing needs no room
    assert set(again.settings()) == {"main"}
    again.close()


def test_captions_are_loaded_again(tmp_path: Path, url: str | None) -> None:
    store = Store(tmp_path, url)
    french = replace(said("c1-1", "bonjour à tous"), track="fr")
    store.write(batch(said("c1-1", "hello all"), said("c1-2", "how", 3.0, final=False), french))
    store.write(batch(said("c1-2", "how are you", 3.0, rev=5, sequence=12), said("c1-3", "gone", 5.0)))
    gone = said("c1-3", "")
    store.write(batch(gone))
    (kept,) = store.load_sessions(channels=10, captions=100)
    assert kept.session == SESSION
    assert {track: [(sequence, one) for sequence, one in found] for track, found in kept.tracks.items()} == {
        "": [(10, said("c1-1", "hello all").caption), (12, said("c1-2", "how are you", 3.0, rev=5).caption)],
        "fr": [(10, french.caption)],
    }
    assert [one.id for _, one in store.load_sessions(channels=10, captions=1)[0].tracks[""]] == ["c1-2"]
    store.close()


def test_only_the_newest_session_goes_on(tmp_path: Path, url: str | None) -> None:
    store = Store(tmp_path, url)
    following = replace(SESSION, id="20260101-130000-3c4d")
    store.write(batch(said("c1-1", "before")))
    store.write(Batch(sessions={following.id: following}))
    store.write(batch(said("c1-1", "before then", rev=4)))  # a correction that comes late
    assert [one.session for one in store.load_sessions(10, 100)] == [following]
    store.close()


def test_a_session_may_be_followed_before_its_captions_are_written(tmp_path: Path, url: str | None) -> None:
    store = Store(tmp_path, url)
    following = replace(SESSION, id="20260101-130000-3c4d")
    both = batch(said("c1-1", "before"), replace(said("c2-1", "after"), session=following))
    both.sessions.update({SESSION.id: SESSION, following.id: following})
    store.write(both)
    assert [one.session for one in store.load_sessions(10, 100)] == [following]
    assert [one.text for _, one in store.captions(SESSION.id, "", 10)] == ["before"]
    store.close()


def test_sources_that_ran_can_go_on(tmp_path: Path, url: str | None) -> None:
    store = Store(tmp_path, url)
    store.write(
        Batch(
            sources={
                (SESSION.id, "first-resume"): PendingSource(SESSION, "tab", 0.5),
                (SESSION.id, "second-resume"): PendingSource(SESSION, "mic", 1.0),
                (SESSION.id, "third-resume"): PendingSource(SESSION, "guest", 1.0, 60.0),
            }
        )
    )
    store.write(Batch(ended_sources={(SESSION.id, "second-resume")}))
    store.write(batch(said("c1-1", "hello all")))
    (kept,) = store.load_sessions(10, 100)
    assert kept.sources == {
        hash_resume_id("first-resume"): ResumableSource("tab", 0.5, kept.tracks[""][0][1].end - 0.5),
        hash_resume_id("third-resume"): ResumableSource("guest", 1.0, 60.0),
    }
    store.close()


def test_sources_of_several_channels_may_have_the_same_resume_id(tmp_path: Path, url: str | None) -> None:
    store = Store(tmp_path, url)
    other = replace(SESSION, id="another", channel="another")
    sources = {(one.id, "resume"): PendingSource(one, one.channel, 0.5) for one in (SESSION, other)}
    store.write(Batch(sources=sources))
    assert {
        one.session.channel: [source.name for source in one.sources.values()] for one in store.load_sessions(9, 9)
    } == {
        SESSION.channel: [SESSION.channel],
        "another": ["another"],
    }
    store.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    assert (tmp_path / "data" / "surtitle.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    store.close()


def test_a_row_that_nobody_understands_spoils_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(Batch(settings={"main": TOLD, "broken": TOLD, "future": TOLD}))
    with sqlite3.connect(tmp_path / "surtitle.db") as raw:
        raw.execute("UPDATE channels SET told = ? WHERE name = 'broken'", (b"{",))
        raw.execute(
            "UPDATE channels SET told = ? WHERE name = 'future'", (b'{"settings":{"language":"it","x":1},"y":2}',)
        )
    raw.close()
    assert store.settings() == {"main": TOLD, "future": StoredSettings(ChannelSettings("it"))}
    store.close()


def test_the_file_of_the_first_version_goes_on(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "surtitle.db") as raw:
        raw.execute("CREATE TABLE channels (name VARCHAR(64) NOT NULL PRIMARY KEY, told BLOB NOT NULL)")
        raw.execute("INSERT INTO channels VALUES ('main', ?)", (b'{"settings":{"language":"it"}}',))
    raw.close()
    store = Store(tmp_path)
    assert store.settings() == {"main": StoredSettings(ChannelSettings("it"))}
    store.write(batch(said("c1-1", "hello all")))
    store.close()


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "surtitle.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StoreError, match="written by a newer version: update Surtitle"):
        Store(tmp_path)


def test_unusable_databases_are_reported_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "surtitle.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"cannot be used \(file is not a database\): choose another folder"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="choose a folder in which you may write"):
        Store(tmp_path / "surtitle.db" / "below")
    with pytest.raises(StoreError, match="--database takes a PostgreSQL address"):
        Store(tmp_path, "mysql://localhost/surtitle")
    with pytest.raises(StoreError, match="--database takes a PostgreSQL address"):
        Store(tmp_path, "surtitle")
    with pytest.raises(StoreError, match="make sure that the server runs") as refused:
        Store(tmp_path, "postgresql://ada:secret@127.0.0.1:1/surtitle")
    assert "secret" not in str(refused.value)
