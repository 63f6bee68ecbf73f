"""Captions for a program: each final caption, and its corrections, as signed JSON."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from surtitle.channels.output_settings import Webhook
from surtitle.channels.track import event_data
from surtitle.outputs.caption_queue import QueueRules
from surtitle.outputs.http_client import HttpClient, Unanswered
from surtitle.outputs.progress import hash_target
from surtitle.outputs.pushed_captions import TimedText
from surtitle.outputs.state import TargetError, TargetRefused

SIGNATURE = "X-Surtitle-Signature"

_TIMEOUT = 3.0  # seconds to wait for an answer
_MAX_AGE = 600.0  # seconds that a caption may be late
_MAX_WAITING = 500  # captions
_PATIENCE = 60.0  # seconds in which a caption that fails is sent again, maybe because the receiver is being restarted


class WebhookTarget:
    """Posts captions to an address. A receiver knows a repeated one by its ``id`` and ``rev``."""

    interval = 0.1

    def __init__(self, settings: Webhook, channel: str, *, allow_private: bool) -> None:
        self.name = settings.target
        self.key = hash_target(settings.url)
        self.rules = QueueRules(settings.delay, _MAX_AGE, _MAX_WAITING, _PATIENCE, corrections=True)
        self.sequence = 0
        self._channel = channel
        self._secret = settings.secret
        self.in_doubt = False  # a receiver knows what it gets twice
        self._client = HttpClient(settings.url, known_host=False, allow_private=allow_private, timeout=_TIMEOUT)

    async def check(self) -> bool:
        return False

    async def send(self, caption: TimedText) -> None:
        message = {"event": "caption", "channel": self._channel, **event_data(caption.caption)}
        await post_signed(self._client, message, self._secret, "captions")

    async def close(self) -> None:
        await self._client.close()


async def post_signed(client: HttpClient, message: Mapping[str, Any], secret: str, noun: str) -> None:
    """Post ``message`` as JSON, signed if there is a ``secret``; ``noun`` says what it is. Raises `TargetError`."""
    body = msgspec.json.encode(message)
    headers = {"content-type": "application/json"}
    if secret:
        headers[SIGNATURE] = sign(secret, body)
    await post(client, body, headers, noun)


async def post(client: HttpClient, body: bytes, headers: Mapping[str, str], noun: str) -> None:
    """Post to a receiver that knows what it gets twice; ``noun`` says what is posted. Raises `TargetError`."""
    try:
        answer = await client.request("POST", body=body, headers=headers)
    except Unanswered as error:
        raise Unanswered(str(error), sent=error.sent, repeatable=True) from error
    status = answer.status
    if status < 300:
        return
    if status < 400:
        raise TargetError(f"{client.host} answers with another address, which is not followed: enter that one.")
    if status in (401, 403):
        raise TargetRefused(f"{client.host} refuses {noun} (status {status}): check the address and the secret.")
    if answer.is_busy:
        raise answer.error(f"{client.host} is busy (status {status}): {noun} wait until it takes them again.")
    if status >= 500:
        raise answer.error(f"{client.host} has failed (status {status}): check the program that runs there.")
    raise answer.error(f"{client.host} does not take {noun} (status {status}): check the address.")


def sign(secret: str, body: bytes) -> str:
    """The signature of a body: its HMAC with SHA-256."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
