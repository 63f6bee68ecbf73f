"""The newest captions in a text source of OBS, over obs-websocket."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from surtitle.channels.output_settings import ObsText
from surtitle.closed_captions.obs_client import (
    ObsClient,
    ObsError,
    ObsPasswordRefused,
    ObsRequestFailed,
    connect_to_obs,
)
from surtitle.outputs.state import TargetError, TargetRefused

_TIMEOUT = 3.0  # seconds to wait for OBS's answer


class ObsTextTarget:
    """Sets the text of a source, and leaves its font and colors. Keeps its connection until something fails."""

    interval = 0.25

    def __init__(self, settings: ObsText) -> None:
        self.name = settings.target
        self._settings = settings
        self._stack = AsyncExitStack()
        self._obs: ObsClient | None = None

    async def check(self) -> None:
        answer = await self._request("GetInputSettings", {"inputName": self._settings.source})
        if not str(answer.get("inputKind", "")).startswith("text_"):
            raise TargetError(f"{self._settings.source} is not a text source in OBS: enter the name of one that is.")

    async def show(self, text: str) -> None:
        await self._request(
            "SetInputSettings",
            {"inputName": self._settings.source, "inputSettings": {"text": text}, "overlay": True},
        )

    async def close(self) -> None:
        self._obs = None
        await self._stack.aclose()

    async def _request(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        try:
            return await (await self._connect()).request(name, data)
        except ObsRequestFailed as error:
            if not error.not_found:
                raise TargetError(f"OBS cannot change the text of {self._settings.source}: {error}.") from error
            raise TargetError(
                f"OBS has no source named {self._settings.source}: add a text source with this name, or enter another."
            ) from error
        except ObsError as error:
            await self.close()
            failure = TargetRefused if isinstance(error, ObsPasswordRefused) else TargetError
            raise failure(error.explain(self._settings.host, self._settings.port)) from error

    async def _connect(self) -> ObsClient:
        if self._obs is None:
            one = self._settings
            connecting = connect_to_obs(one.host, one.port, one.password, _TIMEOUT)
            self._obs = await self._stack.enter_async_context(connecting)
        return self._obs
