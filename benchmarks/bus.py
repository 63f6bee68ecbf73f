"""Redis Streams and NATS JetStream as the bus between services: what a caption costs, and how soon it arrives.

Starts both servers on this computer, in memory as on disk as the services would run them, and sends the same events
through each in turn. `python -m benchmarks.bus`
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import nats
import psutil
import redis.asyncio
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType, StreamConfig

from benchmarks.runs import free_port
from benchmarks.scores import percentile

CHANNELS = 40
FOLLOWERS = 3  # services that follow every channel
RATE = 4.0  # events per second of a channel: about as fast as people speak
SECONDS = 15.0
BACKLOG = 20_000  # events that a follower that was away catches up on
KEPT = 1000  # events kept of each channel
DATA = json.dumps({"id": "c18c0-12", "rev": 7, "source": "Host", "text": "and so my fellow Americans " * 4}).encode()


class RedisStreams:
    """One stream for each channel; the id of an entry is the event's own sequence number."""

    name = "Redis Streams"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        options = ["--port", str(self.port), "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec"]
        self.command = ["redis-server", *options, "--save", ""]

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        client = redis.asyncio.Redis(port=self.port)
        try:
            yield client
        finally:
            await client.aclose()

    async def create(self, client: Any) -> None:
        await client.ping()

    async def publish(self, client: Any, channel: int, first: int, events: list[bytes]) -> None:
        pipeline = client.pipeline(transaction=False)
        for number, event in enumerate(events, first):
            pipeline.xadd(f"captions:{channel}", {"d": event}, id=f"1-{number}", maxlen=KEPT, approximate=True)
        await pipeline.execute()

    async def follow(self, client: Any, take: Callable[[bytes], None], after: int = 0) -> None:
        last = {f"captions:{channel}": f"1-{after}" for channel in range(CHANNELS)}
        while True:
            for name, entries in await client.xread(last, block=1000, count=500) or ():
                last[name.decode()] = entries[-1][0]
                for _, fields in entries:
                    take(fields[b"d"])


class JetStream:
    """One stream with a subject for each channel; the server numbers the events."""

    name = "NATS JetStream"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.command = ["nats-server", "-p", str(self.port), "-js", "-sd", str(folder), "-a", "127.0.0.1"]

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        client = await nats.connect(f"nats://127.0.0.1:{self.port}", connect_timeout=5)
        try:
            yield client
        finally:
            await client.close()

    async def create(self, client: Any) -> None:
        config = StreamConfig(
            name="captions", subjects=["captions.*"], max_msgs_per_subject=KEPT, storage=StorageType.FILE
        )
        await client.jetstream().add_stream(config)

    async def publish(self, client: Any, channel: int, first: int, events: list[bytes]) -> None:
        stream = client.jetstream()
        for number, event in enumerate(events, first):
            future = await stream.publish_async(
                f"captions.{channel}", event, headers={"Nats-Msg-Id": f"{channel}-{number}"}
            )
        await future

    async def follow(self, client: Any, take: Callable[[bytes], None], after: int = 0) -> None:
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE)

        async def receive(message: Any) -> None:
            take(message.data)

        await client.jetstream().subscribe("captions.*", ordered_consumer=True, config=config, cb=receive)
        await asyncio.Event().wait()


