"""A channel whose captions go to one target, without a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.core.settings import Limits
from surtitle.core.words import Word
from surtitle.outputs.progress import Progress
from surtitle.outputs.pushed_captions import CaptionTarget, PushedCaptions
from surtitle.outputs.shown_text import ShownText, TextTarget
from surtitle.outputs.state import StateReport


@dataclass
class Bench:
    """Pushes what the channel says, one output after another."""

    channel: Channel = field(default_factory=lambda: Channel("main", Limits()))
    progress: Progress = field(default_factory=Progress)

    def say(
        self, text: str, name: str = "", *, rev: int = 1, final: bool = True, source: str = "Host", ago: float = 0
    ) -> str:
        """Publish a caption whose words were said in a second that ended ``ago`` seconds ago; returns its id."""
        name = name or self.channel.session.new_caption_id()
        now = max(1.0, self.channel.session.clock(ago))
        words = tuple(Word(one, now - 1, now) for one in text.split())
        self.channel.original.put(Caption(name, rev, source, "en", words, final=final))
        return name

    async def check(self) -> None:
        """No other service has the channel."""

    async def save(self, progress: Progress) -> None:
        self.progress = progress

    @asynccontextmanager
    async def pushing(self, target: CaptionTarget, patience: float = 5) -> AsyncIterator[PushedCaptions]:
        """Push captions until the block ends, and then as at the end of the service, for ``patience`` seconds."""
        report = StateReport(self.channel.name, target.name)
        output = PushedCaptions(
            self.channel, self.channel.original, target, self.progress, self.check, self.save, report
        )
        running = asyncio.create_task(output.run())
        try:
            yield output
            output.finish()
            async with asyncio.timeout(patience):
                await asyncio.shield(running)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def showing(bench: Bench, target: TextTarget, delay: float = 0) -> AsyncIterator[ShownText]:
    """Show the newest lines until the block ends, and then as at the end of the service."""
    report = StateReport(bench.channel.name, target.name)
    output = ShownText(bench.channel, bench.channel.original, target, delay, report)
    running = asyncio.create_task(output.run())
    try:
        yield output
        output.finish()
        async with asyncio.timeout(5):
            await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
