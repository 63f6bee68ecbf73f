"""An event of a track on its way from the service that captions a channel to those that serve its readers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

CAPTION_KEYS = "caption:"
"""What the keys of captions in a feed begin with."""


CLEAR = "clear"
"""The name of the event before which nothing is shown any more."""


class TrackName(NamedTuple):
    """A channel and the language of one of its tracks; "" is the original."""

    channel: str
    language: str


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """An event with its sequence ``number`` and its ``key`` in the feed of the service that published it.

    Nothing is missing between it and the event with number ``previous``, if that is what a follower has seen last.
    ``epoch`` is that of the feed, and ``host`` identifies the service. ``open`` and ``withdrawn`` say what it means
    for the screen if it is a caption. ``at`` is when it was published, in seconds since 1970.
    """

    number: int
    previous: int
    key: str
    name: str
    data: str
    epoch: str
    host: str
    at: float
    open: bool = False
    withdrawn: bool = False

    @property
    def is_caption(self) -> bool:
        return self.key.startswith(CAPTION_KEYS)

    def pack(self) -> dict[bytes | str, bytes | str | int | float]:
        """The fields of an entry in a stream, without the number, which is the entry's id."""
        flags = "o" * self.open + "w" * self.withdrawn
        return {
            "p": self.previous,
            "k": self.key,
            "n": self.name,
            "d": self.data,
            "e": self.epoch,
            "h": self.host,
            "t": f"{self.at:.3f}",
            "f": flags,
        }


def unpack_event(number: int, fields: Mapping[bytes, bytes]) -> TrackEvent:
    """The event in an entry of a stream. Raises `ValueError` if something else wrote it."""
    try:
        flags = fields[b"f"].decode()
        return TrackEvent(
            number,
            int(fields[b"p"]),
            fields[b"k"].decode(),
            fields[b"n"].decode(),
            fields[b"d"].decode(),
            fields[b"e"].decode(),
            fields[b"h"].decode(),
            float(fields[b"t"]),
            "o" in flags,
            "w" in flags,
        )
    except KeyError as error:
        raise ValueError(f"the entry {number} has no field {error}") from error
