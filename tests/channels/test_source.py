"""A source's queue, clock and end, with a scripted recognizer: speed is what these tests control."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from surtitle.audio import RATE, Samples
from surtitle.captions.caption import Caption
from surtitle.channels.channel import Channel
from surtitle.channels.departure import Departure
from surtitle.channels.hub import Hub
from surtitle.channels.session import ResumableSource
from surtitle.channels.source import Source
from surtitle.channels.source_options import SourceOptions
from surtitle.core.errors import EngineError, Replaced, TokenExpired, TooFast, TooLong
from surtitle.core.settings import Limits, Settings
from surtitle.core.words import Word
from surtitle.speech.engine import Hints
from surtitle.speech.fair_shares import CURRENT_TENANT
from surtitle.speech.recognizer import Boundary
from surtitle.speech.scheduler import Scheduler
from surtitle.speech.vad import CHUNK
from tests.support import silence, until

LIMITS = Limits(lag_budget=2.0, ahead=6.0, resume_window=0.6, detached_flush=0.1)


class Script:
    """A fake pipeline: counts its samples, returns a caption when flushed, and can be made slow.

    Only silence is quiet to it; ``speaking`` is what it says in spite of that.
    """

    language = "en"
    speaking = False
    offset = 0.0
    stream: Any = None

    def __init__(self) -> None:
        self.heard = 0.0
        self.silence = 0.0
        self.steps = 0
        self.skipped = 0.0
        self.flushes = 0
        self.closed = False
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def feed(self, samples: Samples) -> list[Caption]:
        self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return self._hear(samples)

    def _hear(self, samples: Samples) -> list[Caption]:
        self.heard += len(samples) / RATE
        quiet = not self.speaking and not samples.any()
        self.silence = self.silence + len(samples) / RATE if quiet else 0.0
        self.steps += 1
        return []

    def feed_to_pause(self, samples: Samples, pause: float) -> tuple[list[Caption], Samples]:
        self.gate.wait(10)
        for at in range(0, len(samples), CHUNK):
            self._hear(samples[at : at + CHUNK])
            if self.silence >= pause:
                return [], samples[at + CHUNK :]
        return [], samples[:0]

    def flush(self) -> list[Caption]:
        self.flushes += 1
        word = Word("word", self.heard, self.heard + 0.5)
        return [Caption(f"c{self.flushes}", 1, "test", "en", (word,), final=True)]

    def skip(self, seconds: float) -> list[Caption]:
        self.skipped += seconds
        return []

    def use(self, stream: Any) -> None:
        self.stream = stream

    def listen(self, timeline: Any, patience: float = 0.0) -> None:
        pass

    def take_late(self) -> list[Caption]:
        return []

    def take_boundaries(self) -> list[Boundary]:
        return []

    def take_failure(self) -> EngineError | None:
        return None

    def stop(self) -> None:
        self.gate.set()

    def close(self) -> None:
        self.closed = True


class Scripted:
    """Stands for an engine: only its turns matter."""

    model = "script"
    languages = frozenset({"en"})
    step = 1.0

    def __init__(self, name: str) -> None:
        self.name = name
        self.scheduler = Scheduler(1)

    def open(self, language: str, hints: Hints = Hints()) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        self.scheduler.close()


class Bench:
    """A source and all that it stands on."""

    def __init__(self) -> None:
        self.engine = Scripted("script")
        self.channel = Channel("main", LIMITS)
        self.sources: list[Source] = []

    def source(self, script: Script, name: str = "test", tenant: str = "") -> Source:
        pipeline: Any = script
        source = Source(self.channel, name, "resume", pipeline, self.engine, LIMITS, tenant=tenant)
        self.sources.append(source)
        return source


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    for source in bench.sources:
        await source.cancel()
    bench.engine.close()


async def test_everything_is_heard_and_the_end_flushes(bench: Bench) -> None:
    script = Script()
    source = bench.source(script)
    for _ in range(50):
        await source.put(silence(0.1))
    await source.finish()
    assert script.heard == pytest.approx(5.0)
    assert (script.flushes, script.closed, source.ended) == (1, True, True)
    assert await bench.channel.original.transcript("txt") == "word\n"


async def test_a_source_is_recognized_in_the_turn_of_its_tenant(bench: Bench) -> None:
    """The one of another tenant goes before three that came earlier."""
    order: list[str] = []

    class Noting(Script):
        def feed(self, samples: Samples) -> list[Caption]:
            captions = super().feed(samples)
            order.append(CURRENT_TENANT.get())
            return captions

    blocker = Noting()
    blocker.gate.clear()
    await bench.source(blocker, "blocker", "many").put(silence(0.1))
    await until(lambda: bench.engine.scheduler.waiting == 0)
    await asyncio.sleep(0)
    for number in range(3):
        await bench.source(Noting(), f"source {number}", "many").put(silence(0.1))
    await bench.source(Noting(), "one", "one").put(silence(0.1))
    await until(lambda: bench.engine.scheduler.waiting == 4)
    blocker.gate.set()
    await until(lambda: len(order) == 5)
    assert order == ["many", "one", "many", "many", "many"]


async def test_what_comes_ahead_of_real_time_waits_and_is_not_lost(bench: Bench) -> None:
    script = Script()
    script.gate.clear()
    source = bench.source(script)
    for _ in range(38):
        await source.put(silence(0.1))
    script.gate.set()
    await source.finish()
    assert script.heard == pytest.approx(3.8)
    assert source.stats.skipped == 0


async def test_a_client_far_ahead_is_told(bench: Bench) -> None:
    script = Script()
    script.gate.clear()
    source = bench.source(script)

    async def send() -> None:
        for _ in range(100):
            await source.put(silence(0.1))

    with pytest.raises(TooFast, match="send audio in real time"):
        await send()
    script.gate.set()
    await source.finish()
    assert script.heard == pytest.approx(source.input.received)


async def test_a_client_that_can_wait_is_held_back(bench: Bench) -> None:
    script = Script()
    script.gate.clear()
    source = bench.source(script)
    taken = 0

    async def send() -> None:
        nonlocal taken
        for _ in range(100):
            await source.put_when_free(silence(0.1))
            taken += 1

    sending = asyncio.create_task(send())
    await asyncio.sleep(0.3)
    assert taken / 10 < LIMITS.ahead + 1.5  # the queue, and the step that is under way
    script.gate.set()
    await asyncio.wait_for(sending, 5)
    await source.finish()
    assert script.heard == pytest.approx(10.0)
    assert source.stats.skipped == 0


async def test_a_live_client_is_cut_to_the_budget_and_told(bench: Bench) -> None:
    """The recognizer stalls for longer than the budget: the oldest audio goes, the clock stays right."""
    script = Script()
    script.gate.clear()
    source = bench.source(script)
    source.input.live_start -= 100  # as if it had been live for long: nothing it sends is ahead of time
    for _ in range(80):
        await source.put(silence(0.1))
    script.gate.set()
    await source.finish()
    assert source.stats.skipped > 4
    assert script.skipped == pytest.approx(source.stats.skipped)
    assert script.heard + script.skipped == pytest.approx(8.0)
    lag = source.feed.get("lag")
    assert lag is not None
    assert '"skipped":' in lag.data


async def test_a_gap_in_a_clients_audio_moves_the_clock(bench: Bench) -> None:
    script = Script()
    source = bench.source(script)
    await source.put(silence(0.1))
    source.skip(1800.0)
    assert source.input.live  # the client did not send half an hour in a moment
    await source.put(silence(0.1))
    assert source.position == pytest.approx(1800.2)
    await source.finish()
    assert script.heard == pytest.approx(0.2)
    assert script.skipped == pytest.approx(1800.0)


class Limited:
    """A source that may last for a moment only, and its clock."""

    def __init__(self, bench: Bench, script: Script) -> None:
        self.source = bench.source(script)
        self.time = 0.0
        self.source._now = lambda: self.time
        self.source._departure = Departure(60.0, lambda: self.time)

    async def hear(self, seconds: float) -> None:
        """Send audio in real time, which is recognized at once. Raises what `Source.put` raises."""
        for _ in range(round(seconds * 10)):
            self.time += 0.1
            await self.source.put(silence(0.1))
            await until(lambda: self.source.recognized >= self.source.input.received)

    def handed_over(self) -> ResumableSource | None:
        return self.source.channel.session.find_resumable("resume")


async def test_a_source_does_not_end_while_somebody_speaks(bench: Bench) -> None:
    script = Script()
    limited = Limited(bench, script)
    script.speaking = True
    await limited.hear(1.0)
    limited.time = 61.0
    await limited.hear(30.0)
    script.speaking = False
    with pytest.raises(TooLong, match="resume id"):
        await limited.hear(2.0)
    assert limited.source.departed
    left = limited.handed_over()
    assert left is not None
    assert 31.0 < left.received < limited.source.input.received < 32.0
    waiting = sum(len(block.samples) for block in left.waiting) / RATE
    assert left.received + waiting == pytest.approx(limited.source.input.received)
    assert waiting >= 0.4
    assert not limited.source.resumable
    with pytest.raises(TooLong):
        await limited.source.put(silence(0.1))


async def test_a_source_in_which_nobody_ever_pauses_ends_after_a_minute_without_a_gap(bench: Bench) -> None:
    script = Script()
    limited = Limited(bench, script)
    script.speaking = True
    limited.time = 61.0
    await limited.hear(1.0)
    limited.time = 122.0
    with pytest.raises(TooLong):
        await limited.hear(1.0)
    left = limited.handed_over()
    assert left is not None
    assert left.received == pytest.approx(limited.source.input.received) == pytest.approx(1.0)


def tone(seconds: float) -> Samples:
    return np.full(round(seconds * RATE), 0.5, dtype=np.float32)


@pytest.mark.parametrize("pause", [0.7, 2.5])
async def test_a_source_ends_in_a_pause_that_recognition_reaches_late(bench: Bench, pause: float) -> None:
    """The pause, and speech after it, arrived long before recognition gets there: it belongs to the next source."""
    script = Script()
    limited = Limited(bench, script)
    limited.time = 61.0
    script.gate.clear()
    queued = np.concatenate((tone(1.0), silence(pause), tone(0.5), silence(0.6), tone(0.5)))
    for at in range(0, len(queued), RATE // 10):
        await limited.source.put(queued[at : at + RATE // 10])
    limited.source.skip(1800.0)
    for _ in range(5):
        await limited.source.put(tone(0.1))
    script.gate.set()
    await until(lambda: limited.source.ended)
    assert 1.5 <= script.heard < 1.6
    left = limited.handed_over()
    assert left is not None
    assert 1.0 < left.received < script.heard - 0.3  # some of the pause precedes its first word
    follower = Script()
    source = Source(bench.channel, "test", "resume", follower, bench.engine, LIMITS, left.received)  # type: ignore[arg-type]
    bench.sources.append(source)
    source.take_over(left.waiting)
    assert source.input.received == pytest.approx(limited.source.input.received)
    await source.finish()
    assert source.recognized == pytest.approx(limited.source.input.received)
    assert follower.heard + left.received == pytest.approx(len(queued) / RATE + 0.5)
    assert follower.skipped == pytest.approx(1800.0)


async def test_a_source_does_not_end_by_a_pause_before_audio_that_is_being_recognized(bench: Bench) -> None:
    """Its words would be recognized by the next source once more."""
    script = Script()
    limited = Limited(bench, script)
    await limited.hear(2.0)
    script.gate.clear()
    await limited.source.put(tone(1.0))
    await until(lambda: limited.source.input.empty)
    limited.time = 61.0
    await limited.source.put(tone(1.0))
    assert not limited.source.departed
    script.gate.set()
    await until(lambda: script.heard == pytest.approx(4.0))
    assert not limited.source.departed


async def test_a_source_that_ends_while_it_waits_for_its_turn_hands_its_audio_over(bench: Bench) -> None:
    script = Script()
    limited = Limited(bench, script)
    await limited.hear(2.0)
    async with bench.engine.scheduler.turn(0.0):
        await limited.source.put(tone(1.0))
        await asyncio.sleep(0.01)
        limited.time = 61.0
        with pytest.raises(TooLong):
            await limited.source.put(tone(1.0))
    await until(lambda: limited.source.ended)
    left = limited.handed_over()
    assert limited.source.error is None
    assert left is not None
    assert left.received + sum(len(block.samples) for block in left.waiting) / RATE == pytest.approx(3.0)
    assert script.heard == pytest.approx(2.0)


async def test_a_source_lasts_for_days_without_a_limit(bench: Bench) -> None:
    limited = Limited(bench, Script())
    limited.source._departure = Departure(LIMITS.source_length, lambda: limited.time)
    limited.time = 30 * 86_400.0
    await limited.hear(1.0)
    assert not limited.source.departed


async def test_a_token_that_expired_does_not_end_a_source_that_another_client_has(bench: Bench) -> None:
    limited = Limited(bench, Script())
    before = limited.source.lease.attach()
    limited.source.expel_at_pause(before, TokenExpired("The token has expired."))
    limited.source.lease.attach()
    await limited.hear(1.0)
    assert not limited.source.departed


async def test_a_fast_sample_clock_stays_live(bench: Bench) -> None:
    """A sound card that is 200 ppm fast gains 17 s a day; recorded sound that is sent fast is not live."""
    source = bench.source(Script())
    source.input._now = lambda: time
    source.input.live_start = source.input._drift_until = time = 0.0
    for _ in range(86_400 // 60):
        time += 60.0
        source.input._received = round(time * 1.0002 * RATE)
        source.input.put(silence(0.0))
        assert source.input.live
    assert source.input.received - time > 15
    source.input.put(silence(60.0))
    assert not source.input.live


async def test_a_source_whose_client_is_gone_flushes_then_ends(bench: Bench) -> None:
    script = Script()
    source = bench.source(script)
    owner = source.lease.attach()
    await source.put(silence(0.5))
    source.lease.detach(owner)
    await until(lambda: script.flushes == 1)
    assert not source.ended
    await until(lambda: source.ended)
    assert script.closed


async def test_a_source_whose_client_comes_back_goes_on(bench: Bench) -> None:
    script = Script()
    source = bench.source(script)
    source.lease.detach(source.lease.attach())
    owner = source.lease.attach()
    await asyncio.sleep(LIMITS.resume_window + 0.3)
    assert source.resumable
    await source.put(silence(1.0))
    await source.finish()
    assert script.heard == pytest.approx(1.0)
    assert not owner.done()


async def test_the_second_client_wins(bench: Bench) -> None:
    source = bench.source(Script())
    first = source.lease.attach()
    second = source.lease.attach()
    with pytest.raises(Replaced):
        first.result()
    source.lease.detach(first)  # too late to matter
    assert source.lease.attached
    assert not second.done()


async def test_a_recognizer_that_breaks_ends_the_source_and_says_so(bench: Bench) -> None:
    script = Script()
    script.error = RuntimeError("a bug")
    source = bench.source(script)
    await source.put(silence(1.0))
    await until(lambda: source.ended)
    with pytest.raises(EngineError, match="Recognition failed"):
        await source.put(silence(1.0))
    assert script.closed


async def test_the_level_follows_the_sound(bench: Bench) -> None:
    source = bench.source(Script())
    await source.put(np.full(RATE // 10, 0.5, dtype=np.float32))
    assert source.snapshot()["level"] == pytest.approx(-6.0, abs=0.1)
    for _ in range(30):
        await source.put(silence(0.1))
    assert source.snapshot()["level"] < -60


async def test_another_engine_takes_over_and_the_stream_that_came_too_late_is_closed(bench: Bench) -> None:
    class Closing:
        closed = False

        def close(self) -> None:
            self.closed = True

    script, other = Script(), Scripted("other")
    source = bench.source(script)
    streams: list[Any] = [Closing(), Closing(), Closing()]
    await source.use(other, streams[0])
    await source.use(other, streams[1])
    assert (source.engine, streams[0].closed) == ("script", True)
    await source.put(silence(0.1))
    await until(lambda: source.engine == "other")
    assert script.stream is streams[1]
    await source.finish()
    await source.use(other, streams[2])
    assert streams[2].closed
    other.close()


async def test_audio_that_comes_while_a_source_waits_for_its_turn_is_part_of_it(bench: Bench) -> None:
    script = Script()
    source = bench.source(script)
    async with bench.engine.scheduler.turn(0.0):
        for _ in range(5):
            await source.put(silence(0.1))
            await asyncio.sleep(0.01)
        assert script.heard == 0
    await until(lambda: script.heard == pytest.approx(0.5))
    assert script.steps == 1


async def test_a_flush_waits_until_all_before_it_is_final(bench: Bench) -> None:
    script = Script()
    script.gate.clear()
    source = bench.source(script)
    await source.put(silence(1.0))
    flushing = asyncio.create_task(source.flush())
    await asyncio.sleep(0)
    assert not flushing.done()
    script.gate.set()
    await asyncio.wait_for(flushing, 10)
    assert (script.heard, script.flushes) == (1.0, 1)
    await source.put(silence(1.0))
    await asyncio.wait_for(source.flush(), 10)
    assert (script.heard, script.flushes) == (2.0, 2)


async def test_a_flush_ends_with_a_source_that_fails(bench: Bench) -> None:
    script = Script()
    script.error = EngineError("broken")
    source = bench.source(script)
    await source.put(silence(1.0))
    with pytest.raises(EngineError, match="broken"):
        await asyncio.wait_for(source.flush(), 10)


async def test_nothing_is_skipped_of_a_client_that_was_held_back(bench: Bench) -> None:
    """It sends a file: that recognition has become slower than real time must not cost it anything."""
    script = Script()
    script.gate.clear()
    source = bench.source(script)

    async def send() -> None:
        for _ in range(100):
            await source.put_when_free(silence(0.1))

    sending = asyncio.create_task(send())
    await until(lambda: source.input.full)
    source.input.live_start -= 100  # as if all of it were long overdue
    script.gate.set()
    await asyncio.wait_for(sending, 10)
    await source.finish()
    assert script.heard == pytest.approx(10.0)
    assert source.stats.skipped == 0


async def test_a_source_that_is_cancelled_at_once_releases_its_recognizer(bench: Bench) -> None:
    script = Script()
    await bench.source(script).cancel()
    await until(lambda: script.closed)


async def test_when_the_service_stops_no_source_begins_another_step(bench: Bench) -> None:
    """Open captions become final with what was recognized."""
    engines: Any = SimpleNamespace(library=SimpleNamespace())
    hub = Hub(Settings(limits=LIMITS), engines)
    bench.channel = hub.channel("main")
    scripts = [Script() for _ in range(3)]
    for script in scripts:
        script.gate.clear()
        source = bench.source(script)
        hub.sources.add(source, SourceOptions())
        await source.put(silence(0.1))
    bench.channel.original.put(Caption("open", 1, "test", "en", (Word("Hello", 0.0, 0.5),), (Word("all", 0.5, 1.0),)))
    await asyncio.wait_for(hub.finish(0.05), 30)
    assert sum(script.steps for script in scripts) == 1
    assert all(source.ended for source in bench.sources)
    assert await bench.channel.original.transcript("txt") == "Hello\n"


async def test_a_backup_is_recognized_from_where_the_main_source_fell_silent_until_it_is_back(bench: Bench) -> None:
    bench.channel.settings = bench.channel.settings.apply({"backup": {"sources": ["Room"], "after": 1}})
    scripts = Script(), Script()
    main, backup = bench.source(scripts[0], "Host"), bench.source(scripts[1], "Room")
    loud = np.full(RATE // 10, 0.1, np.float32)
    sent = 0

    async def send(samples: Samples) -> None:
        """A piece of audio on both sources, in real time."""
        nonlocal sent
        await main.put(samples)
        await backup.put(loud)
        sent += 1
        await asyncio.sleep(0.1)

    for _ in range(10):
        await send(loud)
    assert (main.standby, backup.standby) == (False, True)
    assert scripts[1].heard == 0
    async with asyncio.timeout(30):
        while backup.standby:
            await send(silence(0.1))
        await until(lambda: backup.input.waiting == 0)
        assert scripts[1].heard == pytest.approx(0.1 * sent - 1.0, abs=0.4)
        while not main.standby:
            await send(loud)
        while main.standby:
            await send(loud)
    for _ in range(5):
        await send(loud)
    await main.finish()
    await backup.finish()
    assert scripts[0].heard + scripts[0].skipped == pytest.approx(0.1 * sent), "the clock of the source is right"
    heard_while_silent = scripts[0].heard + scripts[1].heard - 0.1 * sent
    assert heard_while_silent == pytest.approx(1.0, abs=0.6), "only the silence of the main source was recognized twice"


async def test_a_backup_takes_over_nothing_from_a_pause(bench: Bench) -> None:
    settings = bench.channel.settings.apply({"backup": {"sources": ["Room"], "after": 1}})
    bench.channel.settings = settings.apply({"paused": True})
    script = Script()
    backup = bench.source(script, "Room")
    loud = np.full(RATE // 10, 0.1, np.float32)
    async with asyncio.timeout(30):
        while backup.standby or not backup.input.received:
            await backup.put(loud)
            await asyncio.sleep(0.1)
    assert bench.channel.paused
    bench.channel.settings = settings
    await backup.put(loud)
    await backup.finish()
    assert script.heard == pytest.approx(0.1)
