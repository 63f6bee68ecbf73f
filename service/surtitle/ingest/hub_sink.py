"""Passes the audio of a stream to a source of this service."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

from surtitle.audio import Frames, Samples, to_mono
from surtitle.audio.gaps import make_silence
from surtitle.audio.intake import BlockResampler, Tap
from surtitle.channels.audio_tap import tap
from surtitle.channels.hub import Hub, OpenedSource
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import SurtitleError, TooLong
from surtitle.ingest.overlap import Overlap

_MAX_SILENCE = 2.0  # seconds of a gap that become silence, in which words may continue; a longer one is skipped
_END_TIMEOUT = 5.0  # seconds for the last words to be recognized


class HubSink:
    """Publishes to the channel ``channel`` as ``name``, in ``language`` (None for the channel's).

    While the stream is away, the source waits for it as for any publisher; if that takes too long, a new source of the
    same name follows.
    """

    def __init__(self, hub: Hub, channel: str, name: str, language: str | None) -> None:
        self._hub = hub
        self._channel = channel
        self._name = name
        self._options = SourceOptions(language)
        self._resume = secrets.token_urlsafe(16)
        self._opened: OpenedSource | None = None
        self._tap: Tap | None = None
        self._resampler = BlockResampler()
        self._overlap = Overlap()

    async def begin(self, age: float, live: bool) -> None:
        self._opened = opened = await self._hub.open(self._channel, self._name, self._options, self._resume, age)
        source = opened.source
        self._overlap = Overlap()
        if opened.resumed:  # what was said meanwhile is lost, and what is sent again is left out
            start = source.channel.session.clock(age)
            source.skip_to(start)
            self._overlap = Overlap(source.position - start if age else 0.0)
        self._tap = tap(source)
        self._resampler = BlockResampler()

    async def put(self, gap: float, frames: Frames, rate: int) -> None:
        gap, frames, rate = self._overlap.trim((gap, frames, rate))
        if not len(frames):
            return
        try:
            await self._put(gap, frames, rate)
        except TooLong:  # the next source continues where this one has ended
            self._opened = await self._hub.open(self._channel, self._name, self._options, self._resume)
            self._tap = tap(self._opened.source)
            await self._put(gap, frames, rate)

    async def _put(self, gap: float, frames: Frames, rate: int) -> None:
        opened = self._opened
        assert opened is not None
        assert self._tap is not None
        if opened.owner.done():
            opened.owner.result()  # raises the reason for which the source was lost
        source = opened.source
        self._tap(frames, rate, gap)
        if gap > _MAX_SILENCE:
            await self._deliver(self._resampler.finish())
            source.skip(gap)
        else:
            for silence in make_silence(round(gap * rate), rate):
                await self._deliver(self._resampler.feed(silence, rate))
        await self._deliver(self._resampler.feed(to_mono(frames), rate))

    async def pause(self) -> None:
        if (opened := self._opened) is not None:
            with suppress(SurtitleError):
                await self._deliver(self._resampler.finish())
            opened.source.lease.detach(opened.owner)

    async def end(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None and (opened.source.resume, opened.owner.done()) == (self._resume, False):
            opened.source.end()
            with suppress(TimeoutError):
                async with asyncio.timeout(_END_TIMEOUT):
                    await opened.source.finish()

    async def _deliver(self, samples: Samples) -> None:
        if samples.size and self._opened is not None:
            await self._opened.source.put_when_free(samples)
