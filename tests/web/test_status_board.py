"""The state for dashboards is built when something has changed, once for everybody who watches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from surtitle.access.tokens import EVERYTHING, Grant, Scope
from surtitle.core.notifier import Notifier
from surtitle.core.wire.access import PageLinks
from surtitle.core.wire.alerts import Alert
from surtitle.core.wire.models import EngineDescription
from surtitle.web import status_board
from surtitle.web.status_board import StatusBoard

STAGE = Grant(Scope.PUBLISH, "stage")


class Parts:
    """Stands for the parts of the service that have a state."""

    loading = None
    running = False
    of_service: tuple[Alert, ...] = ()

    def __init__(self) -> None:
        self.description = EngineDescription(engine="none", model="", notice="", choice="", recipient="")
        self.readers = 0
        self.built = 0
        self.changes = Notifier()

    async def until_built(self, count: int) -> None:
        async with asyncio.timeout(20):
            while self.built < count:
                await asyncio.sleep(0.01)

    def snapshot(self) -> list[dict[str, Any]]:
        self.built += 1
        return [{"name": name, "readers": self.readers} for name in ("main", "stage")]


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest_asyncio.fixture
async def board(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StatusBoard]:
    monkeypatch.setattr(status_board, "_MIN_INTERVAL", 0.01)
    monkeypatch.setattr(status_board, "_REFRESH_INTERVAL", 60.0)
    services: Any = parts
    board = StatusBoard(services, services, services, lambda: "", services, parts.changes)
    board.start()
    yield board
    await board.close()


def readers(message: str) -> dict[str, int]:
    return {channel["name"]: channel["readers"] for channel in json.loads(message)["channels"]}


async def test_nothing_is_built_while_nobody_watches(board: StatusBoard, parts: Parts) -> None:
    parts.changes.notify()
    for _ in range(10):
        await asyncio.sleep(0)
    assert parts.built == 0
    with board.watch():
        assert readers(board.message(EVERYTHING, None)) == {"main": 0, "stage": 0}


async def test_a_change_reaches_all_who_watch_and_is_built_once(board: StatusBoard, parts: Parts) -> None:
    with board.watch(), board.watch(), board.watch():
        await parts.until_built(2)  # for the first who watches, and by the task
        seen = board.updates.count
        waiting = [asyncio.create_task(board.updates.wait(seen, 20)) for _ in range(3)]
        parts.readers = 2
        parts.changes.notify()
        assert await asyncio.gather(*waiting) == [True, True, True]
        assert parts.built == 3
        messages = [board.message(EVERYTHING, None) for _ in range(3)]
        assert messages[0] is messages[1] is messages[2]
        assert readers(messages[0]) == {"main": 2, "stage": 2}


async def test_a_change_that_cannot_be_seen_wakes_nobody(board: StatusBoard, parts: Parts) -> None:
    with board.watch():
        seen = board.updates.count
        await parts.until_built(2)
        parts.changes.notify()
        await parts.until_built(3)
        assert board.updates.count == seen


async def test_a_token_for_one_channel_shows_that_channel(board: StatusBoard) -> None:
    with board.watch():
        assert board.channels(STAGE) == ["stage"]
        links = {"stage": PageLinks(viewer="https://x/view/stage", overlay="https://x/overlay/stage")}
        state = json.loads(board.message(STAGE, links))
        assert [channel["name"] for channel in state["channels"]] == ["stage"]
        assert state["links"] == links
        assert set(readers(board.message(EVERYTHING, None))) == {"main", "stage"}
