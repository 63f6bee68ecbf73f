"""Screens on their way to OBS; tests/obs has the same with a real OBS and with what viewers get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.settings import ClosedCaptions
from surtitle.closed_captions import obs_websocket
from surtitle.closed_captions.captioner import Captioner
from surtitle.closed_captions.obs_websocket import ObsOutput
from surtitle.core.settings import Limits
from surtitle.core.words import Word
from tests.closed_captions.fake_obs import PASSWORD, FakeObs, fake_obs
from tests.support import until


@asynccontextmanager
async def sending(obs: FakeObs) -> AsyncIterator[tuple[ObsOutput, Channel]]:
    channel = Channel("main", Limits())
    captioner = Captioner(channel, lambda source: None)
    output = ObsOutput(ClosedCaptions(enabled=True, port=obs.port, password=PASSWORD), captioner)
    tasks = [asyncio.create_task(captioner.follow()), asyncio.create_task(output.run())]
    try:
        yield output, channel
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError] * 2


def say(channel: Channel, text: str) -> None:
    channel.original.put(
        Caption(
            channel.session.new_caption_id(),
            1,
            "Host",
            "en",
            tuple(Word(word, 0, 1) for word in text.split()),
            final=True,
        )
    )


async def test_words_are_sent_at_once_and_cleared_at_the_end() -> None:
    async with fake_obs() as obs:
        async with sending(obs) as (output, channel):
            await until(lambda: output.state.name == "sending")
            say(channel, "good evening")
            await until(lambda: output.captioner.text == "good evening")
        assert obs.captions == ["good evening", ""]
        await until(lambda: not obs.connections)


async def test_what_obs_may_show_is_cleared_though_its_answer_never_came() -> None:
    async with fake_obs() as obs:
        async with sending(obs) as (output, channel):
            await until(lambda: output.state.name == "sending")
            obs.answering.clear()
            say(channel, "good evening")
            await until(lambda: ("SendStreamCaption", {"captionText": "good evening"}) in obs.requests)
            obs.answering.set()
        assert obs.captions == ["good evening", ""]


async def test_no_word_is_lost_when_the_connection_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obs_websocket, "_BACKOFF", (0.05, 0.1))
    async with fake_obs() as obs, sending(obs) as (output, channel):
        await until(lambda: output.state.name == "sending")
        for connection in set(obs.connections):
            connection.transport.abort()
        await until(lambda: output.state.name == "not_connected")
        say(channel, "good evening")
        await until(lambda: obs.captions == ["good evening"])


async def test_a_stream_that_ended_is_noticed_by_its_refusal() -> None:
    async with fake_obs() as obs, sending(obs) as (output, channel):
        await until(lambda: output.state.name == "sending")
        obs.streaming = False
        say(channel, "to nobody")
        await until(lambda: output.state.name == "not_streaming")
        obs.streaming = True
        await until(lambda: output.state.name == "sending")
        say(channel, "good evening")
        await until(lambda: obs.captions == ["good evening"])


async def test_an_old_obs_is_told_from_none() -> None:
    async with fake_obs(greets=False) as obs, sending(obs) as (output, _):
        await until(lambda: output.state.name == "not_connected")
        assert output.state.message == f"What answers at 127.0.0.1:{obs.port} is not OBS 28 or newer: update OBS."
