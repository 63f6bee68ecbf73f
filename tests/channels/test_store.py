"""What channels were told outlives the service."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import httpx
import pytest

from service.channels.settings import ChannelSettings, ClosedCaptions
from service.channels.store import Store, StoreError, Told
from service.channels.style import Style
from tests.support import running, until

TOLD = Told(
    ChannelSettings("de", names={"Host": "Ada"}, closed_captions=ClosedCaptions(password="secret")),
    {"game": Style(theme="neon")},
)


def loaded(folder: Path) -> dict[str, Told]:
    store = Store(folder)
    store.close()
    return store.loaded


def test_what_is_saved_is_there_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    assert store.loaded == {}
    store.save({"main": TOLD, "other": Told(ChannelSettings("en"))})
    store.save({"other": Told(ChannelSettings("fr"))})
    store.close()
    again = Store(tmp_path / "data")
    assert again.loaded == {"main": TOLD, "other": Told(ChannelSettings("fr"))}
    again.save({"other": Told()})  # what says nothing needs no room
    again.close()
    assert set(loaded(tmp_path / "data")) == {"main"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    assert store.path.stat().st_mode & 0o077 == 0
    assert store.path.parent.stat().st_mode & 0o077 == 0
    store.close()


def test_a_row_that_nobody_understands_spoils_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save({"main": TOLD, "broken": TOLD, "future": TOLD})
    store.close()
    with sqlite3.connect(store.path) as raw:
        raw.execute("UPDATE channels SET told = ? WHERE name = 'broken'", (b"{",))
        raw.execute(
            "UPDATE channels SET told = ? WHERE name = 'future'", (b'{"settings":{"language":"it","x":1},"y":2}',)
        )
    raw.close()
    assert loaded(tmp_path) == {"main": TOLD, "future": Told(ChannelSettings("it"))}


def test_a_file_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "surtitle.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"cannot be used \(file is not a database\): choose another folder"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="choose another folder"):
        Store(tmp_path / "surtitle.db" / "below")


async def test_a_channel_is_after_a_restart_as_it_was(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        words = {"replacements": {"sir title": "Surtitle"}}
        told = {"language": "de", "vocabulary": words, "names": {"Host": "Ada"}, "paused": True}
        assert (await client.patch("/api/channels/talk/settings", json=told)).status_code == 200
        assert (await client.put("/api/channels/talk/styles/game", json={"theme": "neon"})).status_code == 200
        before = (await client.get("/api/channels/talk/settings")).json()
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/api/channels/talk/settings")).json() == {**before, "paused": False}
        assert (await client.get("/api/channels/talk/styles")).json() == {"game": {"theme": "neon"}}


async def test_what_was_told_is_on_disk_within_a_moment(tmp_path: Path) -> None:
    """Whatever happens to the service then."""
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        await client.patch("/api/channels/talk/settings", json={"language": "de"})
        await until(lambda: "talk" in loaded(tmp_path))


async def test_a_file_that_is_held_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.channels.store._BUSY", 0.1)
    monkeypatch.setattr("service.channels.store._RETRY", 0.1)
    async with running(data_dir=tmp_path) as service, httpx.AsyncClient(base_url=service.url) as client:
        keeper = service.app.state.keeper
        with sqlite3.connect(tmp_path / "surtitle.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            await client.patch("/api/channels/talk/settings", json={"language": "de"})
            await until(lambda: "database is locked" in keeper.problem)
            other.execute("ROLLBACK")
        other.close()
        await until(lambda: not keeper.problem)
        await until(lambda: "talk" in loaded(tmp_path))
