"""What several tests need: a running service, a publisher, speech, and the error rate of words."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import wave
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jiwer
import numpy as np
import pytest
from filelock import FileLock, Timeout
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from surtitle.audio import RATE, Samples
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks
from surtitle.audio.pcm import to_pcm
from surtitle.captions.caption import Caption
from surtitle.core.settings import SPEAKER_MODEL, Access, Limits, Settings
from surtitle.core.words import Word
from surtitle.demo import SAMPLE
from surtitle.web.server import Server

NODE = 20  # the oldest whose test runner can set the clock
VOICES = ("rms", "slt", "awb")
PATIENT = Limits(lag_budget=60.0)
"""A busy machine is behind for a while. Within the usual limit it would skip audio, and its words would be missing."""
TRANSLATION_MODEL = str(Path(__file__).parent / "trained_models" / "nllb" / "converted")


def missing(reason: str) -> NoReturn:
    """What a test needs is not here: a person's tests are skipped, and CI's fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def need(tool: str) -> str:
    """The path of a program."""
    path = shutil.which(tool)
    if path is None:
        missing(f"{tool} is not installed: `make test` as root installs it, or see docs/development.md")
    return path


@cache
def need_node() -> str:
    """The path of Node.js, new enough."""
    node = need("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    if int(version.strip("v\n").split(".")[0]) < NODE:
        missing(f"node {version.strip()} is too old: these tests need {NODE} or newer")
    return node


def need_package(file: str) -> Path:
    """A file of an npm package that package.json names."""
    path = Path(__file__).parents[1] / "node_modules" / file
    if not path.exists():
        missing("npm's packages are not installed: `make install` does it, or `npm ci`")
    return path


# below are ports that browsers refuse; above, systems choose ports for connections, perhaps before a server starts
_PORTS = range(10_100, 32_000)
_SLICES = 50  # processes of tests that run at the same time
_RANDOM = random.SystemRandom()  # a seed that tests set would make all processes choose the same
_LOCKS: list[FileLock] = []


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, and which no other process of tests gets."""
    while True:
        port = next(_own_ports())
        with suppress(OSError), socket.socket() as probe:
            if os.name == "posix":  # a process that a thread starts now inherits the socket for a moment
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


@cache
def _own_ports() -> Iterator[int]:
    """Ports of this process, each as late as possible a second time: a test may use its port much later."""
    ports = list(_PORTS[_own_slice() :: _SLICES])
    _RANDOM.shuffle(ports)
    return itertools.cycle(ports)


def _own_slice() -> int:
    user = getattr(os, "getuid", lambda: 0)()
    folder = Path(tempfile.gettempdir()) / f"surtitle-test-ports-{user}"
    folder.mkdir(exist_ok=True)
    for number in range(_SLICES):
        lock = FileLock(folder / f"{number}.lock")
        with suppress(Timeout):
            lock.acquire(timeout=0)
            _LOCKS.append(lock)  # until the process ends
            return number
    return _RANDOM.randrange(_SLICES)


@asynccontextmanager
async def running(
    limits: Limits = PATIENT,
    *,
    engine: str = "pocketsphinx",
    model: str | None = None,
    language: str = "auto",
    port: int | None = None,
    data_dir: Path | None = None,
    transcripts: Path | None = None,
    database: str | None = None,
    bus: str | None = None,
    recordings: str | None = None,
    access: Access = Access(),
    allow_origin: tuple[str, ...] = (),
    translation_model: str | None = None,
    speaker_model: str = SPEAKER_MODEL,
    compat_channel: str | None = None,
    vosk_port: int | None = None,
    wyoming_port: int | None = None,
    private_outputs: bool = False,
    tenant_separator: str = "",
) -> AsyncIterator[Running]:
    """Run the real service, by default on a free port."""
    settings = Settings(
        port=port or free_port(),
        engine=engine,
        model=model,
        language=language,
        data_dir=data_dir,
        transcripts=transcripts,
        database=database,
        bus=bus,
        recordings=recordings,
        translation_model=translation_model,
        speaker_model=speaker_model,
        limits=limits,
        access=access,
        allow_origin=allow_origin,
        compat_channel=compat_channel,
        vosk_port=vosk_port,
        wyoming_port=wyoming_port,
        private_outputs=private_outputs,
        tenant_separator=tenant_separator,
    )
    server = Server(settings)
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.wait_for(server.ready.wait(), 10)
        yield Running(settings.url, server)
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, 30)


@dataclass
class Running:
    """Where a service is; `app` is its application."""

    url: str
    server: Server

    @property
    def app(self) -> Any:
        return self.server.config.app

    @property
    def services(self) -> Any:
        """Its parts, `surtitle.web.services.Services`."""
        return self.app.state.services

    @property
    def sockets(self) -> str:
        return self.url.replace("http", "ws", 1)

    def publisher(self, channel: str = "main") -> Any:
        """A connection for audio, to be used by `async with`."""
        return connect(f"{self.sockets}/api/channels/{channel}/audio", proxy=None, max_size=None)

    def reader(self, channel: str = "main", query: str = "") -> Any:
        """A connection for captions. It has no bound, because one that is full would take ten seconds to close."""
        return connect(f"{self.sockets}/api/channels/{channel}/captions{query}", proxy=None, max_queue=None)


@dataclass
class PublisherReplies:
    """All that the service said to a publisher."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = None

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("type") == kind]

    @property
    def text(self) -> str:
        return " ".join(message["text"] for message in self.of("final"))

    @property
    def error(self) -> str | None:
        """The code of the error that was told, if any."""
        return next((str(message["code"]) for message in self.of("error")), None)


