"""Sends closed captions to OBS over obs-websocket, in a thread that owns the connection."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

import obsws_python
from obsws_python.error import OBSSDKError, OBSSDKRequestError, OBSSDKTimeoutError

from surtitle.channels.settings import ClosedCaptions
from surtitle.closed_captions.captioner import Captioner
from surtitle.core.wire import ClosedCaptionsState

log = logging.getLogger("surtitle.obs")
logging.getLogger("obsws_python").setLevel(logging.CRITICAL + 1)  # it logs the password, and every failure at length

_TIMEOUT = 3.0  # seconds to wait for OBS's answer
_POLL_INTERVAL = 0.1  # seconds between two checks for something to send
_STATUS_INTERVAL = 1.0  # seconds between two requests for OBS's stream status
_BACKOFF = (1.0, 15.0)  # seconds between two attempts to connect: the first and the maximum
_ADVICE = "start OBS, and enable the server in its menu Tools, WebSocket Server Settings."
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
WRONG_PASSWORD = OutputState(
    "wrong_password", "OBS refuses the password: copy it from OBS's menu Tools, WebSocket Server Settings."
)
OFF = OutputState("off", "Closed captions are not sent by the service.")


class ObsOutput:
    """Sends a captioner's screens while `run` runs. OBS may be started and stopped meanwhile."""

    def __init__(self, settings: ClosedCaptions, captioner: Captioner) -> None:
        self.captioner = captioner
        self._settings = settings
        self._state = CONNECTING
        self._stopping = threading.Event()
        self._streaming = False

    @property
    def state(self) -> OutputState:
        describe_refusal = self.captioner.refusal
        return (
            OutputState("refused", describe_refusal)
            if describe_refusal and self._state in (IDLE, SENDING)
            else self._state
        )

    def stop(self) -> None:
        """Make `run` end: at once, or when OBS has answered or `_TIMEOUT` is over."""
        self._stopping.set()

    def run(self) -> None:
        """Connect and send, and reconnect with increasing pauses when the connection is lost."""
        pause, max_pause = _BACKOFF
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._serve()
            except Exception as error:  # obsws-python does not wrap the errors of its socket
                self._note_failure(error)
            if time.monotonic() - began > max_pause:
                pause = _BACKOFF[0]  # the connection had lasted for a while
            self._stopping.wait(pause)
            pause = min(2 * pause, max_pause)

    def _serve(self) -> None:
        """Connect once, and send until the connection fails or `stop` is called."""
        settings = self._settings
        with Client(
            host=f"[{settings.host}]" if ":" in settings.host else settings.host,
            port=settings.port,
            password=settings.password,
            timeout=_TIMEOUT,
        ) as client:
            log.info("connected to OBS at %s:%d", settings.host, settings.port)
            asked_at = float("-inf")
            while not self._stopping.is_set():
                if time.monotonic() - asked_at >= _STATUS_INTERVAL:
                    asked_at = time.monotonic()
                    self._poll_stream(client)
                if self._streaming:
                    self._send_next(client)
                self._stopping.wait(_POLL_INTERVAL)
            if self._streaming and self.captioner.text:
                _send(client, "")

    def _poll_stream(self, client: Any) -> None:
        """Ask OBS whether it streams, and with what delay."""
        streaming = bool(_request(client, "GetStreamStatus")["outputActive"])
        if streaming and (not self._streaming or self._state is not SENDING):
            self.captioner.picture = _get_stream_delay(client)
            log.info("OBS streams, with a delay of %.0f s", self.captioner.picture)
        self._set_streaming(streaming)

    def _set_streaming(self, streaming: bool) -> None:
        if not streaming or not self._streaming:
            self.captioner.reset()  # captions from before the stream are not shown in it
        self._streaming = streaming
        self._state = SENDING if streaming else IDLE

    def _send_next(self, client: Any) -> None:
        screen = self.captioner.next()
        if screen is None:
            return
        if _send(client, screen.text):
            self.captioner.mark_shown(screen)
        else:
            self._set_streaming(False)

    def _note_failure(self, error: Exception) -> None:
        before = self._state
        where = f"{self._settings.host}:{self._settings.port}"
        refused = isinstance(error, OBSSDKError) and not isinstance(error, (OBSSDKRequestError, OBSSDKTimeoutError))
        self._state = (
            WRONG_PASSWORD if refused else OutputState("not_connected", f"OBS does not answer at {where}: {_ADVICE}")
        )
        if self._state != before:
            log.warning("%s", self._state.message)
            log.debug("%s: %s", type(error).__name__, error)


class Client(obsws_python.ReqClient):  # type: ignore[misc]  # the library has no types
    """Closes its socket even after a refusal or a lost connection, which the library leaves to garbage collection."""

    def __init__(self, **parameters: Any) -> None:
        try:
            super().__init__(**parameters)
        except Exception:
            if hasattr(self, "base_client"):
                self.disconnect()
            raise

    def disconnect(self) -> None:
        try:
            super().disconnect()
        finally:
            self.base_client.ws.shutdown()


def _send(client: Any, text: str) -> bool:
    """Send ``text`` to the viewers; False if OBS does not stream."""
    try:
        client.send("SendStreamCaption", {"captionText": text}, raw=True)
    except OBSSDKRequestError as error:
        if error.code != _NOT_STREAMING:
            raise
        return False
    return True


def _get_stream_delay(client: Any) -> float:
    """OBS's stream delay in seconds: captions enter the stream after the delay, so they have to wait as long."""
    enabled = _get_parameter(client, "DelayEnable") == "true"
    seconds = _get_parameter(client, "DelaySec")
    return float(seconds) if enabled and seconds.isdigit() else 0.0


def _get_parameter(client: Any, name: str) -> str:
    answer = _request(client, "GetProfileParameter", {"parameterCategory": "Output", "parameterName": name})
    return str(answer["parameterValue"] or answer["defaultParameterValue"] or "")


def _request(client: Any, request: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    return dict(client.send(request, data, raw=True))
