"""Only one service at a time uses a data folder."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from surtitle.access.token_store import TokenStore, TokenStoreError
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
