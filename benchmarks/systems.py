"""The systems that are measured: how each is started, and how each is talked to over its own WebSocket."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks import whisperlivekit
from benchmarks.models import Model
from benchmarks.paths import CACHE, ROOT
from benchmarks.scores import State
from benchmarks.talk import Talk
from benchmarks.torch_decoder import alignment_heads
from surtitle.audio import RATE

BLOCK = 0.1  # seconds of audio in one message


@dataclass
class Answer:
    """All that a system showed for one source; times are seconds from the first sample."""

    states: list[State] = field(default_factory=list)
    languages: list[tuple[float, str]] = field(default_factory=list)  # when a language was reported, and which
    failure: str = ""

    def add(self, state: State) -> None:
        if not self.states or (self.states[-1].committed, self.states[-1].shown) != (state.committed, state.shown):
            self.states.append(state)


@dataclass(frozen=True)
class Start:
    """A process to start: its command, its folder, and variables to add to its environment."""

    command: list[str]
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)


class System(Protocol):
    """One server with one way to run it."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def health(self) -> str:
        """The path that says whether it is ready."""

    def start(self, model: Model, port: int, language: str) -> Start: ...

    def is_ready(self, health: dict[str, Any]) -> bool: ...

    def url(self, port: int, source: int) -> str: ...

    async def publish(self, socket: ClientConnection, talk: Talk, begun: float, answer: Answer) -> None: ...


@dataclass(frozen=True)
class Surtitle:
    """This service, from this folder or another checkout."""

    tree: Path = ROOT
    name: str = "surtitle"
    title: str = "Surtitle"
    options: tuple[str, ...] = ()
    health: str = "/healthz"
    reads_language: bool = False  # from a second connection, as readers do

    def start(self, model: Model, port: int, language: str) -> Start:
        command = [sys.executable, "-m", "surtitle", "serve", "--engine", "whisper", "--language", language]
        command += ["--model", str(model.directory), "--port", str(port), *self.options]
        return Start(
            command,
            self.tree,
            {"SURTITLE_SERVE_DATA_DIR": str(CACHE / "data"), "PYTHONPATH": str(self.tree / "service")},
        )

    def is_ready(self, health: dict[str, Any]) -> bool:
        return health.get("engine") == "whisper" and not health.get("notice")

    def url(self, port: int, source: int) -> str:
        return f"ws://127.0.0.1:{port}/api/channels/talk{source}/audio"

    async def publish(self, socket: ClientConnection, talk: Talk, begun: float, answer: Answer) -> None:
        await socket.send('{"op":"start","format":"pcm16le","rate":16000,"channels":1}')
        ready = json.loads(await socket.recv())
        url = f"ws://127.0.0.1:{socket.remote_address[1]}/api/channels/{ready.get('channel')}/captions"
        reading = asyncio.create_task(read_languages(url, begun, answer)) if self.reads_language else None
        try:
            await self._publish(socket, talk, begun, answer)
        finally:
            if reading is not None:
                reading.cancel()

    async def _publish(self, socket: ClientConnection, talk: Talk, begun: float, answer: Answer) -> None:

        async def send() -> None:
            await pace(socket.send, talk, begun)
            await socket.send('{"op":"end"}')

        captions: dict[str, tuple[str, str]] = {}
        async with asyncio.TaskGroup() as group:
            group.create_task(send())
            async for message in messages(socket):
                if message["type"] in ("partial", "final"):
                    text = message["text"]
                    captions[message["id"]] = (text[: message.get("stable", len(text))], text)
                    committed, shown = (" ".join(column) for column in zip(*captions.values(), strict=True))
                    answer.add(State(time.monotonic() - begun, committed, shown))
                elif message["type"] == "error":
                    answer.failure = message["code"]
                elif message["type"] == "end":
                    break


@dataclass(frozen=True)
class WhisperLiveKit:
    """WhisperLiveKit by one of its policies, with its other options as they are."""

    policy: str  # simulstreaming or localagreement
    name: str
    title: str
    health: str = "/health"

    def start(self, model: Model, port: int, language: str) -> Start:
        python = whisperlivekit.environment()
        command = [str(python), "-m", "whisperlivekit.basic_server", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--pcm-input", "--lan", language, "--warmup-file", "", "--log-level", "WARNING"]
        command += ["--backend-policy", self.policy]
        variables = {"HF_HUB_OFFLINE": "1"}
        if self.policy == "localagreement":
            command += ["--backend", "faster-whisper", "--model_dir", str(model.directory)]
        else:
            command += ["--encoder-model-path", str(model.directory)]
            command += ["--decoder-model-path", str(whisperlivekit.decoder(python, model))]
            command += [f"--custom-alignment-heads={alignment_heads(model.directory)}"]
        return Start(command, CACHE, variables)

    def is_ready(self, health: dict[str, Any]) -> bool:
        return bool(health.get("ready"))

    def url(self, port: int, source: int) -> str:
        return f"ws://127.0.0.1:{port}/asr"

    async def publish(self, socket: ClientConnection, talk: Talk, begun: float, answer: Answer) -> None:
        async def send() -> None:
            await pace(socket.send, talk, begun)
            await socket.send(b"")

        async with asyncio.TaskGroup() as group:
            group.create_task(send())
            async for message in messages(socket):
                if "lines" in message:
                    committed = " ".join(line["text"] or "" for line in message["lines"])
                    shown = f"{committed} {message.get('buffer_transcription', '')}"
                    answer.add(State(time.monotonic() - begun, committed, shown))
                    if message.get("error"):
                        answer.failure = str(message["error"])
                elif message.get("type") == "ready_to_stop":
                    break


SYSTEMS: tuple[System, ...] = (
    Surtitle(),
    WhisperLiveKit("simulstreaming", "wlk-alignatt", "WhisperLiveKit AlignAtt"),
    WhisperLiveKit("localagreement", "wlk-agreement", "WhisperLiveKit LocalAgreement"),
)


async def listen(system: System, port: int, source: int, talk: Talk, begun: float, patience: float) -> Answer:
    """Speak a talk from the moment ``begun`` (of the monotonic clock); ``patience`` is seconds after its end."""
    answer = Answer()
    try:
        async with (
            asyncio.timeout(begun - time.monotonic() + talk.seconds + patience),
            connect(system.url(port, source), proxy=None, max_size=None, ping_timeout=None) as socket,
        ):
            await system.publish(socket, talk, begun, answer)
    except* TimeoutError:
        answer.failure = answer.failure or f"not done {patience:.0f} s after the end"
    except* (OSError, WebSocketException) as group:
        answer.failure = answer.failure or str(_first(group))
    return answer


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def read_languages(url: str, begun: float, answer: Answer) -> None:
    """Note each language that a channel of Surtitle reports to its readers."""
    async with connect(url, proxy=None, max_size=None) as socket:
        async for message in messages(socket):
            name = {"status": "language", "caption": "lang"}.get(message["event"])
            language = message["data"].get(name) if name else None
            if language and (not answer.languages or answer.languages[-1][1] != language):
                answer.languages.append((time.monotonic() - begun, language))


async def pace(send: Callable[[bytes], Awaitable[None]], talk: Talk, begun: float) -> None:
    """Send each block when its last sample was spoken."""
    size = round(BLOCK * RATE)
    for at in range(0, len(talk.samples), size):
        block = talk.samples[at : at + size]
        await asyncio.sleep(begun + (at + len(block)) / RATE - time.monotonic())
        await send(block.astype("<i2").tobytes())


async def messages(socket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    async for message in socket:
        yield json.loads(message)
