"""Three services with twenty channels and a thousand readers, while each part is killed in turn.

Each service has a network namespace of its own, joined by a bridge; nginx, Redis, PostgreSQL and the clients run in the
host's. Each channel's source plays people's recordings with pauses between them, so that several speak at any moment.
With ``--replicas``, a pool on Ray Serve recognizes what is said; each replica is on a machine of its own, which is
another namespace. Needs Linux, root, nginx, redis-server and PostgreSQL, and for a pool the extra `ray`.
`python -m benchmarks.cluster --model base`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from benchmarks import store
from benchmarks.models import Model, find, from_environment
from benchmarks.ray_nodes import RayNodes
from benchmarks.recordings import SHARED
from benchmarks.scores import percentile
from surtitle.audio import RATE, Samples
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks
from surtitle.web.server import raise_socket_limit
from tests.bus.redis_server import RedisServer
from tests.bus.shipped_nginx import read_shipped_nginx
from tests.persistent_clients import Publisher, Reader
from tests.processes import run_nginx
from tests.store.postgresql import PostgreSQL, postgresql

BRIDGE, NETWORK = "surtitle0", "10.77.0"
SERVICES = 3
PORT, FRONT = 8000, 8080
RECORDINGS = ("jfk", "son1", "son2", "son3", "pv-en", "pv-en2", "cities")  # English
START_PATIENCE = 180.0  # seconds
OVERLAP = 1.0  # seconds by which two captions overlap whose words were recognized twice: word times are less exact


@dataclass
class Figures:
    """Delays of final captions by the time at which readers got them; both in seconds."""

    delays: list[tuple[float, float]] = field(default_factory=list)
    events: list[tuple[str, float]] = field(default_factory=list)


class TimedReader(Reader):
    """Notes how late each caption became final, at its first arrival."""

    def __init__(self, url: str, room: Room, figures: Figures, **options: Any) -> None:
        super().__init__(url, room.name, **options)
        self._room, self._figures = room, figures

    def _take(self, event: dict[str, object]) -> None:
        known = len(self.final_since)
        super()._take(event)
        publisher = self._room.publisher
        if len(self.final_since) > known and publisher.clocks:
            caption = self.captions[next(reversed(self.final_since))]
            spoken = publisher.began + float(caption["end"]) - publisher.clocks[0]
            now = time.monotonic()
            self._figures.delays.append((now, now - spoken))


class Room:
    """A channel with a source and its readers, who have one address."""

    def __init__(self, url: str, number: int, samples: Samples, readers: int, token: str, figures: Figures) -> None:
        self.name = f"room-{number}"
        options = {"additional_headers": _authorize(token), "local_addr": (_address(number), 0)}
        self.publisher = Publisher(url, f"Host-{number}", samples, self.name, **options)
        self.readers = [TimedReader(url, self, figures, **options) for _ in range(readers)]


class Service:
    """`surtitle serve` in a network namespace of its own."""

    def __init__(self, number: int, folder: Path, secret: str, options: list[str]) -> None:
        self.name, self.address = f"surtitle-{number}", _service_address(number)
        self.url = f"http://{self.address}:{PORT}"
        self._log = folder / f"{self.name}.log"
        command = ["ip", "netns", "exec", self.name, sys.executable, "-m", "surtitle", "serve", "--host", "0.0.0.0"]
        command += ["--port", str(PORT), "--data-dir", str(folder / self.name)]
        command += ["--language", "en", "--public-url", f"http://{NETWORK}.1:{FRONT}"]
        self._command = [*command, *options]
        self._environment = {**os.environ, "SURTITLE_SERVE_SECRET": secret}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environment, stdout=asyncio.subprocess.DEVNULL, stderr=log
            )
        deadline = time.monotonic() + START_PATIENCE
        async with httpx.AsyncClient() as client:
            while time.monotonic() < deadline and self._process.returncode is None:
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.get(f"{self.url}/readyz")
                    if answer.status_code == 200 and not (await client.get(f"{self.url}/healthz")).json().get("notice"):
                        return
                await asyncio.sleep(0.1)
        raise RuntimeError(f"{self.name} does not start:\n{self._log.read_text(errors='replace')}")

    async def stop(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await asyncio.wait_for(self._process.wait(), 60)

    def usage(self) -> tuple[float, int]:
        """Seconds of processor time, and bytes of memory."""
        if self._process is None or self._process.returncode is not None:
            return 0.0, 0
        tree = psutil.Process(self._process.pid)
        processes = [tree, *tree.children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in processes), sum(one.memory_info().rss for one in processes)

    def tracebacks(self) -> int:
        return self._log.read_text(errors="replace").count("Traceback")


@contextmanager
def network(rooms: int, namespaces: Mapping[str, str]) -> Iterator[None]:
    """A bridge with an address for each room, and ``namespaces`` by their names, each with its address."""
    _ip("link", "add", BRIDGE, "type", "bridge")
    try:
        _ip("addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for room in range(rooms):
            _ip("addr", "add", f"{_address(room)}/32", "dev", BRIDGE)
        for number, (name, address) in enumerate(namespaces.items(), 1):
            _ip("netns", "add", name)
            _ip("link", "add", f"{BRIDGE}-{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"{BRIDGE}-{number}", "master", BRIDGE, "up")
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", name, "link", "set", device, "up")
        yield
    finally:
        for name in namespaces:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        _ip("link", "del", BRIDGE)


def _service_address(number: int) -> str:
    return f"{NETWORK}.{10 + number}"


def _address(room: int) -> str:
    return f"{NETWORK}.{100 + room}"


def _authorize(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=20)


@contextmanager
def nginx(folder: Path, services: list[Service]) -> Iterator[None]:
    """The configuration that is shipped, without TLS."""
    addresses = {f"{service.name}:8000": f"{service.address}:{PORT}" for service in services}
    listen = f"{NETWORK}.1:{FRONT}"
    text = read_shipped_nginx(listen, folder / "access.log", addresses, {"captions.example": "_"})
    with run_nginx("nginx", folder, text, connections=8192):
        yield


def speech(room: int, seconds: float, pause: float) -> Samples:
    """What is said in a room: the recordings in an order of its own, each with ``pause`` seconds after it."""
    parts = [np.zeros(int(pause * RATE * ((room * 0.37) % 1.0)), dtype=np.float32)]
    number = room
    while sum(map(len, parts)) < seconds * RATE:
        file = SHARED / f"{RECORDINGS[number % len(RECORDINGS)]}.flac"
        parts += [_load(file), np.zeros(int(pause * RATE), dtype=np.float32)]
        number += 1
    return np.concatenate(parts)


@cache
def _load(file: Path) -> Samples:
    return np.concatenate(list(resample_blocks(decode(str(file)))))


async def measure(model: Model, folder: Path, options: argparse.Namespace) -> dict[str, object]:
    figures, secret, bus = Figures(), secrets.token_hex(32), RedisServer(folder, f"{NETWORK}.1")
    machines = {f"machine-{number}": f"{NETWORK}.{20 + number}" for number in range(1, options.replicas + 1)}
    hosts = {f"surtitle-{number}": _service_address(number) for number in range(1, SERVICES + 1)}
    async with AsyncExitStack() as stack:
        stack.enter_context(network(options.rooms, hosts | machines))
        database = stack.enter_context(postgresql(_folder(folder, "database"), f"{NETWORK}.1"))
        bus.start()
        stack.callback(bus.kill)
        shared = ["--bus", bus.url, "--database", database.database(), "--trust-proxy", f"{NETWORK}.1"]
        shared += options.serve.split()
        pool = None
        if machines:
            pool = RayNodes(_folder(folder, "pool"), f"{NETWORK}.1", machines, model.name, model.directory)
            stack.callback(pool.stop)
            await asyncio.to_thread(pool.start)
            shared += ["--inference", pool.url, "--model", f"pool:{model.name}"]
        else:
            shared += ["--engine", "whisper", "--model", str(model.directory)]
        services = [Service(number, folder, secret, shared) for number in range(1, SERVICES + 1)]
        stack.enter_context(nginx(_folder(folder, "nginx"), services))
        stack.push_async_callback(_stop_all, services)
        await asyncio.gather(*(service.start() for service in services))
        url, token = f"http://{NETWORK}.1:{FRONT}", _issue_token(folder, secret)
        steps = _steps(services, bus, database) + (_pool_steps(pool, machines) if pool else [])
        seconds = options.calm * (len(steps) + 1)
        share = options.readers // options.rooms
        rooms = [
            Room(url, number, speech(number, 2 * seconds, options.pause), share, token, figures)
            for number in range(options.rooms)
        ]
        publishing = await stack.enter_async_context(_running(one.publisher.run() for one in rooms))
        await stack.enter_async_context(_running(reader.run() for room in rooms for reader in room.readers))
        await asyncio.sleep(options.calm / 2)
        before, pool_before = [service.usage() for service in services], cpu_seconds(pool)
        await asyncio.sleep(options.calm)
        after, pool_after = [service.usage() for service in services], cpu_seconds(pool)
        for name, step in steps:
            print(name, flush=True)
            figures.events.append((name, time.monotonic()))
            await step()
            await asyncio.sleep(options.calm)
        for task in publishing:
            task.cancel()
        results = await _compare(url, token, rooms)
        tracebacks = sum(service.tracebacks() for service in services)
    return {
        "model": model.name,
        "options": vars(options),
        "load": os.getloadavg(),
        "cpu": sum(now[0] - then[0] for now, then in zip(after, before, strict=True)) / options.calm,
        "pool_cpu": (pool_after - pool_before) / options.calm,
        "memory": [memory for _, memory in after],
        "tracebacks": tracebacks,
        **results,
        **_delays(figures),
    }


def cpu_seconds(pool: RayNodes | None) -> float:
    """The processor time of all processes of a pool."""
    return sum(sum(process.cpu_times()[:2]) for process in pool.processes()) if pool else 0.0


def _steps(
    services: list[Service], bus: RedisServer, database: PostgreSQL
) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    async def kill(service: Service) -> None:
        await service.stop(signal.SIGKILL)
        await asyncio.sleep(5.0)
        await service.start()

    async def update() -> None:
        for service in services:
            await service.stop(signal.SIGTERM)
            await service.start()

    async def partition(service: Service) -> None:
        _ip("-n", service.name, "link", "set", "eth0", "down")
        await asyncio.sleep(8.0)
        _ip("-n", service.name, "link", "set", "eth0", "up")

    async def lose_bus() -> None:
        bus.kill()
        await asyncio.sleep(3.0)
        bus.start()

    async def lose_database() -> None:
        database.stop()
        await asyncio.sleep(3.0)
        await asyncio.to_thread(database.start)

    return [
        ("a service is killed, and back after 5 s", lambda: kill(services[0])),
        ("Redis is killed, and back empty after 3 s", lose_bus),
        ("PostgreSQL is killed, and back after 3 s", lose_database),
        ("a service is cut off the network for 8 s", lambda: partition(services[1])),
        ("another service is killed, and back after 5 s", lambda: kill(services[2])),
        ("all services are updated, one after the other", update),
    ]


def _pool_steps(pool: RayNodes, machines: Mapping[str, str]) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    async def kill(machine: str) -> None:
        pool.kill_node(machine)
        await asyncio.sleep(5.0)
        pool.start_node(machine)

    return [
        ("a replica is killed", lambda: asyncio.to_thread(pool.kill_replica)),
        ("a machine of the pool is killed, and back after 5 s", lambda: kill(next(iter(machines)))),
    ]


async def _compare(url: str, token: str, rooms: list[Room]) -> dict[str, object]:
    """Compare what each reader has with the transcript, once all of them have it or two minutes are over."""
    deadline = time.monotonic() + 120
    async with httpx.AsyncClient(base_url=url, headers=_authorize(token), timeout=20) as client:
        while True:
            transcripts = [await _transcript(client, room) for room in rooms]
            pairs = [(reader, found) for room, found in zip(rooms, transcripts, strict=True) for reader in room.readers]
            different = [_difference(reader.texts(), found) for reader, found in pairs if reader.texts() != found]
            if not different or time.monotonic() > deadline:
                return {
                    "captions": sum(map(len, transcripts)),
                    "different": len(different),
                    "differences": different[:20],
                    "twice": sum(_overlaps(reader) for reader, _ in pairs),
                    "clocks_changed": sum(len(set(room.publisher.clocks)) > 1 for room in rooms),
                }
            await asyncio.sleep(2.0)


async def _transcript(client: httpx.AsyncClient, room: Room) -> dict[str, str]:
    """The texts of a room's captions by their ids, from any service that answers within a minute."""
    answer = None
    for _ in range(60):
        with contextlib.suppress(httpx.HTTPError):
            answer = await client.get(f"/api/channels/{room.name}/transcript.json")
            if answer.status_code == 200:
                return {one["id"]: one["text"] for one in answer.json()["captions"]}
        await asyncio.sleep(1.0)
    raise RuntimeError(f"No service gives the transcript of {room.name}: {answer and answer.text}")


