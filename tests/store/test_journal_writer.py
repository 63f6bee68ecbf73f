"""What the journal writer still writes when it is closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from surtitle.captions.caption import Caption
from surtitle.channels.session import Session
from surtitle.channels.settings import ChannelSettings
from surtitle.core.words import Word
from surtitle.store.journal import Store
from surtitle.store.journal_writer import JournalWriter
from tests.support import until

SESSION = Session("20260101-120000-1a2b", "main", 1_767_268_800.0, "ab12", 7, "c1")


async def test_the_last_write_happens_although_the_task_that_writes_has_failed(tmp_path: Path) -> None:
    def fail(name: str, sequence: int) -> None:
        raise RuntimeError("out of order")

    writer = JournalWriter(Store(tmp_path))
    writer.save_session(SESSION)
    writer.save_caption(SESSION, "", Caption("c1-1", 1, "tab", "en", (Word("Hi", 1.0, 1.5),), (), True), 8, fail)
    await until(writer._task.done)
    writer.save_settings("main", ChannelSettings("de"), {})
    with pytest.raises(RuntimeError):
        await writer.close()
    store = Store(tmp_path)
    assert store.settings()["main"].settings.language == "de"
    store.close()
