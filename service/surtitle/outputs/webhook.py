"""Captions for a program: each final caption, and its corrections, as signed JSON."""

from __future__ import annotations

import hashlib
import hmac

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


class WebhookTarget:
    """Posts captions to an address. A receiver knows a repeated one by its ``id`` and ``rev``."""

    interval = 0.1

    def __init__(self, settings: Webhook, channel: str, *, allow_private: bool) -> None:
        self.name = settings.target
        self.key = hash_target(settings.url)
        self.rules = QueueRules(settings.delay, _MAX_AGE, _MAX_WAITING, corrections=True)
        self.sequence = 0
        self._channel = channel
        self._secret = settings.secret
        self._client = HttpClient(settings.url, known_host=False, allow_private=allow_private, timeout=_TIMEOUT)

    async def check(self) -> bool:
        return False

    async def send(self, caption: TimedText) -> None:
        body = msgspec.json.encode({"event": "caption", "channel": self._channel, **event_data(caption.caption)})
        headers = {"content-type": "application/json"}
        if self._secret:
            headers[SIGNATURE] = sign(self._secret, body)
        try:
            status = (await self._client.request("POST", body=body, headers=headers)).status
        except Unanswered as error:
            raise Unanswered(str(error), sent=False) from error  # it may be repeated whether or not it arrived
        if status < 300:
            return
        if status < 400:
            raise TargetError(f"{self.name} answers with another address, which is not followed: enter that one.")
        if status in (401, 403):
            raise TargetRefused(f"{self.name} refuses captions (status {status}): check the address and the secret.")
        repeatable = status in (408, 425, 429) or status >= 500
        raise TargetError(f"{self.name} does not take captions (status {status}).", repeatable=repeatable)

    async def close(self) -> None:
        await self._client.close()


def sign(secret: str, body: bytes) -> str:
    """The signature of a body: its HMAC with SHA-256."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
