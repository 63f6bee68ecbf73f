"""The fake of YouTube takes what another program for YouTube sends, so it asks for what YouTube does."""

from __future__ import annotations

import asyncio

from lcyt import YoutubeLiveCaptionSender

from tests.outputs.fake_targets import FakeYouTube, new_port, no_problems, serving


async def test_the_fake_takes_what_lcyt_sends() -> None:
    fake = FakeYouTube(new_port(), ahead=20)
    async with serving(fake):
        sender = YoutubeLiveCaptionSender(ingestion_url=fake.url).start()
        heartbeat = await asyncio.to_thread(sender.heartbeat)
        sent = [await asyncio.to_thread(sender.send, text) for text in ("Good evening.", "And welcome.")]
    with no_problems(fake):
        assert fake.texts == ["Good evening.", "And welcome."]
    assert heartbeat.server_timestamp
    assert [one.sequence for one in sent] == [0, 1]
