"""What a client gets instead of what it asked for."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta


class ErrorMessage(TypedDict):
    """A refused request or message."""

    type: Literal["error"]
    code: str
    message: Annotated[str, Meta(description="one sentence: what happened and what to do")]
