"""Tokens, and the addresses of pages with them."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from surtitle.core.wire.units import Timestamp

ScopeName = Literal["view", "publish", "admin"]


class PageLinks(TypedDict):
    """The addresses of a channel's pages for others."""

    viewer: str
    overlay: str


class TokenEntry(TypedDict):
    """A token that was given out; the token itself is told only once."""

    id: str
    name: str
    scope: ScopeName
    channel: str
    issued: Timestamp
    expires: Timestamp
    revoked: Annotated[float | None, Meta(description="seconds since 1970")]


class TokenList(TypedDict):
    """What `/api/tokens` answers."""

    tokens: list[TokenEntry]


class NewToken(TypedDict):
    """A token that was just made."""

    id: str
    token: str
    expires: Timestamp
