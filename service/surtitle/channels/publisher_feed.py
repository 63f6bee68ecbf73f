"""The messages to the publisher of a source."""

from __future__ import annotations

import asyncio

from surtitle.captions.caption import Caption
from surtitle.captions.transcript import words_as_json
from surtitle.channels.feed import Feed
from surtitle.core.wire.sources import (
    EndMessage,
    FinalMessage,
    LagMessage,
    PartialMessage,
    PublishedCaption,
    StatusMessage,
)
from surtitle.speech.recognizer import Boundary

_MAX_MESSAGES = 256  # messages kept for a publisher that does not read them
_MIN_REPORTED_LAG = 1.0  # seconds of lag that are worth a message, and seconds between two such messages

BOUNDARY = "boundary"
"""The name of the events that are not messages to the publisher."""


class PublisherFeed(Feed):
    """A feed for one reader, the publisher: its captions, and how recognition is doing."""

    def __init__(self) -> None:
        super().__init__(_MAX_MESSAGES)
        self.delivered = 0
        """The sequence number up to which events were sent to the publisher, on whatever connection."""
        self._sent_lag = (0.0, 0.0)  # the lag in the newest message, and when it was sent

    def publish_caption(self, caption: Caption) -> None:
        """Publish a revision of a caption."""
        self.publish(f"caption:{caption.id}", "caption", caption_message(caption), caption)

    def publish_boundary(self, boundary: Boundary) -> None:
        """Publish where an utterance begins or ends; only followers inside the service get such events."""
        self.publish(f"boundary:{self.last}", BOUNDARY, {}, boundary=boundary)

    def publish_lag(self, lag: float, skipped: float, *, force: bool = False) -> None:
        """Publish the lag and the skipped audio in seconds, if they are worth it or ``force``."""
        sent, when = self._sent_lag
        now = asyncio.get_running_loop().time()
        worth = lag >= _MIN_REPORTED_LAG or sent >= _MIN_REPORTED_LAG
        if force or (worth and now - when >= _MIN_REPORTED_LAG):
            self._sent_lag = (lag, now)
            self.publish("lag", "lag", LagMessage(type="lag", seconds=round(lag, 2), skipped=round(skipped, 2)))

    def publish_notice(self, notice: str) -> None:
        """Publish what the publisher should know about the recognition of its language."""
        self.publish("notice", "status", StatusMessage(type="status", notice=notice))

    def publish_recipient(self, engine: str, recipient: str, notice: str) -> None:
        """Publish that the recognizer has changed, and who receives the sound from now on; "" for nobody."""
        message = StatusMessage(type="status", engine=engine, recipient=recipient, notice=notice)
        self.publish("recipient", "status", message)

    def publish_failure(self, message: str) -> None:
        """Publish that a step of recognition failed, after which it continues."""
        self.publish("status", "status", StatusMessage(type="status", notice=message))

    def publish_end(self) -> None:
        """Publish that all audio is recognized and no message follows."""
        self.publish("end", "end", EndMessage(type="end"))


def caption_message(caption: Caption) -> PartialMessage | FinalMessage:
    """A caption as its publisher gets it."""
    common = PublishedCaption(
        id=caption.id,
        rev=caption.rev,
        text=caption.full_text,
        ts=round(caption.start, 3),
        te=round(caption.end, 3),
    )
    if caption.speaker is not None:
        common["speaker"] = caption.speaker
    if caption.final:
        return {"type": "final", **common, "words": words_as_json(caption)}
    return {"type": "partial", **common, "stable": len(caption.text)}
