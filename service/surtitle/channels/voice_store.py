"""The interface of the store of known voices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from surtitle.speakers.voice_encoder import NAME
from surtitle.speakers.voice_tracker import Voice


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A person's voice in one session; ``added`` is in seconds since 1970.

    ``network`` made the voice print: those of different networks cannot be compared.
    """

    id: str
    name: str
    added: float
    voice: Voice
    network: str = NAME


def group_by_name(known: Iterable[KnownVoice]) -> dict[str, list[KnownVoice]]:
    """The voices of each name, sorted by name."""
    names: dict[str, list[KnownVoice]] = {}
    for voice in known:
        names.setdefault(voice.name, []).append(voice)
    return dict(sorted(names.items()))


class VoiceStore(Protocol):
    """Stores known voices by channel. Blocks: call it in threads. All methods raise `StoreError`."""

    def load(self, channel: str) -> list[KnownVoice]:
        """The known voices of a channel, oldest first."""

    def save(self, channel: str, voice: KnownVoice) -> None:
        """Store a voice, or a newer state of it."""

    def delete(self, channel: str, ids: Sequence[str]) -> None:
        """Delete voices permanently."""
