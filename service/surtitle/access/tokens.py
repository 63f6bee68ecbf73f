"""Tokens: JSON Web Tokens (RFC 7519) that carry a channel, a scope and an expiry. Pure."""

from __future__ import annotations

import enum
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt

from surtitle.core.errors import BadRequest, Unauthorized

EVERY = "*"
"""A token's channel, when it is for all of them."""

_ALGORITHM = "HS256"
_LONGEST = 4096  # characters; what is longer is not looked at


class Scope(enum.IntEnum):
    """What a token allows in its channel. Each includes those before it: who publishes also sees what comes of it."""

    VIEW = 1
    PUBLISH = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do, and until when (seconds since 1970)."""

    scope: Scope
    channel: str
    expires: float = float("inf")
    id: str | None = None
    token: str | None = field(default=None, repr=False)

    def covers(self, channel: str | None) -> bool:
        """Whether it holds in a channel; None asks for something that no single channel has."""
        return self.channel in (EVERY, channel)

    def allows(self, scope: Scope, channel: str | None) -> bool:
        return self.scope >= scope and self.covers(channel)


EVERYTHING = Grant(Scope.ADMIN, EVERY)
"""What this computer's own programs may do."""


def issue(secret: str, scope: Scope, channel: str, seconds: float) -> Grant:
    """A new token for ``seconds`` from now."""
    now = int(time.time())
    name, expires = secrets.token_hex(6), now + max(1, int(seconds))
    claims = {"channel": channel, "scope": scope.name.lower(), "iat": now, "exp": expires, "jti": name}
    return Grant(scope, channel, expires, name, jwt.encode(claims, secret, algorithm=_ALGORITHM))


def read(secret: str, token: str) -> Grant:
    """What a token allows; the signature is compared in constant time. Raises `Unauthorized`."""
    if len(token) > _LONGEST:
        raise Unauthorized("This is no token of this service: get one by `surtitle token`.")
    try:
        claims: dict[str, Any] = jwt.decode(token, secret, algorithms=[_ALGORITHM], options={"require": ["exp"]})
    except jwt.ExpiredSignatureError:
        raise Unauthorized("This token has expired: ask for a new one.") from None
    except (jwt.InvalidTokenError, RecursionError, ValueError):
        raise Unauthorized("This is no token of this service: get one by `surtitle token`.") from None
    scope, channel, name = claims.get("scope"), claims.get("channel"), claims.get("jti")
    if not (isinstance(scope, str) and scope in SCOPES and isinstance(channel, str) and channel):
        raise Unauthorized("This token names no channel and scope that this service knows: get a new one.")
    return Grant(SCOPES[scope], channel, float(claims["exp"]), name if isinstance(name, str) else None, token)


SCOPES = {scope.name.lower(): scope for scope in Scope}


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_MOST = 100 * _UNITS["y"]


def seconds_of(text: str) -> float:
    """How long "90m", "12h", "7d" or "1y" is. Raises `BadRequest`."""
    number, unit = text[:-1], text[-1:].lower()
    seconds = int(number) * _UNITS[unit] if unit in _UNITS and number.isascii() and number.isdigit() else 0
    if not 0 < seconds <= _MOST:
        raise BadRequest(f"{text[:20]!r} is no length of time: write one like 12h, 7d or 1y.")
    return seconds
