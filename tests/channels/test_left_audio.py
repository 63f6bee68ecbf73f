"""Audio that waited when its source ended: recognized by the client's next source, or else by one of the service."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from surtitle.audio import RATE
from surtitle.channels.audio_queue import Block
from surtitle.channels.channel import Channel
from surtitle.channels.left_audio import LeftAudio
from surtitle.channels.session import ResumableSource
from surtitle.channels.source_opener import SourceRequest
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import TooMany
from surtitle.core.keyed_lock import KeyedLock
from surtitle.core.settings import Limits
from tests.support import until

RESUME = "resume-0123"


class Opener:
    """Stands for the one that opens sources: notes the requests."""

    def __init__(self) -> None:
        self.opened: list[SourceRequest] = []
        self.ended = 0
        self.error: TooMany | None = None

    async def open(self, request: SourceRequest) -> Any:
        if self.error is not None:
            raise self.error
        self.opened.append(request)
        return SimpleNamespace(end=self._end)

    def _end(self) -> None:
        self.ended += 1


class Bench:
    def __init__(self, resume_window: float, *speech: float) -> None:
        """``speech`` are the seconds of audio in the blocks that wait, behind the one that precedes them."""
        limits = Limits(resume_window=resume_window)
        self.channel = Channel("main", limits)
        self.opener = Opener()
        self.left_audio = LeftAudio(self.opener, KeyedLock(), resume_window)  # type: ignore[arg-type]
        blocks = [Block(np.zeros(round(seconds * RATE), dtype=np.float32), 0.0) for seconds in (0.4, *speech)]
        self.left = ResumableSource("Host", 2.0, 30.0, blocks)
        self.channel.session.hand_over(RESUME, self.left)
        self.options = SourceOptions(language="de")
        self.left_audio.keep(SimpleNamespace(channel=self.channel, resume=RESUME, name="Host"), self.options)  # type: ignore[arg-type]


async def test_it_is_recognized_when_its_client_can_no_longer_come() -> None:
    bench = Bench(0.1, 3.0, 0.0, 2.0)
    await until(lambda: bench.opener.ended == 1)
    (request,) = bench.opener.opened
    assert (request.channel, request.name, request.options, request.left) == (
        bench.channel,
        "Host",
        bench.options,
        bench.left,
    )
    assert bench.channel.session.find_resumable(RESUME) is None


async def test_a_client_that_comes_gets_it() -> None:
    bench = Bench(0.1, 3.0)
    assert bench.channel.session.find_resumable(RESUME) is bench.left
    bench.channel.session.save_source(RESUME, "Host", 2.0)
    await until(lambda: not bench.left_audio._tasks)
    assert bench.opener.opened == []


@pytest.mark.parametrize("speech", [(), (0.0,)])
async def test_without_speech_that_waits_there_is_nothing_to_do(speech: tuple[float, ...]) -> None:
    assert not Bench(0.1, *speech).left_audio._tasks


async def test_it_is_recognized_at_once_when_the_service_stops() -> None:
    bench = Bench(600.0, 3.0)
    await asyncio.sleep(0)
    await bench.left_audio.finish(10.0)
    assert bench.opener.ended == 1


async def test_without_room_for_a_source_it_is_lost_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(0.1, 3.0)
    bench.opener.error = TooMany("4 sources are already running in all: end one first.")
    await until(lambda: not bench.left_audio._tasks)
    assert "Host: its last words are lost: 4 sources" in caplog.text


async def test_what_waits_is_not_forgotten_when_another_source_is_handed_over_later() -> None:
    bench = Bench(0.0, 3.0)
    bench.channel.session.hand_over("resume-4567", ResumableSource("Guest", 2.0, 30.0))
    await until(lambda: bench.opener.ended == 1)
