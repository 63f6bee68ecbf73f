"""The state of a channel, for dashboards and programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from surtitle.channels.channel import Channel
from surtitle.channels.engine_switcher import EngineSwitcher
from surtitle.channels.known_voices import KnownVoices
from surtitle.channels.observer import ChannelObserver
from surtitle.channels.readers import Readers
from surtitle.channels.running_sources import RunningSources
from surtitle.channels.text_sources import TextSources
from surtitle.core.wire.speakers import DiarizationStatus
from surtitle.core.wire.status import ChannelBasics, ChannelStatus
from surtitle.speakers.diarizer import Diarizer


class ChannelDescriber:
    """Collects what the parts of the service know of a channel. ``observers`` may grow."""

    def __init__(
        self,
        readers: Readers,
        sources: RunningSources,
        text_sources: TextSources,
        switcher: EngineSwitcher,
        diarizer: Diarizer,
        known_voices: KnownVoices,
        observers: Sequence[ChannelObserver],
    ) -> None:
        self._readers = readers
        self._sources = sources
        self._text_sources = text_sources
        self._switcher = switcher
        self._diarizer = diarizer
        self._known_voices = known_voices
        self._observers = observers

    def describe(self, channel: Channel) -> ChannelStatus:
        """A channel with its sources."""
        diarization = self._diarizer.state
        status = ChannelBasics(
            name=channel.name,
            readers=self._readers.of(channel.name),
            obs_overlays=self._readers.in_obs(channel.name),
            captions=channel.original.count,
            language=channel.settings.language,
            model=channel.settings.model,
            paused=channel.settings.paused,
            switch=self._switcher.describe(channel),
            diarization=DiarizationStatus(
                enabled=channel.settings.diarization.enabled,
                state=diarization.name,
                message=diarization.message,
                voices=self._known_voices.count(channel),
            ),
            sources=[
                *(source.snapshot() for source in self._sources.of(channel)),
                *(source.snapshot() for source in self._text_sources.of(channel)),
            ],
        )
        observed: dict[str, Any] = {}
        for observer in self._observers:
            observed |= observer.describe(channel)
        return cast(ChannelStatus, {**status, **observed})  # each observer describes one of the other fields
