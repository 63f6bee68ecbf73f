"""How far outputs have come, when services share a database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from surtitle.outputs.progress import Progress, ProgressLost
from surtitle.store.journal import Store
from surtitle.store.output_progress import SharedProgress
from tests.store.postgresql import PostgreSQL

SENT = Progress("t", 4, "abcd-17", {"c1": 2})


class Service:
    def __init__(self, folder: Path, url: str) -> None:
        self.store = Store(folder, url, shared=True)
        self.progress = SharedProgress(self.store)

    def take_over(self) -> None:
        self.store.take_over("talk", 10)


@pytest.fixture
def services(tmp_path: Path, server: PostgreSQL) -> Iterator[tuple[Service, Service]]:
    url = server.database()
    first, second = Service(tmp_path / "first", url), Service(tmp_path / "second", url)
    yield first, second
    first.store.close()
    second.store.close()


async def test_progress_is_claimed_by_the_service_that_has_the_channel(services: tuple[Service, Service]) -> None:
    first, second = services
    first.take_over()
    assert await first.progress.claim("talk", "1") == Progress()
    await first.progress.put("talk", "1", SENT)
    with pytest.raises(ProgressLost, match="Another service has this channel now"):
        await second.progress.claim("talk", "1")
    await first.progress.check("talk", "1")
    await first.progress.release("talk", "1")
    second.take_over()
    with pytest.raises(ProgressLost):
        await first.progress.check("talk", "1")
    assert await second.progress.claim("talk", "1") == SENT
    await second.progress.check("talk", "1")
    with pytest.raises(ProgressLost):
        await first.progress.forget("talk", "1")
    await second.progress.pause("talk", "1")
    assert await second.progress.claim("talk", "1") == Progress("t", 4)
    await second.progress.forget("talk", "1")
    assert await second.progress.claim("talk", "1") == Progress()


async def test_what_was_being_sent_when_the_channel_moved_may_still_be_stored(
    services: tuple[Service, Service],
) -> None:
    first, second = services
    first.take_over()
    await first.progress.claim("talk", "1")
    second.take_over()
    claiming = asyncio.create_task(second.progress.claim("talk", "1"))
    await first.progress.put("talk", "1", SENT)
    await first.progress.release("talk", "1")
    assert await claiming == SENT
    with pytest.raises(ProgressLost, match="Another service has this output now"):
        await first.progress.put("talk", "1", Progress())


async def test_a_service_that_is_gone_is_not_waited_for(
    services: tuple[Service, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surtitle.store.output_progress._GRACE", 0.0)
    first, second = services
    first.take_over()
    await first.progress.claim("talk", "1")
    await first.progress.put("talk", "1", SENT)
    second.take_over()
    assert await second.progress.claim("talk", "1") == SENT


async def test_captions_are_sent_while_the_database_is_down(
    services: tuple[Service, Service], server: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    first, _ = services
    first.take_over()
    await first.progress.claim("talk", "1")
    server.stop()
    try:
        for _ in range(2):
            await first.progress.check("talk", "1")
            await first.progress.put("talk", "1", SENT)
        await first.progress.release("talk", "1")
    finally:
        server.start()
    assert caplog.text.count("may be sent twice") == 1
    await first.progress.put("talk", "1", SENT)
    assert await first.progress.claim("talk", "1") == SENT
