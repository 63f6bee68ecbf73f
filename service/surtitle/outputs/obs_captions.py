"""Closed captions in the stream of a further OBS, with the states that all outputs have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from surtitle.channels.output_settings import ObsCaptions
from surtitle.channels.settings import ClosedCaptions
from surtitle.closed_captions.captioner import Captioner
from surtitle.closed_captions.obs_websocket import ObsOutput
from surtitle.core.wire.obs import ClosedCaptionsState
from surtitle.core.wire.outputs import OutputState as StateName
from surtitle.outputs.state import State

STATES: dict[ClosedCaptionsState, StateName] = {
    "off": "off",
    "connecting": "connecting",
    "not_connected": "failed",
    "wrong_password": "refused",
    "not_streaming": "waiting",
    "refused": "refused",
    "sending": "sending",
}


class ObsCaptionsOutput:
    """Sends a captioner's screens while `run` runs."""

    def __init__(self, settings: ObsCaptions, captioner: Captioner, on_change: Callable[[], None]) -> None:
        self._captioner = captioner
        closed_captions = ClosedCaptions(
            enabled=True,
            host=settings.host,
            port=settings.port,
            language=settings.language,
            delay=settings.delay,
            password=settings.password,
        )
        self._output = ObsOutput(closed_captions, captioner, on_change)
        self._finishing = asyncio.Event()

    @property
    def state(self) -> State:
        state = self._output.state
        return State(STATES[state.name], state.message)

    @property
    def sent(self) -> int:
        return self._captioner.sent

    @property
    def skipped(self) -> int:
        return self._captioner.skipped

    def finish(self) -> None:
        """Let `run` end: the service stops."""
        self._finishing.set()

    async def run(self) -> None:
        """Send until cancelled or until `finish`."""
        tasks = [
            asyncio.create_task(self._captioner.follow(), name="captioner"),
            asyncio.create_task(self._output.run(), name="obs"),
            asyncio.create_task(self._finishing.wait(), name="finish"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
