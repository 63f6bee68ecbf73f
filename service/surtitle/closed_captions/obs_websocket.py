"""Closed captions into OBS over obs-websocket, by a thread that owns the connection."""

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

log = logging.getLogger("surtitle.obs")
logging.getLogger("obsws_python").setLevel(logging.CRITICAL + 1)  # it logs the password, and every failure at length

_TIMEOUT = 3.0  # seconds that OBS has for an answer
_POLL_INTERVAL = 0.1  # seconds between two looks for something to send
_POLL = 1.0  # seconds between two questions whether OBS streams
_BACKOFF = (1.0, 15.0)  # seconds, at first and at most
_START_IT = "start it, and enable the server in its menu Tools, WebSocket Server Settings."
_NOT_STREAMING = 501  # obs-websocket: OutputNotRunning


@dataclass(frozen=True, slots=True)
class State:
    """How it stands; ``message`` is a sentence for people."""

    name: str
    message: str


CONNECTING = State("connecting", "Connecting to OBS.")
IDLE = State("not_streaming", "Connected to OBS, which is not streaming: captions are sent when the stream starts.")
SENDING = State("sending", "OBS is streaming, and its closed captions are sent.")
WRONG_PASSWORD = State(
    "wrong_password", "OBS refuses the password: copy it from OBS's menu Tools, WebSocket Server Settings."
)
OFF = State("off", "Closed captions are not sent by the service.")


class ObsOutput:
    """Sends a captioner's screens as long as `run` runs. OBS may come and go meanwhile."""

    def __init__(self, settings: ClosedCaptions, captioner: Captioner) -> None:
        self.captioner = captioner
        self._settings = settings
        self._state = CONNECTING
        self._stopping = threading.Event()
        self._streaming = False

    @property
    def state(self) -> State:
        describe_refusal = self.captioner.refusal
        return (
            State("refused", describe_refusal) if describe_refusal and self._state in (IDLE, SENDING) else self._state
        )

    def stop(self) -> None:
        """Let `run` end: at once, or when OBS's answer is there or overdue."""
        self._stopping.set()

    def run(self) -> None:
        """Connect, send, and begin again when the connection is lost, with longer and longer pauses."""
        pause, most = _BACKOFF
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._serve()
            except Exception as error:  # obsws-python lets through whatever its socket raises
                self._lost(error)
            if time.monotonic() - began > most:
                pause = _BACKOFF[0]  # it had been connected for a while
            self._stopping.wait(pause)
            pause = min(2 * pause, most)

    def _serve(self) -> None:
        """One connection's life."""
        settings = self._settings
        with Client(
            host=f"[{settings.host}]" if ":" in settings.host else settings.host,
            port=settings.port,
            password=settings.password,
            timeout=_TIMEOUT,
        ) as client:
            log.info("connected to OBS at %s:%d", settings.host, settings.port)
            polled = float("-inf")
            while not self._stopping.is_set():
                if time.monotonic() - polled >= _POLL:
                    polled = time.monotonic()
                    self._look_at(client)
                if self._streaming:
                    self._send_next(client)
                self._stopping.wait(_POLL_INTERVAL)
            if self._streaming and self.captioner.text:
                _send(client, "")

    def _look_at(self, client: Any) -> None:
        """Whether OBS streams, and by how much it delays what viewers get."""
        streaming = bool(_ask(client, "GetStreamStatus")["outputActive"])
        if streaming and (not self._streaming or self._state is not SENDING):
            self.captioner.picture = _stream_delay(client)
            log.info("OBS streams, with a delay of %.0f s", self.captioner.picture)
        self._set_streaming(streaming)

    def _set_streaming(self, streaming: bool) -> None:
        if not streaming or not self._streaming:
            self.captioner.reset()  # what was said before the stream began is not shown in it
        self._streaming = streaming
        self._state = SENDING if streaming else IDLE

    def _send_next(self, client: Any) -> None:
        screen = self.captioner.next()
        if screen is None:
            return
        if _send(client, screen.text):
            self.captioner.shown(screen)
        else:
            self._set_streaming(False)

    def _lost(self, error: Exception) -> None:
        before = self._state
        where = f"{self._settings.host}:{self._settings.port}"
        refused = isinstance(error, OBSSDKError) and not isinstance(error, (OBSSDKRequestError, OBSSDKTimeoutError))
        self._state = (
            WRONG_PASSWORD if refused else State("not_connected", f"OBS does not answer at {where}: {_START_IT}")
        )
        if self._state != before:
            log.warning("%s", self._state.message)
            log.debug("%s: %s", type(error).__name__, error)


class Client(obsws_python.ReqClient):  # type: ignore[misc]  # the library has no types
    """Closes its socket also when OBS refuses it or was lost; the library leaves that to the garbage collector."""

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
    """Show ``text`` to the viewers; False if there are none because OBS does not stream."""
    try:
        client.send("SendStreamCaption", {"captionText": text}, raw=True)
    except OBSSDKRequestError as error:
        if error.code != _NOT_STREAMING:
            raise
        return False
    return True


def _stream_delay(client: Any) -> float:
    """OBS's own stream delay in seconds: captions join the stream behind it, so they have to wait as long."""
    enabled = _parameter(client, "DelayEnable") == "true"
    seconds = _parameter(client, "DelaySec")
    return float(seconds) if enabled and seconds.isdigit() else 0.0


def _parameter(client: Any, name: str) -> str:
    answer = _ask(client, "GetProfileParameter", {"parameterCategory": "Output", "parameterName": name})
    return str(answer["parameterValue"] or answer["defaultParameterValue"] or "")


def _ask(client: Any, request: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    return dict(client.send(request, data, raw=True))
