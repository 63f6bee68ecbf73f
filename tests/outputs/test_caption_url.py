"""Caption URLs of YouTube, Zoom, Teams and Webex: order, pace, numbers, times, and what happens when they fail."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest

from surtitle.channels.output_settings import CaptionUrl, Dialect
from surtitle.outputs import pushed_captions
from surtitle.outputs.caption_url import caption_url_target, split_text
from surtitle.outputs.pushed_captions import CaptionTarget
from tests.outputs.bench import Bench
from tests.outputs.fake_targets import (
    SECRET,
    FakeTarget,
    FakeTeams,
    FakeWebex,
    FakeYouTube,
    FakeZoom,
    Request,
    new_port,
    no_problems,
    serving,
)
from tests.support import until

FAKES: dict[Dialect, type[FakeTarget]] = {
    "youtube": FakeYouTube,
    "zoom": FakeZoom,
    "teams": FakeTeams,
    "webex": FakeWebex,
}


def connect(fake: FakeTarget, dialect: Dialect, delay: float = 0, *, allow_private: bool = True) -> CaptionTarget:
    settings = CaptionUrl(id="o1", url=fake.url, dialect=dialect, delay=delay)
    target = caption_url_target(settings, allow_private=allow_private)
    target.interval = min(target.interval, 0.05)
    return target


@pytest.mark.parametrize("dialect", FAKES)
async def test_captions_arrive_once_and_in_order(dialect: Dialect) -> None:
    bench = Bench()
    async with serving(FAKES[dialect](new_port())) as fake, bench.pushing(connect(fake, dialect)) as output:
        await until(lambda: output.state.name == "waiting")
        name = bench.say("This one grows", final=False)
        bench.say("Good evening.")
        bench.say("This one grows no more.", name, rev=2)
        await until(lambda: len(fake.texts) == 2)
        bench.say("A correction, which cannot be taken back.", name, rev=3)
        bench.say("Über 100 % naïve & <b>?", source="Guest")
        await until(lambda: output.sent == 3)
        assert output.state.name == "sending"
    assert fake.texts == ["Good evening.", "This one grows no more.", "Guest: Über 100 % naïve & <b>?"]
    assert fake.problems == []
    assert (output.sent, output.skipped) == (3, 0)
    assert all("a%2Fb%3D" in fake.url and one.query["signature"] == "a/b=" for one in fake.requests)


async def test_youtube_gets_times_by_its_own_clock_and_texts_at_its_pace() -> None:
    bench = Bench()
    fake = FakeYouTube(new_port(), ahead=1000)
    target = connect(fake, "youtube")
    target.interval = 0.5
    async with serving(fake), bench.pushing(target) as output:
        for text in ("one", "two", "three"):
            bench.say(text)
        await until(lambda: output.sent == 3)
    with no_problems(fake):
        assert fake.texts == ["one", "two", "three"]
    posts = [request for request in fake.requests if request.body]
    assert [request.query["seq"] for request in posts] == ["0", "1", "2"]
    assert all(later.at - earlier.at > 0.49 for earlier, later in pairwise(posts))


async def test_numbers_continue_after_a_restart_and_nothing_is_lost_or_doubled() -> None:
    bench = Bench()
    fake = FakeYouTube(new_port())
    async with serving(fake):
        async with bench.pushing(connect(fake, "youtube")) as output:
            bench.say("one")
            await until(lambda: output.sent == 1)
            name = bench.say("in the middle of", final=False)
        bench.say("in the middle of a sentence", name, rev=2)
        other = bench.say("said meanwhile")
        async with bench.pushing(connect(fake, "youtube")) as output:
            await until(lambda: output.sent == 2)
            bench.say("said meanwhile, corrected", other, rev=2)
            bench.say("two")
            await until(lambda: output.sent == 3)
    with no_problems(fake):
        assert fake.texts == ["one", "in the middle of a sentence", "said meanwhile", "two"]
    assert fake.last == 3


async def test_captions_that_were_held_back_are_sent_after_a_restart() -> None:
    bench = Bench()
    fake = FakeTeams(new_port())
    async with serving(fake):
        async with bench.pushing(connect(fake, "teams", delay=0.6)):
            bench.say("held back")
            await asyncio.sleep(0.05)
        assert fake.texts == []
        async with bench.pushing(connect(fake, "teams", delay=0.6)) as output:
            await until(lambda: output.sent == 1)
    assert fake.texts == ["held back"]


async def test_captions_that_are_too_late_after_a_restart_are_left_out_and_counted() -> None:
    bench = Bench()
    bench.channel.begin(ago=100)
    fake = FakeYouTube(new_port())
    async with serving(fake):
        async with bench.pushing(connect(fake, "youtube")) as output:
            bench.say("one")
            await until(lambda: output.sent == 1)
        bench.say("said long ago", ago=40)
        bench.say("said just now")
        async with bench.pushing(connect(fake, "youtube")) as output:
            await until(lambda: output.sent == 1)
            assert output.skipped == 1
    with no_problems(fake):
        assert fake.texts == ["one", "said just now"]


@pytest.mark.parametrize("dialect", ["youtube", "zoom"])
async def test_a_text_whose_answer_is_lost_is_sent_again_with_its_number(dialect: Dialect) -> None:
    bench = Bench()
    async with serving(FAKES[dialect](new_port())) as fake, bench.pushing(connect(fake, dialect)) as output:
        await until(lambda: output.state.name == "waiting")
        fake.cuts = 1
        bench.say("once")
        bench.say("twice")
        await until(lambda: output.sent == 2)
    assert fake.texts == ["once", "twice"]
    assert (fake.problems, output.skipped) == ([], 0)


async def test_a_text_without_a_number_is_not_sent_again_if_it_may_have_arrived() -> None:
    bench = Bench()
    async with serving(FakeTeams(new_port(), cuts=1)) as fake, bench.pushing(connect(fake, "teams")) as output:
        bench.say("once")
        await until(lambda: output.skipped == 1)
        assert output.state.name == "failed"
        bench.say("twice")
        await until(lambda: output.sent == 1)
    assert fake.texts == ["once", "twice"]


async def test_zoom_tells_the_number_from_which_to_go_on() -> None:
    bench = Bench()
    fake = FakeZoom(new_port(), last=41)
    async with serving(fake), bench.pushing(connect(fake, "zoom")) as output:
        bench.say("one")
        await until(lambda: output.sent == 1)
        fake.last = 99  # another captioner has taken part
        bench.say("two")
        await until(lambda: output.sent == 2)
    assert (fake.last, fake.texts, fake.languages, fake.problems) == (100, ["one", "two"], {"en-US"}, [])


@pytest.mark.parametrize("dialect", ["zoom", "teams", "webex"])
async def test_a_meeting_that_has_not_started_is_waited_for(dialect: Dialect) -> None:
    bench = Bench()
    fake = FAKES[dialect](new_port(), started=False)
    async with serving(fake), bench.pushing(connect(fake, dialect)) as output:
        bench.say("too early")
        await until(lambda: output.skipped == 1)
        assert output.state.name == "waiting"
        assert "what is said until it has started with captions on is left out" in output.state.message
        asked = len(fake.requests)
        await until(lambda: len(fake.requests) >= asked)
        fake.texts.clear()
        fake.started = True
        bench.say("in time")
        await until(lambda: output.sent == 1)
    assert fake.texts[-1] == "in time"


@pytest.mark.parametrize(
    ("statuses", "state", "advice"),
    [
        ([401], "refused", "copy the link again"),
        ([403], "refused", "copy the link again"),
        ([302], "failed", "not followed"),
        ([405], "failed", "status 405"),
    ],
)
async def test_what_an_answer_means_is_said_in_one_sentence(statuses: list[int], state: str, advice: str) -> None:
    bench = Bench()
    fake = FakeWebex(new_port(), statuses=statuses)
    async with serving(fake), bench.pushing(connect(fake, "webex")) as output:
        bench.say("refused")
        await until(lambda: output.state.name == state)
        assert advice in output.state.message
        assert len(fake.requests) == 1  # a redirect is not followed, and nothing is tried again
        bench.say("taken")
        await until(lambda: output.state.name == "sending")
    assert (fake.texts, output.skipped) == (["taken"], 1)


async def test_a_failure_that_passes_is_tried_again() -> None:
    bench = Bench()
    fake = FakeWebex(new_port(), statuses=[503, 429])
    async with serving(fake), bench.pushing(connect(fake, "webex")) as output:
        bench.say("taken")
        await until(lambda: output.sent == 1)
    assert (fake.texts, output.skipped) == (["taken"], 0)


async def test_what_cannot_be_sent_is_given_up_after_three_attempts_more_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pushed_captions, "_BACKOFF", (0.05, 0.5))
    bench = Bench()
    fake = FakeWebex(new_port(), statuses=[500] * 4)
    target = connect(fake, "webex")
    target.rules = replace(target.rules, patience=target.rules.patience / 10)
    async with serving(fake), bench.pushing(target) as output:
        bench.say("lost")
        bench.say("taken")
        await until(lambda: output.sent == 1)
    assert (len(fake.requests), fake.texts, output.skipped) == (5, ["taken"], 1)


async def test_a_target_that_is_slow_makes_captions_late_but_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushed_captions, "_BEHIND", 0.2)
    bench = Bench()
    fake = FakeTeams(new_port())
    async with serving(fake), bench.pushing(connect(fake, "teams")) as output:
        bench.say("one")
        await until(lambda: output.sent == 1)
        fake.answering.clear()
        bench.say("two")
        bench.say("three")
        await until(lambda: output.state.name == "behind")
        assert "s late" in output.state.message
        fake.answering.set()
        await until(lambda: output.sent == 3)
        assert output.state.name == "sending"
    assert (fake.texts, output.skipped) == (["one", "two", "three"], 0)


async def test_an_address_that_nobody_listens_on_fails_and_works_as_soon_as_somebody_does() -> None:
    bench = Bench()
    fake = FakeWebex(new_port())
    async with bench.pushing(connect(fake, "webex")) as output:
        bench.say("first")
        await until(lambda: "cannot be reached" in output.state.message)
        async with serving(fake):
            await until(lambda: output.sent == 1)
    assert fake.texts == ["first"]


async def test_captions_wait_for_a_target_that_takes_nothing_and_are_sent_when_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pushed_captions, "_BACKOFF", (0.01, 0.02))
    bench = Bench()
    fake = FakeTeams(new_port(), statuses=[503] * 6 + [429] * 6)
    target = connect(fake, "teams")
    target.rules = replace(target.rules, patience=0)
    async with bench.pushing(target) as output:
        for text in ("one", "two", "three"):
            bench.say(text)
        await until(lambda: "cannot be reached" in output.state.message)
        async with serving(fake):
            await until(lambda: "Teams is busy (status 503)" in output.state.message)
            await until(lambda: output.sent == 3)
    assert (fake.texts, output.skipped) == (["one", "two", "three"], 0)


async def test_a_target_is_left_alone_for_as_long_as_it_asks() -> None:
    bench = Bench()
    fake = FakeWebex(new_port(), statuses=[429], retry_after="1")
    async with serving(fake), bench.pushing(connect(fake, "webex")) as output:
        bench.say("one")
        await until(lambda: output.sent == 1)
    first, second = fake.requests
    assert second.at - first.at > 0.9


async def test_what_is_removed_while_it_waits_for_another_attempt_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushed_captions, "_BACKOFF", (0.01, 0.02))
    bench = Bench()
    fake = FakeWebex(new_port(), statuses=[503] * 2000)
    async with serving(fake), bench.pushing(connect(fake, "webex")) as output:
        withdrawn, corrected = bench.say("withdrawn"), bench.say("wrong")
        await until(lambda: output.state.name == "failed")
        bench.say("", withdrawn, rev=2)
        bench.say("right", corrected, rev=2)
        asked = len(fake.requests)
        await until(lambda: len(fake.requests) > asked)
        fake.statuses.clear()
        await until(lambda: output.sent == 1)
        fake.statuses = [503] * 2000
        bench.say("cleared")
        await until(lambda: output.state.name == "failed")
        bench.channel.clear()
        await until(lambda: output.waiting == 0)
        fake.statuses.clear()
        bench.say("after that")
        await until(lambda: output.sent == 2)
    assert (fake.texts, output.skipped) == (["right", "after that"], 0)


async def test_a_caption_that_waits_for_another_attempt_is_sent_after_a_restart() -> None:
    bench = Bench()
    fake = FakeTeams(new_port())
    async with bench.pushing(connect(fake, "teams")) as output:
        bench.say("one")
        await until(lambda: output.state.name == "failed")
    async with serving(fake), bench.pushing(connect(fake, "teams")) as output:
        await until(lambda: output.sent == 1)
    assert fake.texts == ["one"]


@pytest.mark.parametrize("dialect", FAKES)
async def test_a_caption_that_may_have_arrived_when_the_output_is_stopped_is_not_shown_again(dialect: Dialect) -> None:
    bench = Bench()
    fake = FAKES[dialect](new_port())
    async with serving(fake):
        with suppress(TimeoutError):
            async with bench.pushing(connect(fake, dialect), patience=0.2) as output:
                await until(lambda: output.state.name == "waiting")
                fake.answering.clear()
                bench.say("once")
                await until(lambda: fake.texts == ["once"])
        fake.answering.set()
        async with bench.pushing(connect(fake, dialect)) as output:
            bench.say("twice")
            await until(lambda: output.waiting == 0)
    assert fake.texts == ["once", "twice"]
    assert fake.problems == []


async def test_the_lines_after_one_whose_answer_is_lost_are_sent() -> None:
    bench = Bench()
    fake = FakeTeams(new_port(), cuts=1)
    first, second = "a" * 100, "b" * 100
    async with serving(fake), bench.pushing(connect(fake, "teams")) as output:
        bench.say(f"{first} {second}")
        await until(lambda: output.sent == 1)
    assert fake.texts == [first, second]


async def test_youtube_gets_right_times_when_the_clock_of_the_computer_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    fake = FakeYouTube(new_port())
    async with serving(fake), bench.pushing(connect(fake, "youtube")) as output:
        for number, jump in enumerate((0, 7200, -7200, 0), start=1):
            clock = SimpleNamespace(time=lambda jump=jump: time.time() + jump, monotonic=time.monotonic)
            monkeypatch.setattr("surtitle.outputs.caption_url.time", clock)
            bench.say(f"text {number}")
            await until(partial(lambda number: output.sent == number, number))
    assert (fake.problems, output.skipped) == ([], 0)


@pytest.mark.parametrize("answer", ["0001-01-01T00:00:00", "9999-12-31T23:59:59", "2026-11-29T25:00", "\0"])
async def test_a_nonsensical_time_of_youtube_is_ignored(answer: str) -> None:
    class Nonsense(FakeYouTube):
        def take(self, request: Request) -> tuple[int, str]:
            return super().take(request)[0], answer

    bench = Bench()
    async with serving(Nonsense(new_port())) as fake, bench.pushing(connect(fake, "youtube")) as output:
        bench.say("one")
        bench.say("two")
        await until(lambda: output.sent == 2)
    assert (fake.texts, fake.problems) == (["one", "two"], [])


async def test_the_link_is_never_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    fake = FakeYouTube(new_port())
    target = connect(fake, "youtube")
    with caplog.at_level(logging.DEBUG):
        async with serving(fake), bench.pushing(target) as output:
            bench.say("one")
            await until(lambda: output.sent == 1)
            fake.statuses = [403]
            bench.say("two")
            await until(lambda: output.state.name == "refused")
    settings = CaptionUrl(id="o1", url=fake.url, dialect="youtube")
    assert SECRET not in caplog.text + output.state.message + repr(settings) + str(settings.public_settings())
    assert "closedcaption" not in caplog.text


async def test_private_addresses_and_addresses_without_encryption_need_permission() -> None:
    bench = Bench()
    fake = FakeTeams(new_port())
    async with serving(fake), bench.pushing(connect(fake, "teams", allow_private=False)) as output:
        bench.say("to nobody")
        await until(lambda: output.state.name == "refused")
    assert fake.requests == []


def test_long_texts_are_cut_between_words() -> None:
    assert split_text("a short one", 120) == ["a short one"]
    assert split_text("one two three", 7) == ["one two", "three"]
    assert split_text("unbreakable", 4) == ["unbr", "eaka", "ble"]
    assert split_text("", 4) == []