def put(service: Running, channel: str, key: str, rev: int, text: str, tentative: str = "", **more: Any) -> None:
    """Publish a revision of a caption; its words take a second from ``start`` on."""
    start, spaced, source = more.pop("start", 1.0), more.pop("spaced", True), more.pop("source", "Host")
    words, rest = (
        tuple(Word(part, start, start + 1, spaced=spaced) for part in said.split()) for said in (text, tentative)
    )
    service.services.hub.channel(channel).original.put(Caption(key, rev, source, "en", words, rest, **more))


def speak(service: Running, channel: str, key: str, rev: int, text: str, tentative: str = "", **more: Any) -> None:
    """Publish a revision of a caption as if the channel's only source had recognized it: see `put`."""
    (source,) = service.services.hub.sources.of(service.services.hub.channel(channel))
    put(service, channel, key, rev, text, tentative, source=source.name, **more)
    source.feed.publish_caption(source.channel.original.unnamed_caption(key))


async def readers(service: Running, channel: str, count: int) -> None:
    """Wait until so many read a channel."""
    await until(lambda: service.services.hub.readers.of(channel) >= count)


async def listen(socket: ClientConnection, *, timeout: float = 60) -> PublisherReplies:
    """Everything until the service closes the connection."""
    said = PublisherReplies()
    try:
        async with asyncio.timeout(timeout):
            async for message in socket:
                said.messages.append(json.loads(message))
    except ConnectionClosed:
        pass
    said.code = socket.close_code
    return said


async def publish(
    service: Running, samples: Samples, *, channel: str = "main", pace: float | None = None, **start: Any
) -> PublisherReplies:
    """Send 16 kHz samples, at ``pace`` times real time or as fast as they are taken, and wait for the end."""
    async with service.publisher(channel) as socket:
        await socket.send(json.dumps({"op": "start", "rate": RATE, "source": "test", **start}))
        listening = asyncio.create_task(listen(socket, timeout=120))
        for block in blocks(samples, RATE // 10):
            await socket.send(to_pcm(block))
            if pace:
                await asyncio.sleep(len(block) / RATE / pace)
        await socket.send('{"op":"end"}')
        return await listening


def sources(service: Running, channel: str) -> list[str]:
    """The names of a channel's sources."""
    hub = service.services.hub
    return [source.name for source in hub.sources.of(hub.channel(channel))]


async def transcript(service: Running, channel: str) -> str:
    """The final captions of a channel, as text."""
    return str(await service.services.hub.channel(channel).original.transcript("txt"))


async def settled(service: Running, channel: str, *, timeout: float = 60) -> str:
    """Wait until nobody has spoken for a while, all sound is recognized and every caption is final; the transcript."""
    found = service.services.hub.channel(channel)
    sources = service.services.hub.sources
    quiet = 0.0
    async with asyncio.timeout(timeout):
        while quiet < 1.5:
            await asyncio.sleep(0.1)
            seen = [source.snapshot() for source in sources.of(found)]
            busy = any(source["speaking"] or source["waiting"] > 0.5 for source in seen)
            captions = found.original.captions
            done = captions and all(caption.final for caption in captions) and not busy
            quiet = quiet + 0.1 if done else 0.0
    return await transcript(service, channel)


async def until(true: Callable[[], bool], *, timeout: float = 30) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(timeout):
        while not true():
            await asyncio.sleep(0.02)


def blocks(samples: Samples, size: int) -> Iterable[Samples]:
    for at in range(0, len(samples), size):
        yield samples[at : at + size]


@cache
def speech(text: str, voice: str = "rms") -> Samples:
    """``text`` read aloud by flite, 16 kHz, with half a second of silence before and a second after."""
    flite = need("flite")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run([flite, "-voice", voice, "-t", text, "-o", str(path)], check=True, timeout=60)
        spoken = load(path)
    return np.concatenate((silence(0.5), spoken, silence(1.0)))


def load(path: Path) -> Samples:
    """An audio file as 16 kHz mono samples."""
    return np.concatenate(list(resample_blocks(decode(str(path)))))


def sample_text() -> str:
    """What is said in the demo's sample."""
    lines = SAMPLE.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return " ".join(line.partition(": ")[2] for line in lines)


def as_wav(samples: Samples) -> bytes:
    """16 kHz samples as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", ""))
        writer.writeframes(to_pcm(samples))
    return file.getvalue()


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def error_rate(truth: str, heard: str) -> float:
    """Word error rate without regard to case and punctuation."""
    return float(jiwer.wer(_plain(truth), _plain(heard)))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())
