"""The webhook: signed captions, corrections, and receivers that fail."""

from __future__ import annotations

import json

from surtitle.channels.output_settings import Webhook
from surtitle.outputs.pushed_captions import CaptionTarget
from surtitle.outputs.webhook import WebhookTarget, sign
from tests.outputs.bench import Bench
from tests.outputs.fake_targets import FakeWebhook, new_port, serving
from tests.support import until


def connect(fake: FakeWebhook, secret: str = "key") -> CaptionTarget:
    return WebhookTarget(Webhook(id="o1", url=fake.url, secret=secret), "main", allow_private=True)


async def test_a_program_gets_signed_captions_and_their_corrections_once() -> None:
    bench = Bench()
    fake = FakeWebhook(new_port())
    async with serving(fake), bench.pushing(connect(fake)) as output:
        name = bench.say("Good evning.")
        await until(lambda: output.sent == 1)
        bench.say("Good evening.", name, rev=2)
        await until(lambda: output.sent == 2)
    assert (fake.texts, fake.problems) == (["Good evning.", "Good evening."], [])
    first, second = ({**json.loads(one.body)} for one in fake.requests)
    assert (first["id"], first["rev"], first["channel"], first["lang"]) == (name, 1, "main", "en")
    assert (second["id"], second["rev"]) == (name, 2)
    for request in fake.requests:
        assert request.headers["x-surtitle-signature"] == sign("key", request.body.encode())
        assert request.headers["content-type"] == "application/json"


async def test_a_program_learns_that_a_caption_it_has_was_withdrawn() -> None:
    bench = Bench()
    fake = FakeWebhook(new_port())
    async with serving(fake), bench.pushing(connect(fake)) as output:
        name = bench.say("Said by mistake.")
        await until(lambda: output.sent == 1)
        bench.say("", name, rev=2)
        await until(lambda: output.sent == 2)
        bench.say("", "never-sent", rev=2)
        bench.say("Good evening.")
        await until(lambda: output.sent == 3)
    assert (fake.texts, fake.problems) == (["Said by mistake.", "", "Good evening."], [])


async def test_a_program_that_was_away_gets_everything_after_a_restart_even_corrections() -> None:
    bench = Bench()
    fake = FakeWebhook(new_port())
    async with serving(fake), bench.pushing(connect(fake)) as output:
        name = bench.say("one")
        await until(lambda: output.sent == 1)
    bench.say("one, corrected", name, rev=2)
    bench.say("two")
    async with serving(fake), bench.pushing(connect(fake)) as output:
        await until(lambda: output.sent == 2)
    assert sorted(fake.texts) == ["one", "one, corrected", "two"]


async def test_a_receiver_that_refuses_or_fails_is_named() -> None:
    bench = Bench()
    fake = FakeWebhook(new_port(), statuses=[401, 410, 500])
    async with serving(fake), bench.pushing(connect(fake, "")) as output:
        bench.say("refused")
        await until(lambda: output.state.name == "refused")
        bench.say("gone")
        await until(lambda: "410" in output.state.message)
        bench.say("taken at the second attempt")
        await until(lambda: output.sent == 1)
    assert (fake.texts, output.skipped) == (["taken at the second attempt"], 2)
    assert "x-surtitle-signature" not in fake.requests[0].headers
