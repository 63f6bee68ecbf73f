"""Sends alerts to a person's program, or to their phone by ntfy."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections import deque
from collections.abc import Callable

from surtitle.channels.settings import AlertSettings
from surtitle.core.backoff import Backoff
from surtitle.core.wire.alerts import AlertMessage
from surtitle.outputs.http_client import HttpClient
from surtitle.outputs.state import TargetError
from surtitle.outputs.webhook import post, post_signed

log = logging.getLogger("surtitle.alerts")

_TIMEOUT = 5.0  # seconds to wait for an answer
_MAX_WAITING = 50  # alerts; with more, the oldest are left out
_MAX_AGE = 600.0  # seconds after which an alert is no longer sent
_BACKOFF = (1.0, 60.0)  # seconds between two attempts: the first and the maximum


class AlertSender:
    """Sends alerts one after the other while `run` runs. ``on_change`` is called when `problem` has changed.

    ``allow_private``: the address may be one of this computer or its network, or not encrypted.
    """

    def __init__(
        self, settings: AlertSettings, *, allow_private: bool, on_change: Callable[[], None] = lambda: None
    ) -> None:
        self.settings = settings
        self.problem = ""
        """Why the last alert was not sent, in one sentence."""
        self._allow_private = allow_private
        self._on_change = on_change
        self._waiting: deque[tuple[float, AlertMessage]] = deque(maxlen=_MAX_WAITING)
        self._wake = asyncio.Event()

    def put(self, message: AlertMessage) -> None:
        """Let an alert be sent. Returns at once."""
        self._waiting.append((time.monotonic(), message))
        self._wake.set()

    async def run(self) -> None:
        """Send what is put, until cancelled."""
        while True:
            self._wake.clear()
            while self._waiting:
                put_at, message = self._waiting.popleft()
                await self._deliver(message, put_at + _MAX_AGE)
            await self._wake.wait()

    async def send(self, message: AlertMessage) -> None:
        """Send an alert once. Raises `TargetError`."""
        settings = self.settings
        client = HttpClient(settings.url, known_host=False, allow_private=self._allow_private, timeout=_TIMEOUT)
        try:
            if settings.kind == "ntfy":
                await post(client, message["message"].encode(), _ntfy_headers(message, settings.secret), "alerts")
            else:
                await post_signed(client, message, settings.secret, "alerts")
        finally:
            await client.close()

    async def _deliver(self, message: AlertMessage, deadline: float) -> None:
        """Send an alert; if it cannot be sent now, again and again until ``deadline``."""
        backoff = Backoff(*_BACKOFF)
        while True:
            try:
                await self.send(message)
            except TargetError as error:
                self._set_problem(str(error))
                pause = backoff.next()
                if not error.repeatable or time.monotonic() + pause > deadline:
                    return
                await asyncio.sleep(pause)
            except Exception as error:  # whose message may have the address
                log.error("an alert was not sent: %s", type(error).__name__)
                self._set_problem("Sending the alert failed: enter the address again.")
                return
            else:
                self._set_problem("")
                return

    def _set_problem(self, problem: str) -> None:
        if problem != self.problem:
            if problem:
                log.warning("an alert was not sent: %s", problem)
            self.problem = problem
            self._on_change()


def _ntfy_headers(message: AlertMessage, token: str) -> dict[str, str]:
    """What ntfy shows besides the text: https://docs.ntfy.sh/publish/."""
    raised = message["state"] == "raised"
    title = "Surtitle" if message["channel"] is None else f"Surtitle: {message['channel']}"
    headers = {
        "title": title if title.isascii() else _encode_word(title),
        "priority": "high" if raised else "default",
        "tags": "warning" if raised else "white_check_mark",
        "content-type": "text/plain; charset=utf-8",
    }
    return headers | ({"authorization": f"Bearer {token}"} if token else {})


def _encode_word(text: str) -> str:
    """Text as an encoded word (RFC 2047), which ntfy accepts in headers."""
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="
