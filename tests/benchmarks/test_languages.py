"""When the right language was found."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.runs import detected
from benchmarks.scores import TimedWord
from benchmarks.systems import Answer, read_languages
from benchmarks.talk import Talk

TALK = Talk(np.zeros(160, np.int16), (TimedWord("oui", 0.5, 0.8),), (), ("oui",), "fr")


@pytest.mark.parametrize(
    ("reports", "after"),
    [
        ([(0.1, "auto"), (2.5, "fr")], 2.0),
        ([(1.5, "en"), (3.5, "fr")], 3.0),
        ([(1.5, "fr"), (2.0, "en")], None),
        ([(0.1, "auto")], None),
        ([], None),
    ],
)
def test_only_a_right_report_that_is_not_taken_back_counts(
    reports: list[tuple[float, str]], after: float | None
) -> None:
    assert detected(TALK, Answer(languages=reports)) == after


async def test_the_language_is_read_from_the_captions_of_a_channel() -> None:
    events = [
        ("clear", {}),
        ("status", {"source": "x", "state": "live", "language": "auto"}),
        ("status", {"source": "x", "state": "live", "language": "fr"}),
        ("caption", {"id": "a", "text": "Oui", "lang": "fr"}),
        ("caption", {"id": "b", "text": "Yes", "lang": "en"}),
    ]

    async def send(socket: ServerConnection) -> None:
        for name, data in events:
            await socket.send(json.dumps({"event": name, "id": "1", "data": data}))

    answer = Answer()
    async with serve(send, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        await read_languages(f"ws://127.0.0.1:{port}/", time.monotonic(), answer)
    assert [language for _, language in answer.languages] == ["auto", "fr", "en"]