def _difference(received: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """What a reader has, and what the transcript has, by ids of captions."""
    ids = received.keys() | stored.keys()
    pairs = {key: (received.get(key), stored.get(key)) for key in ids}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _overlaps(reader: Reader) -> int:
    """How many captions begin before the one before them ends: what was said twice does."""
    spoken = sorted((one for one in reader.captions.values() if one["text"]), key=lambda one: float(one["start"]))
    return sum(after["start"] < before["end"] - OVERLAP for before, after in pairwise(spoken))


def _delays(figures: Figures) -> dict[str, object]:
    """The delays before the first event, and the worst after each, with the time until which any was unusual."""
    calm = [delay for at, delay in figures.delays if not figures.events or at < figures.events[0][1]]
    unusual = 2 * percentile(calm, 0.95)
    found = []
    for (name, began), (_, until) in pairwise([*figures.events, ("", float("inf"))]):
        during = [(at - began, delay) for at, delay in figures.delays if began <= at < until]
        late = [after for after, delay in during if delay > unusual]
        worst = max((delay for _, delay in during), default=0.0)
        found.append({"event": name, "worst": worst, "late_until": max(late, default=0.0)})
    shares = [percentile(calm, share) for share in (0.5, 0.95, 0.99)]
    return {"calm": shares, "finals": len(figures.delays), "events": found}


def _issue_token(folder: Path, secret: str) -> str:
    command = [sys.executable, "-m", "surtitle", "token", "--channel", "*", "--scope", "publish", "-q"]
    environment = {**os.environ, "SURTITLE_SERVE_SECRET": secret, "SURTITLE_SERVE_DATA_DIR": str(folder / "tokens")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


async def _stop_all(services: list[Service]) -> None:
    await asyncio.gather(*(service.stop(signal.SIGKILL) for service in services))


@asynccontextmanager
async def _running(coroutines: Iterator[Coroutine[None, None, None]]) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(one) for one in coroutines]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _folder(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="base")
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--readers", type=int, default=1000, help="of all rooms together")
    parser.add_argument("--pause", type=float, default=45.0, help="seconds after each recording")
    parser.add_argument("--calm", type=float, default=40.0, help="seconds before the first kill, and after each")
    parser.add_argument("--replicas", type=int, default=0, help="of a pool on Ray Serve; without, services recognize")
    parser.add_argument("--serve", default="", help="more options of `surtitle serve`")
    options = parser.parse_args()
    raise_socket_limit()
    model = find(options.model, from_environment())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        figures = asyncio.run(measure(model, folder, options))
    print(figures)
    store.save("cluster", figures, [model], [])


if __name__ == "__main__":
    main()
