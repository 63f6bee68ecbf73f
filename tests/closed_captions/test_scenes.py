"""Channels that pause on scenes of OBS: while a scene is on program, after reconnects, and when OBS is gone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from surtitle.channels.channel import Channel
from surtitle.channels.settings import ChannelSettings
from surtitle.closed_captions import scenes as scenes_module
from surtitle.closed_captions.scenes import ScenePauses
from surtitle.core.errors import BadRequest
from surtitle.core.settings import Limits
from tests.closed_captions.fake_obs import PASSWORD, FakeObs, fake_obs
from tests.support import until


@pytest.fixture
def channel() -> Channel:
    return Channel("main", Limits())


@pytest_asyncio.fixture
async def pauses(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScenePauses]:
    monkeypatch.setattr(scenes_module, "_BACKOFF", (0.05, 0.1))
    pauses = ScenePauses()
    yield pauses
    await pauses.close()


def follow(pauses: ScenePauses, channel: Channel, obs: FakeObs, *scenes: str, password: str = PASSWORD) -> None:
    changes = {"pause_scenes": scenes, "closed_captions": {"port": obs.port, "password": password}}
    channel.settings = channel.settings.apply(changes)
    pauses.apply(channel)


def status(pauses: ScenePauses, channel: Channel) -> Any:
    return pauses.describe(channel)["scenes"]


async def test_captions_pause_while_a_named_scene_is_on_program(pauses: ScenePauses, channel: Channel) -> None:
    async with fake_obs(scene="starting SOON") as obs:
        follow(pauses, channel, obs, "Break", " Starting soon ")
        await until(lambda: channel.paused)
        expected = {"state": "connected", "message": "Connected to OBS.", "scene": "starting SOON", "paused": True}
        assert status(pauses, channel) == expected
        await obs.switch_scene("Talk")
        await until(lambda: not channel.paused)
        await obs.switch_scene("Break")
        await until(lambda: channel.paused)
        follow(pauses, channel, obs, "Lunch")  # the list changes while one of its scenes is on program
        assert not channel.paused
        await obs.switch_scene("Lunch")
        await until(lambda: channel.paused)
        follow(pauses, channel, obs)
        assert not channel.paused
        await until(lambda: not obs.connections)
    assert status(pauses, channel)["state"] == "off"


async def test_after_a_reconnect_obs_is_asked_and_without_obs_captions_go_on(
    pauses: ScenePauses, channel: Channel
) -> None:
    async with fake_obs(scene="Break") as obs:
        follow(pauses, channel, obs, "Break")
        await until(lambda: channel.paused)
        first = set(obs.connections)
        for connection in first:
            await connection.close()
        await until(lambda: bool(obs.connections - first) and channel.paused)
        for connection in list(obs.connections):
            obs.scene = "Talk"  # while nobody is connected
            await connection.close()
        await until(lambda: status(pauses, channel)["scene"] == "Talk" and not channel.paused)
        await obs.switch_scene("Break")
        await until(lambda: channel.paused)
    await until(lambda: status(pauses, channel)["state"] == "not_connected")
    assert not channel.paused


async def test_a_renamed_scene_is_noticed(
    pauses: ScenePauses, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes_module, "_ASK_INTERVAL", 0.1)
    async with fake_obs(scene="Untitled") as obs:
        follow(pauses, channel, obs, "Break")
        await until(lambda: status(pauses, channel)["scene"] == "Untitled")
        obs.scene = "Break"  # OBS does not report this as a change of the scene on program
        await until(lambda: channel.paused)


async def test_an_old_obs_is_told_from_none(pauses: ScenePauses, channel: Channel) -> None:
    async with fake_obs(greets=False) as obs:
        follow(pauses, channel, obs, "Break")
        await until(lambda: "28 or newer" in status(pauses, channel)["message"])
        assert status(pauses, channel)["state"] == "not_connected"


async def test_a_wrong_password_is_named(pauses: ScenePauses, channel: Channel) -> None:
    async with fake_obs(scene="Break") as obs:
        follow(pauses, channel, obs, "Break", password="wrong")
        await until(lambda: status(pauses, channel)["state"] == "wrong_password")
    assert not channel.paused


async def test_readers_are_told_of_pauses_also_those_that_come_later() -> None:
    channel = Channel("main", Limits())

    def told() -> list[bool]:
        return [json.loads(one.data)["paused"] for one in channel.original.feed.since(0) if one.name == "pause"]

    channel.pause_for_scene("Break")
    assert told() == [True]
    channel.settings = msgspec.structs.replace(channel.settings, paused=True)
    channel.publish_pause()
    channel.pause_for_scene(None)
    assert channel.paused, "a person has paused it as well"
    late = channel.translation("fr")
    assert [json.loads(one.data) for one in late.on_screen() if one.name == "pause"] == [{"paused": True}]
    channel.settings = msgspec.structs.replace(channel.settings, paused=False)
    channel.publish_pause()
    assert told() == [False]


def test_names_of_scenes_are_cleaned_and_limited() -> None:
    settings = ChannelSettings().apply({"pause_scenes": [" Break ", "", "BREAK", "Coffee, tea"]})
    assert settings.pause_scenes == ("BREAK", "Coffee, tea")
    with pytest.raises(BadRequest, match="pause_scenes: send at most 50 names"):
        ChannelSettings().apply({"pause_scenes": ["x"] * 51})
