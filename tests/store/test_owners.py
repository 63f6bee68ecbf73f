"""Services that share a database each restore their own channels and sessions."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import create_engine, text

from surtitle.channels.session import Session, StoredSettings
from surtitle.channels.settings import ChannelSettings
from surtitle.store.database import Database, StoreError
from surtitle.store.journal import Batch, Store
from surtitle.store.transcripts import Transcripts
from tests.store.postgresql import PostgreSQL
from tests.support import put, running


def session(name: str, channel: str) -> Session:
    return Session(name, channel, 1_767_268_800.0, "ab12", 7, "c1")


def stored(language: str) -> StoredSettings:
    return StoredSettings(ChannelSettings(language))


def sessions(store: Store) -> list[str]:
    return sorted(one.session.id for one in store.load_sessions(channels=10, captions=10))


def test_services_share_a_server_even_with_channels_of_the_same_name(tmp_path: Path, server: PostgreSQL) -> None:
    url = server.database()
    first, second = Store(tmp_path / "first", url), Store(tmp_path / "second", url)
    first.write(Batch(settings={"main": stored("de")}, sessions={"s1": session("s1", "main")}))
    second.write(Batch(settings={"main": stored("fr")}, sessions={"s2": session("s2", "main")}))
    second.write(Batch(settings={"other": stored("it")}, sessions={"s3": session("s3", "other")}))
    first.close()
    second.close()
    first, second = Store(tmp_path / "first", url), Store(tmp_path / "second", url)
    for store in (first, second):
        store.adopt()
    assert (first.settings(), sessions(first)) == ({"main": stored("de")}, ["s1"])
    assert (second.settings(), sessions(second)) == ({"main": stored("fr"), "other": stored("it")}, ["s2", "s3"])
    second.write(Batch(settings={"main": StoredSettings()}, sessions={"s4": session("s4", "main")}))
    assert first.settings() == {"main": stored("de")}
    assert sessions(first) == ["s1"]
    assert sessions(second) == ["s3", "s4"]
    assert {one.session.id for one in Transcripts(first.database).sessions()} == {"s1", "s3", "s4"}
    first.close()
    second.close()


def test_rows_of_earlier_versions_belong_to_the_first_service_that_starts(tmp_path: Path, server: PostgreSQL) -> None:
    url = server.database()
    first, second = Store(tmp_path / "first", url), Store(tmp_path / "second", url)
    first.write(Batch(settings={"main": stored("de")}, sessions={"s1": session("s1", "main")}))
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE channels SET owner = ''")
        connection.execute("UPDATE sessions SET owner = ''")
    assert second.settings() == {"main": stored("de")}  # which changes nothing
    first.adopt()
    second.adopt()
    assert (first.settings(), sessions(first)) == ({"main": stored("de")}, ["s1"])
    assert (second.settings(), sessions(second)) == ({}, [])
    first.close()
    second.close()


def test_tables_of_the_version_before_owners_are_migrated(
    tmp_path: Path, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.store.database._VERSION", "0003")
    Database(tmp_path, url).close()
    monkeypatch.undo()
    address = url.replace("postgresql", "postgresql+psycopg", 1) if url else f"sqlite:///{tmp_path / 'surtitle.db'}"
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO channels (name, told) VALUES ('main', :told)"),
            {"told": b'{"settings":{"language":"de"}}'},
        )
        connection.execute(
            text(
                "INSERT INTO sessions (id, channel, began, seen, ended, epoch, place, prefix) "
                "VALUES ('s1', 'main', 1767268800.0, 1767268800.0, false, 'ab12', 7, 'c1')"
            )
        )
    engine.dispose()
    store = Store(tmp_path, url)
    store.adopt()
    store.write(Batch(settings={"other": stored("it")}))
    assert store.settings() == {"main": stored("de"), "other": stored("it")}
    assert sessions(store) == ["s1"]
    store.close()


def test_a_file_belongs_to_whoever_opens_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "first")
    store.write(Batch(settings={"main": stored("de")}, sessions={"s1": session("s1", "main")}))
    store.close()
    (tmp_path / "second").mkdir()
    with (
        sqlite3.connect(tmp_path / "first" / "surtitle.db") as file,
        sqlite3.connect(tmp_path / "second" / "surtitle.db") as copy,
    ):
        file.backup(copy)
    file.close()
    copy.close()
    store = Store(tmp_path / "second")
    store.adopt()
    assert (store.settings(), sessions(store)) == ({"main": stored("de")}, ["s1"])
    store.close()
    assert not (tmp_path / "second" / "service-id").exists()


def test_a_damaged_id_is_reported(tmp_path: Path, server: PostgreSQL) -> None:
    (tmp_path / "service-id").write_text("")
    with pytest.raises(StoreError, match="does not hold a service's id"):
        Store(tmp_path, server.database())


async def test_a_second_service_restores_nothing_of_the_first(tmp_path: Path, server: PostgreSQL) -> None:
    url = server.database()
    async with running(data_dir=tmp_path / "first", database=url) as service:
        async with httpx.AsyncClient(base_url=service.url) as client:
            await client.patch("/api/channels/talk/settings", json={"language": "de"})
        service.services.hub.channel("talk").begin()
        put(service, "talk", "c1", 1, "hello all", final=True)
    async with running(data_dir=tmp_path / "second", database=url) as service:
        assert service.services.hub.find_channel("talk") is None
    async with running(data_dir=tmp_path / "first", database=url) as service:
        channel = service.services.hub.find_channel("talk")
        assert channel.settings.language == "de"
        assert [one.text for one in channel.original.captions] == ["hello all"]


def test_services_that_start_at_once_create_the_tables_once(tmp_path: Path, server: PostgreSQL) -> None:
    url = server.database()
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda number: Store(tmp_path / f"service-{number}", url), range(4)))
    for store in stores:
        assert store.settings() == {}
        store.close()
