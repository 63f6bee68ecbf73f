"""The service with somebody on a channel who speaks by the clock: what `readers` measures.

The server, the application and the channel are those of `surtitle serve`. Only the recognition is left out: revisions
of captions are put into the channel as a source puts them. Each has the moment at which that happened as the name of
its speaker, by the clock that all processes of a machine share.

Run as a process: it says `ready`, and obeys lines like `talk 30 0.25` (name, captions, seconds between revisions).
"""

from __future__ import annotations

import asyncio
import sys
import time

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.core.settings import Settings
from surtitle.core.words import Word
from surtitle.web.server import Server, raise_socket_limit

CHANNEL = "main"
TEXT = ("We", "walked", "along", "the", "river", "until", "it", "was", "dark.")
"""A caption comes in as many revisions as this has words: a word more each time, the newest one tentative."""


async def speak(channel: Channel, name: str, captions: int, pause: float) -> None:
    """Put the captions `name-0`, `name-1` and so on."""
    words = tuple(Word(text, float(place), place + 1.0) for place, text in enumerate(TEXT))
    for number in range(captions):
        for rev in range(1, len(words) + 1):
            final = rev == len(words)
            firm = rev if final else rev - 1
            caption = Caption(
                f"{name}-{number}", rev, "Host", "en", words[:firm], words[firm:rev], final, str(time.monotonic())
            )
            channel.original.put(caption)
            await asyncio.sleep(pause)


async def main(port: int) -> None:
    raise_socket_limit()
    server = Server(Settings(port=port, engine="pocketsphinx"))
    serving = asyncio.create_task(server.serve())
    await server.ready.wait()
    channel = server.config.app.state.services.hub.channel(CHANNEL)  # type: ignore[union-attr]
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, captions, pause = line.split()
        await speak(channel, name, int(captions), float(pause))
        print(name, flush=True)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
