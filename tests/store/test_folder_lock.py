"""Only one service at a time uses a data folder."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from surtitle import __version__
from surtitle.access.token_store import TokenStore, TokenStoreError
from surtitle.core.announcement import Announcement, announce, find_announcement
from surtitle.core.settings import Settings
from surtitle.store.database import Database, StoreError
from surtitle.store.folder_lock import FILE, FolderInUse, FolderLock
from surtitle.web.server import Server
from tests.support import free_port, running

_HOLD = """
import sys
from pathlib import Path
from surtitle.store.folder_lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


def _times(folder: Path) -> dict[str, int]:
    """When each file was changed, except for the lock."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != FILE}


async def test_a_second_service_is_refused_in_one_sentence_and_changes_nothing(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path):
        before = _times(tmp_path)
        with pytest.raises(FolderInUse, match=r"^Another Surtitle service .*: stop it, or choose .* --data-dir\.$"):
            await asyncio.to_thread(Server, Settings(port=free_port(), data_dir=tmp_path, engine="pocketsphinx"))
        assert _times(tmp_path) == before
    async with running(data_dir=tmp_path):
        """The folder is free again."""


async def test_a_service_says_where_it_is_while_it_runs(tmp_path: Path) -> None:
    assert find_announcement(tmp_path) is None
    async with running(data_dir=tmp_path) as service:
        assert find_announcement(tmp_path) == Announcement(service.url, __version__)
    assert find_announcement(tmp_path) is None


def test_what_a_killed_service_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    announce(tmp_path, Announcement("http://127.0.0.1:8000", "0.1.0"))
    lock = FolderLock(tmp_path)
    assert find_announcement(tmp_path) is None
    lock.release()


def test_damage_counts_as_no_announcement(tmp_path: Path) -> None:
    (tmp_path / "service-running.json").write_text("{")
    assert find_announcement(tmp_path) is None


async def test_a_service_that_cannot_say_where_it_is_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "service-running.new").mkdir()
    async with running(data_dir=tmp_path):
        assert find_announcement(tmp_path) is None
    assert "a second start will not find this service" in caplog.text


def test_a_killed_process_leaves_the_folder_free(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    assert holder.stdout.readline() == "locked\n"
    with pytest.raises(FolderInUse):
        FolderLock(tmp_path)
    holder.kill()
    holder.communicate(timeout=30)
    FolderLock(tmp_path).release()


def test_a_folder_that_cannot_be_created_is_left_to_the_database(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    FolderLock(folder).release()
    with pytest.raises(StoreError, match=r"^The folder .* cannot be used .*: choose a folder .* --data-dir\.$"):
        Database(folder)
    with pytest.raises(TokenStoreError, match=r"^The folder .* cannot be used"):
        TokenStore(folder)
