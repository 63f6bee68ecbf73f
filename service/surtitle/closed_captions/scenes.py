"""Pauses channels while certain scenes are on program in OBS."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from surtitle.channels.channel import Channel
from surtitle.channels.settings import ClosedCaptions
from surtitle.closed_captions.obs_client import (
    SCENE_EVENTS,
    ObsClient,
    ObsError,
    ObsPasswordRefused,
    connect_to_obs,
)
from surtitle.core.backoff import Backoff
from surtitle.core.wire.obs import SceneState, SceneStatus

log = logging.getLogger("surtitle.obs")

_TIMEOUT = 3.0  # seconds to wait for OBS's answer
_ASK_INTERVAL = 10.0  # seconds between two requests for the scene, of whose changes OBS tells: it may be renamed
_BACKOFF = (1.0, 15.0)  # seconds between two attempts to connect: the first and the maximum


class SceneFollower:
    """Follows the scene on program in one OBS while `run` runs.

    ``on_scene`` is called with the name of the scene, and with None when it is not known, because OBS is gone.
    ``on_change`` is called when the state has changed.
    """

    def __init__(
        self, settings: ClosedCaptions, on_scene: Callable[[str | None], None], on_change: Callable[[], None]
    ) -> None:
        self.state: SceneState = "connecting"
        self.message = "Connecting to OBS."
        self.scene = ""
        self._settings = settings
        self._on_scene = on_scene
        self._on_change = on_change

    async def run(self) -> None:
        """Connect and follow until cancelled, and reconnect with increasing pauses when the connection is lost."""
        backoff = Backoff(*_BACKOFF)
        settings = self._settings
        try:
            while True:
                began = time.monotonic()
                try:
                    async with connect_to_obs(
                        settings.host, settings.port, settings.password, _TIMEOUT, SCENE_EVENTS
                    ) as obs:
                        await self._follow(obs)
                except ObsError as error:
                    self._note_failure(error)
                self._note_scene(None)
                if time.monotonic() - began > _BACKOFF[1]:
                    backoff.reset()  # the connection had lasted for a while
                await asyncio.sleep(backoff.next())
        finally:
            self._note_scene(None)

    async def _follow(self, obs: ObsClient) -> None:
        while True:
            answer = await obs.request("GetCurrentProgramScene")
            obs.program_scene = str(answer.get("currentProgramSceneName") or "")
            self._set_state("connected", "Connected to OBS.")
            asked = time.monotonic()
            while (left := asked + _ASK_INTERVAL - time.monotonic()) > 0:
                self._note_scene(obs.program_scene)
                await obs.wait_for_event(left)

    def _note_scene(self, scene: str | None) -> None:
        if (scene or "") != self.scene or scene is None:
            self.scene = scene or ""
            self._on_scene(scene)

    def _note_failure(self, error: ObsError) -> None:
        state: SceneState = "wrong_password" if isinstance(error, ObsPasswordRefused) else "not_connected"
        self._set_state(state, error.explain(self._settings.host, self._settings.port))
        log.debug("%s: %s", type(error).__name__, error)

    def _set_state(self, state: SceneState, message: str) -> None:
        if (state, message) != (self.state, self.message):
            self.state, self.message = state, message
            if state != "connected":
                log.warning("%s", message)
            self._on_change()


class ScenePauses:
    """Owns a task for each channel that has scenes on which it pauses; OBS is where its closed captions are sent."""

    def __init__(self) -> None:
        self._running: dict[Channel, tuple[ClosedCaptions, SceneFollower, asyncio.Task[None]]] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    def apply(self, channel: Channel) -> None:
        """Begin to apply the channel's settings: its scenes, and the address of its OBS."""
        wanted = channel.settings.closed_captions
        running = self._running.get(channel)
        if running is not None:
            before, follower, task = running
            same = (before.host, before.port, before.password) == (wanted.host, wanted.port, wanted.password)
            if same and channel.settings.pause_scenes:
                _pause(channel, follower.scene)
                return
            del self._running[channel]
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)
            task.cancel()
        if channel.settings.pause_scenes:
            follower = SceneFollower(wanted, lambda scene: self._note_scene(channel, scene), channel.changes.notify)
            task = asyncio.create_task(follower.run(), name=f"scenes {channel.name}")
            self._running[channel] = wanted, follower, task
        else:
            channel.pause_for_scene(None)

    def describe(self, channel: Channel) -> dict[str, Any]:
        """Part of the channel's description: the scene on program in OBS, and whether it pauses captions."""
        running = self._running.get(channel)
        paused = channel.break_scene is not None
        if running is None:
            return {"scenes": SceneStatus(state="off", message="", scene="", paused=paused)}
        follower = running[1]
        status = SceneStatus(state=follower.state, message=follower.message, scene=follower.scene, paused=paused)
        return {"scenes": status}

    async def close(self) -> None:
        tasks = [*self._stopping, *(task for _, _, task in self._running.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _note_scene(self, channel: Channel, scene: str | None) -> None:
        _pause(channel, scene or "")


def _pause(channel: Channel, scene: str) -> None:
    """Pause the channel if it is to pause on this scene."""
    names = {name.casefold() for name in channel.settings.pause_scenes}
    channel.pause_for_scene(scene if scene.strip().casefold() in names else None)