async def measure(kind: type[RedisStreams] | type[JetStream]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        bus = kind(Path(folder))
        process = await asyncio.create_subprocess_exec(
            *bus.command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            return await _measure(bus, psutil.Process(process.pid))
        finally:
            process.kill()
            await process.wait()


async def _measure(bus: Any, server: psutil.Process) -> dict[str, Any]:
    await _until(lambda: _ping(bus))
    delays: list[float] = []
    own = psutil.Process()

    def take(data: bytes) -> None:
        delays.append(time.monotonic() - float(data[:20]))

    async with _followers(bus, FOLLOWERS, take), bus.connect() as client:
        await asyncio.sleep(1.0)
        before, own_before, start = sum(server.cpu_times()[:2]), sum(own.cpu_times()[:2]), time.monotonic()
        speaking = [asyncio.create_task(_speak(bus, client, channel)) for channel in range(CHANNELS)]
        await asyncio.gather(*speaking)
        sent = round(SECONDS * RATE) * CHANNELS
        await _until(lambda: _reached(delays, sent * FOLLOWERS))
        taken = sum(server.cpu_times()[:2]) - before
        own_taken = sum(own.cpu_times()[:2]) - own_before
        live = sorted(delays)
        elapsed = time.monotonic() - start
    async with bus.connect() as client:
        start = time.monotonic()
        per_channel = BACKLOG // CHANNELS
        for channel in range(CHANNELS):
            for first in range(0, per_channel, 100):
                events = [b"%020.6f" % time.monotonic() + DATA for _ in range(min(100, per_channel - first))]
                await bus.publish(client, channel, 1_000_000 + first, events)
        filled = time.monotonic() - start
    delays.clear()
    start = time.monotonic()
    kept = min(KEPT, per_channel + round(SECONDS * RATE)) * CHANNELS
    async with _followers(bus, 1, take):
        with suppress(TimeoutError):
            await _until(lambda: _reached(delays, BACKLOG), 60)
        caught_up = time.monotonic() - start
    return {
        "events": sent,
        "seconds": elapsed,
        "p50": percentile(live, 0.5),
        "p99": percentile(live, 0.99),
        "max": live[-1],
        "server_cpu_ms": 1000 * taken / sent,
        "client_cpu_ms": 1000 * own_taken / sent,
        "fill": BACKLOG / filled,
        "catch_up": len(delays) / caught_up,
        "kept": kept,
        "rss": server.memory_info().rss / 2**20,
    }


@asynccontextmanager
async def _followers(bus: Any, count: int, take: Callable[[bytes], None]) -> AsyncIterator[None]:
    async def follow() -> None:
        async with bus.connect() as client:
            await bus.follow(client, take)

    tasks = [asyncio.create_task(follow()) for _ in range(count)]
    try:
        yield
    finally:
        waiting = set(tasks)
        while waiting:  # redis-py may swallow the first cancellation
            for task in waiting:
                task.cancel()
            _, waiting = await asyncio.wait(waiting, timeout=0.5)


async def _speak(bus: Any, client: Any, channel: int) -> None:
    start = time.monotonic() + channel / CHANNELS / RATE
    for number in range(round(SECONDS * RATE)):
        await asyncio.sleep(max(0.0, start + number / RATE - time.monotonic()))
        await bus.publish(client, channel, number + 1, [b"%020.6f" % time.monotonic() + DATA])


async def _ping(bus: Any) -> bool:
    try:
        async with bus.connect() as client:
            await bus.create(client)
    except Exception:
        return False
    return True


async def _reached(delays: list[float], count: int) -> bool:
    return len(delays) >= count


async def _until(condition: Callable[[], Awaitable[bool]], timeout: float = 30.0) -> None:
    async with asyncio.timeout(timeout):
        while not await condition():  # noqa: ASYNC110  # nobody announces it
            await asyncio.sleep(0.02)


def main() -> None:
    print(f"{CHANNELS} channels, {RATE:g} events a second each of {len(DATA) + 20} bytes, {FOLLOWERS} followers")
    print("| | delay p50 | p99 | longest | server, CPU per event | clients | written | caught up | memory |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for kind in (RedisStreams, JetStream, RedisStreams, JetStream):
        if shutil.which(kind(Path()).command[0]) is None:
            raise SystemExit(f"{kind.name} is not installed: install redis-server and nats-server.")
        found = asyncio.run(measure(kind))
        delays = (f"{1000 * found[share]:.1f} ms" for share in ("p50", "p99", "max"))
        cpu = (f"{found[whose]:.3f} ms" for whose in ("server_cpu_ms", "client_cpu_ms"))
        speeds = (f"{found[what]:,.0f}/s" for what in ("fill", "catch_up"))
        print("|", " | ".join((kind.name, *delays, *cpu, *speeds, f"{found['rss']:.0f} MiB")), "|", flush=True)


if __name__ == "__main__":
    main()
