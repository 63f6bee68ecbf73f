"""Tokens: JSON Web Tokens (RFC 7519) that carry a channel, a scope and an expiry. Pure."""

from __future__ import annotations

import enum
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt

from surtitle.core.errors import BadRequest, Unauthorized
from surtitle.core.wire.access import ScopeName

EVERY = "*"
"""As a token's channel, all channels; after the beginning of a name, all channels whose names begin with it."""

_ALGORITHM = "HS256"
_MAX_LENGTH = 4096  # characters; longer tokens are refused without decoding


class Scope(enum.IntEnum):
    """What a token allows in its channel. Each scope includes those before it: publishers may also read captions."""

    VIEW = 1
    PUBLISH = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client may do in a channel, in all that begin in the same way, or in all.

    ``expires`` is in seconds since 1970.
    """

    scope: Scope
    channel: str
    expires: float = float("inf")
    id: str | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def single(self) -> bool:
        """Whether it is valid in one channel only."""
        return not self.channel.endswith(EVERY)

    def covers(self, channel: str | None) -> bool:
        """Whether the grant is valid in a channel; None means something that no single channel owns.

        ``channel`` may also be a pattern, as in a grant; then the grant has to be valid in all channels that match it.
        """
        if channel is None or self.single:
            return self.channel in (EVERY, channel)
        return channel.startswith(self.channel.removesuffix(EVERY))

    def allows(self, scope: Scope, channel: str | None) -> bool:
        return self.scope >= scope and self.covers(channel)


def describe_channels(channel: str) -> str:
    """The channels that a token's ``channel`` matches, in words: "all channels", "the channel main"."""
    if channel == EVERY:
        return "all channels"
    if channel.endswith(EVERY):
        return f"the channels that begin with {channel.removesuffix(EVERY)[:64]}"
    return f"the channel {channel[:64]}"


EVERYTHING = Grant(Scope.ADMIN, EVERY)
"""The grant of programs on this computer when the service needs no tokens."""


def issue(secret: str, scope: Scope, channel: str, seconds: float) -> Grant:
    """A new token that is valid for ``seconds`` from now."""
    now = int(time.time())
    name, expires = secrets.token_hex(6), now + max(1, int(seconds))
    claims = {"channel": channel, "scope": scope.name.lower(), "iat": now, "exp": expires, "jti": name}
    return Grant(scope, channel, expires, name, jwt.encode(claims, secret, algorithm=_ALGORITHM))


def decode(secret: str, token: str) -> Grant:
    """The grant in a token; the signature is compared in constant time. Raises `Unauthorized`."""
    if len(token) > _MAX_LENGTH:
        raise Unauthorized("This token is not from this service: create one with `surtitle token`.")
    try:
        claims: dict[str, Any] = jwt.decode(token, secret, algorithms=[_ALGORITHM], options={"require": ["exp"]})
    except jwt.ExpiredSignatureError:
        raise Unauthorized("This token has expired: ask for a new one.") from None
    except (jwt.InvalidTokenError, RecursionError, ValueError):
        raise Unauthorized("This token is not from this service: create one with `surtitle token`.") from None
    scope, channel, name = claims.get("scope"), claims.get("channel"), claims.get("jti")
    if not (isinstance(scope, str) and scope in SCOPES and isinstance(channel, str) and channel):
        raise Unauthorized("This token has no valid channel and scope: get a new one.")
    return Grant(SCOPES[scope], channel, float(claims["exp"]), name if isinstance(name, str) else None, token)


SCOPE_NAMES: dict[Scope, ScopeName] = {Scope.VIEW: "view", Scope.PUBLISH: "publish", Scope.ADMIN: "admin"}
SCOPES: dict[str, Scope] = {name: scope for scope, name in SCOPE_NAMES.items()}


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_MAX_SECONDS = 100 * _UNITS["y"]


def parse_duration(text: str) -> float:
    """The seconds in a duration such as "90m", "12h", "7d" or "1y". Raises `BadRequest`."""
    number, unit = text[:-1], text[-1:].lower()
    seconds = int(number) * _UNITS[unit] if unit in _UNITS and number.isascii() and number.isdigit() else 0
    if not 0 < seconds <= _MAX_SECONDS:
        raise BadRequest(f"{text[:20]!r} is not a duration: write one like 12h, 7d or 1y.")
    return seconds
