"""A thousand readers of one channel: how soon does each have a caption, and what does it cost?

They are one process, with one protocol object each, so that little of what is measured is the client's. Then a hundred
of them stop reading.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psutil
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from benchmarks import store
from benchmarks.paths import CACHE, ROOT
from benchmarks.runs import Broken, fetch, free_port
from benchmarks.scores import percentile
from benchmarks.speaker import CHANNEL, TEXT
from surtitle.web.server import raise_socket_limit

PAUSE = 0.25  # seconds from one revision to the next: about as fast as people speak
BATCH = 50  # readers that connect at once
SMALL = 4096  # bytes buffered for a reader that stops reading: it is disconnected after a minute rather than an hour
LAST = 30.0  # seconds that the last captions may take
SHARES = (0.5, 0.95, 0.99)


class Reader(asyncio.Protocol):
    """One reader: notes when captions arrive. The WebSocket is spoken by the library, without its queues and tasks."""

    def __init__(self, url: str) -> None:
        self._socket = ClientProtocol(parse_uri(url), max_size=None)
        self.opened = asyncio.get_running_loop().create_future()
        self.delays: list[float] = []
        self.finals: list[str] = []
        self.lost = False
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._socket.send_request(self._socket.connect())
        self._send()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._socket.receive_data(data)
        for event in self._socket.events_received():
            if not isinstance(event, Frame):
                self.opened.set_result(event)
            elif event.opcode is Opcode.TEXT:
                self._note(now, json.loads(bytes(event.data))["data"])
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True

    def _note(self, now: float, caption: dict[str, Any]) -> None:
        self.delays.append(now - float(caption["speaker"]))
        if caption["final"]:
            self.finals.append(caption["id"])

    def _send(self) -> None:
        for data in self._socket.data_to_send():
            self.transport.write(data)


async def readers(count: int, captions: int) -> None:
    """Measure both stages and write what came out. Raises `Broken`."""
    raise_socket_limit()
    async with _speaker() as (port, process):
        url = f"ws://127.0.0.1:{port}/api/channels/{CHANNEL}/captions"
        stopping = count // 10
        everyone: list[Reader] = []
        for at in range(0, count, BATCH):
            numbers = range(at, min(count, at + BATCH))
            everyone += await asyncio.gather(*(_connect(port, url, number < stopping) for number in numbers))
        quiet, rest = everyone[:stopping], everyone[stopping:]
        service = psutil.Process(process.pid)
        before = service.memory_info().rss
        reading = await _stage(process, service, "all", captions, everyone)
        print(f"{count} read: {json.dumps(reading)}", flush=True)
        for one in quiet:
            one.transport.pause_reading()
        stopped = await _stage(process, service, "most", 2 * captions, rest)
        after = service.memory_info().rss
        print(f"{stopping} of them stopped: {json.dumps(stopped)}", flush=True)
        left = int((await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/api/channels/{CHANNEL}"))["readers"])
        for one in quiet:
            one.transport.resume_reading()
        await _until(lambda: all(one.lost or len(set(one.finals)) == 3 * captions for one in quiet))
        figures = {
            "readers": count,
            "stopping": stopping,
            "pause": PAUSE,
            "let_go": count - left,
            "missed": sum(len(set(one.finals)) < 3 * captions and not one.lost for one in quiet),
            "memory": [before, after],
            "all": reading,
            "most": stopped,
        }
        for one in everyone:
            one.transport.abort()
    store.save("readers", figures)


async def _connect(port: int, url: str, small: bool) -> Reader:
    loop = asyncio.get_running_loop()
    plain = socket.socket()
    plain.setblocking(False)
    if small:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    await loop.sock_connect(plain, ("127.0.0.1", port))
    _, reader = await loop.create_connection(lambda: Reader(url), sock=plain)
    await asyncio.wait_for(reader.opened, 30)
    return reader


async def _stage(
    process: asyncio.subprocess.Process, service: psutil.Process, name: str, captions: int, those: Sequence[Reader]
) -> dict[str, Any]:
    """Let somebody speak, wait until each of the readers has every final caption, and say how that went."""
    own = psutil.Process()
    for reader in those:
        reader.delays.clear()
    begun, busy_before, service_before, own_before = time.monotonic(), _busy(), _cpu(service), _cpu(own)
    assert process.stdin
    process.stdin.write(f"{name} {captions} {PAUSE}\n".encode())
    await _told(process, name, captions * len(TEXT) * PAUSE * 3 + 60)
    wanted = {f"{name}-{number}" for number in range(captions)}
    await _until(lambda: all(wanted.issubset(reader.finals) for reader in those))
    wall, cpu, client = time.monotonic() - begun, _cpu(service) - service_before, _cpu(own) - own_before
    others = max(0.0, _busy() - busy_before - cpu - client) / wall / (psutil.cpu_count() or 1)
    delays = [delay for reader in those for delay in reader.delays]
    return {
        "captions": captions,
        "revisions": captions * len(TEXT),
        "readers": len(those),
        "received": len(delays),
        "missing_finals": sum(len(wanted.difference(reader.finals)) for reader in those),
        **{f"p{100 * share:.0f}": round(percentile(delays, share), 4) for share in SHARES},
        "longest": round(max(delays), 4),
        "cpu_per_1000": round(1000 * cpu / len(delays), 4),
        "cpu": round(cpu / wall, 3),
        "client_cpu": round(client / wall, 3),
        "load": round(others, 3),
    }


async def _until(true: Callable[[], bool]) -> None:
    """Wait until ``true`` returns True, for `LAST` seconds at most."""
    for _ in range(round(LAST / 0.2)):
        if true():
            return
        await asyncio.sleep(0.2)


@asynccontextmanager
async def _speaker() -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """The service in a process of its own. Raises `Broken`."""
    port = free_port()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "readers.log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.speaker", str(port)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        try:
            await _told(process, "ready", 60)
            yield port, process
        finally:
            assert process.stdin
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _told(process: asyncio.subprocess.Process, word: str, patience: float) -> None:
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), patience)
    if line.decode().strip() != word:
        raise Broken(f"the service ended; see {CACHE / 'readers.log'}")


def _busy() -> float:
    """Seconds that the machine's processors have worked."""
    return float(sum(psutil.cpu_times()[:3]))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
