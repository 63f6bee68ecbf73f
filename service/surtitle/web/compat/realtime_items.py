"""The items of a session of OpenAI's Realtime interface: a source's words and pauses as its messages. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from surtitle.captions.units import ends_sentence_at
from surtitle.core.words import Word, join
from surtitle.web.compat.realtime_session import Session
from surtitle.web.compat.transcript import CaptionChange, Change, SpeechStarted, Turns

Json = dict[str, Any]

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


@dataclass(slots=True)
class _Item:
    """An item that is being said; times in seconds from the source's first sample."""

    start: float
    id: str = field(default_factory=lambda: f"item_{secrets.token_hex(10)}")
    words: list[Word] = field(default_factory=list)
    transcript: str = ""  # all deltas, joined
    language: str = ""


class Items:
    """Makes the messages of one session. Committed words become deltas, which are only appended."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._turns = Turns(self._pause)
        self._item: _Item | None = None
        self._previous: str | None = None
        self._committed = 0.0  # seconds of audio that are in committed items

    @property
    def waiting(self) -> bool:
        """Whether an item may end without another change, by time alone."""
        return self._turns.waiting

    def update(self, changes: Iterable[Change], recognized: float) -> list[Json]:
        """The messages of ``changes``; ``recognized`` is how many seconds of audio they cover, with those before."""
        return [message for change in self._turns.apply(changes, recognized) for message in self._handle(change)]

    def commit(self, changes: Iterable[Change], received: float) -> list[Json]:
        """End the item. ``changes`` are those by which the audio so far, ``received`` seconds, has become final."""
        before = self._previous
        messages = self.update(changes, received)
        messages += [message for change in self._turns.release() for message in self._handle(change)]
        if self._previous == before:
            messages += self._complete(self._item or _Item(self._committed), received)
        self._committed = received
        return messages

    def clear(self, changes: Iterable[Change], received: float) -> None:
        """Discard the item: what is said after the first ``received`` seconds belongs to another."""
        self.commit(changes, received)
        self._item, self._committed = None, received

    def _handle(self, change: Change) -> Iterator[Json]:
        if isinstance(change, CaptionChange):
            yield from self._add(change)
        elif self.session.turn_detection is None:
            return
        elif isinstance(change, SpeechStarted):
            self._item = self._item or _Item(change.at)
            yield {
                "type": "input_audio_buffer.speech_started",
                "item_id": self._item.id,
                "audio_start_ms": _milliseconds(change.at),
            }
        elif self._item is not None:
            yield {
                "type": "input_audio_buffer.speech_stopped",
                "item_id": self._item.id,
                "audio_end_ms": _milliseconds(change.at),
            }
            yield from self._complete(self._item, change.at)

    def _add(self, change: CaptionChange) -> Iterator[Json]:
        """A delta of new words, which begins with a space unless it is the first."""
        if not change.words:
            return
        item = self._item = self._item or _Item(change.words[0].start)
        delta = "".join((" " if word.spaced else "") + word.text for word in change.words)
        if not item.words:
            delta = delta.lstrip(" ")
        item.words += change.words
        item.transcript += delta
        item.language = change.caption.language
        yield {"type": f"{_TRANSCRIPTION}.delta", "item_id": item.id, "content_index": 0, "delta": delta}

    def _complete(self, item: _Item, end: float) -> Iterator[Json]:
        """The messages that end an item ``end`` seconds from the source's first sample."""
        previous, self._previous, self._item = self._previous, item.id, None
        seconds, self._committed = max(0.0, end - item.start), max(end, self._committed)
        yield {"type": "input_audio_buffer.committed", "item_id": item.id, "previous_item_id": previous}
        described = {
            "id": item.id,
            "object": "realtime.item",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_audio", "transcript": item.transcript}],
        }
        for kind in ("created",) if self.session.beta else ("added", "done"):
            yield {"type": f"conversation.item.{kind}", "previous_item_id": previous, "item": described}
        yield from _segments(item)
        completed: Json = {
            "type": f"{_TRANSCRIPTION}.completed",
            "item_id": item.id,
            "content_index": 0,
            "transcript": item.transcript,
            "usage": {"type": "duration", "seconds": round(seconds, 3)},
        }
        if item.language and self.session.transcription.languages:
            completed["languages"] = [{"code": item.language}]
        yield completed

    def _pause(self) -> float:
        """The seconds of silence after which the turn is over."""
        detection = self.session.turn_detection
        if detection is None:
            return 0.0
        words = self._item.words if self._item else []
        ended = bool(words) and ends_sentence_at(words, len(words), following="")
        return detection.pause(sentence_ended=ended)


def _segments(item: _Item) -> Iterator[Json]:
    """What each speaker said, if speakers are told apart."""
    if not any(word.speaker for word in item.words):
        return
    for number, (speaker, group) in enumerate(groupby(item.words, lambda word: word.speaker or "")):
        words = list(group)
        yield {
            "type": f"{_TRANSCRIPTION}.segment",
            "id": f"seg_{item.id}_{number}",
            "item_id": item.id,
            "content_index": 0,
            "start": round(words[0].start, 3),
            "end": round(words[-1].end, 3),
            "text": join(words),
            "speaker": speaker,
        }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
