"""Sends closed captions to OBS over obs-websocket."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from surtitle.channels.settings import ClosedCaptions
from surtitle.closed_captions.captioner import Captioner
from surtitle.closed_captions.obs_client import (
    ObsClient,
    ObsError,
    ObsPasswordRefused,
    ObsRequestFailed,
    connect_to_obs,
)
from surtitle.closed_captions.record_clock import RecordStatus
from surtitle.core.backoff import Backoff
from surtitle.core.wire.obs import ClosedCaptionsState

log = logging.getLogger("surtitle.obs")

_TIMEOUT = 3.0  # seconds to wait for OBS's answer
_STATUS_INTERVAL = 1.0  # seconds between two requests for OBS's stream status
_RECORD_INTERVAL = 0.25  # seconds between two requests for the status of OBS's recording
_BACKOFF = (1.0, 15.0)  # seconds between two attempts to connect: the first and the maximum
_NOT_STREAMING = 501  # obs-websocket: OutputNotRunning


@dataclass(frozen=True, slots=True)
class OutputState:
    """The status of an output; ``message`` is a sentence for people."""

    name: ClosedCaptionsState
    message: str


CONNECTING = OutputState("connecting", "Connecting to OBS.")
IDLE = OutputState(
    "not_streaming", "Connected to OBS, which is not streaming: captions are sent when the stream starts."
)
SENDING = OutputState("sending", "OBS is streaming, and its closed captions are sent.")
OFF = OutputState("off", "Closed captions are not sent by the service.")


class ObsOutput:
    """Sends a captioner's screens while `run` runs. OBS may be started and stopped meanwhile.

    ``on_change`` is called when `state` has changed, and ``on_record`` with the status of OBS's recording each time it
    was asked for.
    """

    def __init__(
        self,
        settings: ClosedCaptions,
        captioner: Captioner,
        on_change: Callable[[], None] = lambda: None,
        on_record: Callable[[RecordStatus], None] = lambda status: None,
    ) -> None:
        self.captioner = captioner
        self._settings = settings
        self._on_change = on_change
        self._on_record = on_record
        self._state = CONNECTING
        self._streaming = False
        self._last_text = ""  # the last that OBS was sent in this stream, whether or not its answer came

    @property
    def state(self) -> OutputState:
        refusal = self.captioner.refusal
        return OutputState("refused", refusal) if refusal and self._state in (IDLE, SENDING) else self._state

    async def run(self) -> None:
        """Connect and send until cancelled, and reconnect with increasing pauses when the connection is lost.

        Cancelling takes the captions off viewers' screens first, within `_TIMEOUT`.
        """
        backoff = Backoff(*_BACKOFF)
        while True:
            began = time.monotonic()
            try:
                await self._connect()
            except ObsError as error:
                self._note_failure(error)
            if time.monotonic() - began > _BACKOFF[1]:
                backoff.reset()  # the connection had lasted for a while
            await asyncio.sleep(backoff.next())

    async def _connect(self) -> None:
        """Connect once, and send until the connection fails."""
        settings = self._settings
        async with connect_to_obs(settings.host, settings.port, settings.password, _TIMEOUT) as obs:
            log.info("connected to OBS at %s:%d", settings.host, settings.port)
            try:
                await self._serve(obs)
            except asyncio.CancelledError:
                if self._streaming and self._last_text:
                    with suppress(ObsError):
                        await self._send(obs, "")
                raise

    async def _serve(self, obs: ObsClient) -> None:
        while True:
            await self._poll_stream(obs)
            until = time.monotonic() + _STATUS_INTERVAL
            while time.monotonic() < until:
                deadline = time.monotonic() + _RECORD_INTERVAL
                await self._poll_recording(obs)
                while self._streaming and time.monotonic() < deadline:
                    await self._send_next(obs)
                    await self.captioner.wait(deadline)
                await asyncio.sleep(deadline - time.monotonic())

    async def _poll_stream(self, obs: ObsClient) -> None:
        """Ask OBS whether it streams, and with what delay."""
        streaming = bool((await obs.request("GetStreamStatus")).get("outputActive"))
        if streaming and (not self._streaming or self._state is not SENDING):
            self.captioner.picture = await _get_stream_delay(obs)
            log.info("OBS streams, with a delay of %.0f s", self.captioner.picture)
        self._set_streaming(streaming)

    async def _poll_recording(self, obs: ObsClient) -> None:
        """Ask OBS whether it records, and how long the file is."""
        answer = await obs.request("GetRecordStatus")
        position = float(answer.get("outputDuration") or 0) / 1000
        active, paused = bool(answer.get("outputActive")), bool(answer.get("outputPaused"))
        self._on_record(RecordStatus(active, paused, position, obs.record_path))

    def _set_streaming(self, streaming: bool) -> None:
        if not streaming or not self._streaming:
            self.captioner.reset()  # captions from before the stream are not shown in it
            self._last_text = ""
        self._streaming = streaming
        self._set_state(SENDING if streaming else IDLE)

    def _set_state(self, state: OutputState) -> None:
        if state != self._state:
            self._state = state
            self._on_change()

    async def _send_next(self, obs: ObsClient) -> None:
        screen = self.captioner.next()
        if screen is None:
            return
        if await self._send(obs, screen.text):
            self.captioner.mark_shown(screen)
        else:
            self._set_streaming(False)

    async def _send(self, obs: ObsClient, text: str) -> bool:
        """Send ``text`` to the viewers; False if OBS does not stream."""
        self._last_text = text
        try:
            await obs.request("SendStreamCaption", {"captionText": text})
        except ObsRequestFailed as error:
            if error.code != _NOT_STREAMING:
                raise
            return False
        return True

    def _note_failure(self, error: ObsError) -> None:
        before = self._state
        name: ClosedCaptionsState = "wrong_password" if isinstance(error, ObsPasswordRefused) else "not_connected"
        self._set_state(OutputState(name, error.explain(self._settings.host, self._settings.port)))
        if self._state != before:
            log.warning("%s", self._state.message)
            log.debug("%s: %s", type(error).__name__, error)


async def _get_stream_delay(obs: ObsClient) -> float:
    """OBS's stream delay in seconds: captions enter the stream after the delay, so they have to wait as long."""
    enabled = await _get_parameter(obs, "DelayEnable") == "true"
    seconds = await _get_parameter(obs, "DelaySec")
    return float(seconds) if enabled and seconds.isdigit() else 0.0


async def _get_parameter(obs: ObsClient, name: str) -> str:
    answer = await obs.request("GetProfileParameter", {"parameterCategory": "Output", "parameterName": name})
    return str(answer.get("parameterValue") or answer.get("defaultParameterValue") or "")
