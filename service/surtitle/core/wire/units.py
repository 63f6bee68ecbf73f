"""Units of the fields, as annotated types."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Clock = Annotated[float, Meta(description="seconds on the channel's clock")]
Seconds = Annotated[float, Meta(description="seconds")]
Timestamp = Annotated[float, Meta(description="seconds since 1970")]
Share = Annotated[float, Meta(description="0 to 1")]
Sentence = Annotated[str, Meta(description="one sentence for people; empty when there is nothing to say")]
