"""Readers that come again and again instead of staying connected, such as players of HLS."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from surtitle.channels.channel import Channel
from surtitle.channels.track import Track
from surtitle.translation.translations import Translations

_LINGER = 60.0  # seconds without a request after which a player of HLS has left


class TrackReaders:
    """Lets languages be translated while requests for them come."""

    def __init__(self, translations: Translations, linger: float = _LINGER) -> None:
        """``linger`` is how many seconds after its last request a reader has left."""
        self._translations = translations
        self._linger = linger
        self._reading: dict[tuple[Channel, str | None], tuple[ExitStack, asyncio.TimerHandle]] = {}

    async def read(self, channel: Channel, language: str) -> Track:
        """The track in a language, or "original". Raises `BadRequest`, `TooMany`."""
        key = channel, await self._translations.find_language(channel, language)
        if key[1] is None:
            return channel.original
        if key in self._reading:
            stack, leaving = self._reading.pop(key)
            leaving.cancel()
        else:
            stack = ExitStack()
            stack.enter_context(self._translations.subscribe(*key))
        self._reading[key] = stack, asyncio.get_running_loop().call_later(self._linger, self._leave, key)
        return channel.translation(key[1])

    async def close(self) -> None:
        for key in list(self._reading):
            self._leave(key)

    def _leave(self, key: tuple[Channel, str | None]) -> None:
        stack, leaving = self._reading.pop(key)
        leaving.cancel()
        stack.close()
