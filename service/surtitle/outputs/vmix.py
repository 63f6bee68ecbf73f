"""The newest captions in a title of vMix, over its web controller."""

from __future__ import annotations

from surtitle.channels.output_settings import VMix
from surtitle.outputs.http_client import HttpClient, Unanswered
from surtitle.outputs.state import TargetError, TargetRefused

_TIMEOUT = 2.0  # seconds to wait for an answer
_ADVICE = "start vMix, and enable the web controller in its settings."


class VMixTarget:
    """Sets a field of a title. The path is fixed, so that no other function of vMix or of a server can be used."""

    interval = 0.25

    def __init__(self, settings: VMix) -> None:
        self.name = settings.target
        self._settings = settings
        self._where = f"{settings.host}:{settings.port}"
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{settings.port}/API/"
        self._client = HttpClient(url, known_host=False, allow_private=True, timeout=_TIMEOUT)

    async def check(self) -> None:
        """A title cannot be asked for: the first text shows whether it is there."""

    async def show(self, text: str) -> None:
        query = {"Function": "SetText", "Input": self._settings.input, "SelectedName": self._settings.field}
        try:
            answer = await self._client.request("GET", query={**query, "Value": text})
        except Unanswered as error:
            raise TargetError(f"vMix does not answer at {self._where}: {_ADVICE}") from error
        if answer.status in (401, 403):
            raise TargetRefused(
                f"vMix at {self._where} asks for a password: remove it in the web controller's settings."
            )
        if answer.status >= 300:
            raise TargetError(
                f"vMix has no field {self._settings.field} in the input {self._settings.input}: check both names."
            )

    async def close(self) -> None:
        await self._client.close()
