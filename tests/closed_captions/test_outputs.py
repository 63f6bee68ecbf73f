"""The outputs of channels whose settings change while captions are sent."""

from __future__ import annotations

import asyncio

import msgspec

from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.running_sources import RunningSources
from surtitle.channels.settings import ClosedCaptions
from surtitle.closed_captions.outputs import Outputs
from surtitle.core.settings import Limits, Settings
from surtitle.core.words import Word
from surtitle.translation.translations import Translations
from tests.closed_captions.fake_obs import PASSWORD, FakeObs, fake_obs
from tests.support import until


def enable(outputs: Outputs, channel: Channel, obs: FakeObs, delay: float) -> None:
    wanted = ClosedCaptions(enabled=True, port=obs.port, password=PASSWORD, delay=delay)
    channel.settings = msgspec.structs.replace(channel.settings, closed_captions=wanted)
    outputs.apply(channel)


async def test_changes_in_quick_succession_wait_for_the_output_that_clears_its_captions() -> None:
    channel = Channel("main", Limits())
    sources = RunningSources()
    outputs = Outputs(sources.position, Translations(Settings(), sources))
    async with fake_obs() as obs:
        enable(outputs, channel, obs, 0)
        await until(lambda: outputs.describe(channel)["closed_captions"]["state"] == "sending")
        words = tuple(Word(word, 0, 1) for word in ("good", "evening"))
        channel.original.put(Caption(channel.session.new_caption_id(), 1, "Host", "en", words, final=True))
        await until(lambda: obs.captions == ["good evening"])
        obs.answering.clear()
        try:
            for delay in (1, 2, 3):
                enable(outputs, channel, obs, delay)
                await asyncio.sleep(0.1)
            (first,) = obs.connections
        finally:
            obs.answering.set()  # without it, the server would not stop
        await until(lambda: bool(obs.connections) and first not in obs.connections)
        await until(lambda: outputs.describe(channel)["closed_captions"]["state"] == "sending")
        await outputs.close()
        await until(lambda: not obs.connections)
