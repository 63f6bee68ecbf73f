"""Services that take captions, as far as outputs use them: each checks what it gets, and fails when a test wants it to.

The fake of YouTube is itself checked with `lcyt`, in test_lcyt.py. The others follow the descriptions of their makers.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from tests.support import free_port

SECRET = "s3cret-of-the-link"


@dataclass
class Request:
    """A request as it arrived, at ``at`` seconds by `time.monotonic`."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str
    at: float


@dataclass
class FakeTarget:
    """Answers with ``statuses``, one for each request, and then as it should; ``answering`` closed makes it slow."""

    port: int
    path: str = "/closedcaption"
    statuses: list[int] = field(default_factory=list)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[Request] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    started: bool = True  # the meeting or stream
    retry_after: str = ""  # seconds, with each of ``statuses``
    cuts: int = 0  # connections to break off instead of answering, after the request was taken

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}?id={SECRET}&signature=a%2Fb%3D"

    def take(self, request: Request) -> tuple[int, str]:
        """The answer to a request."""
        self.texts.append(request.body)
        return 200, ""

    def check(self, right: bool, problem: str) -> None:
        """Note that a request is not what the service expects."""
        if not right:
            self.problems.append(problem)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        method, address, _ = first.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
        parts = urlsplit(address)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        request = Request(method, parts.path, query, headers, body, time.monotonic())
        self.requests.append(request)
        wait = ""
        if self.statuses:
            status, text = self.statuses.pop(0), ""
            wait = f"Retry-After: {self.retry_after}\r\n" if self.retry_after else ""
        else:
            status, text = self.take(request)
        if self.cuts:
            self.cuts -= 1
            return False
        await self.answering.wait()
        location = "Location: /elsewhere\r\n" if 300 <= status < 400 else ""
        writer.write(f"HTTP/1.1 {status} X\r\n{location}{wait}Content-Length: {len(text)}\r\n\r\n{text}".encode())
        await writer.drain()
        return True


@dataclass
class FakeYouTube(FakeTarget):
    """Checks the number, the form and the time of each text; its clock is ``ahead`` seconds ahead."""

    ahead: float = 0.0
    last: int | None = None
    times: list[float] = field(default_factory=list)

    def take(self, request: Request) -> tuple[int, str]:
        now = time.time() + self.ahead
        self.check(request.method == "POST", f"method {request.method}")
        self.check(request.headers.get("content-type") == "text/plain", f"type {request.headers.get('content-type')}")
        number = int(request.query.get("seq", "-1"))
        answer = datetime.fromtimestamp(now, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        if not request.body:
            return 200, answer
        if number == self.last:
            return 200, answer  # sent again: it is not shown again
        self.check(self.last is None or number == self.last + 1, f"number {number} after {self.last}")
        self.last = number
        self.check(request.body.endswith("\n"), "no line feed at the end")
        lines = request.body.removesuffix("\n").split("\n")
        for at, text in zip(lines[::2], lines[1::2], strict=True):
            self.check(len(at) == len("2026-11-29T19:33:35.830"), f"time {at}")
            seconds = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
            self.check(abs(seconds - now) < 60, f"{at} is not within a minute of {answer}")
            early = bool(self.times) and seconds < self.times[-1] - 0.5  # clocks differ a little after a restart
            self.check(not early, f"{at} is earlier than the text before")
            self.times.append(seconds)
            self.texts.append(text)
        return 200, answer


@dataclass
class FakeZoom(FakeTarget):
    """Refuses numbers that are not higher than the last, and tells the last one."""

    last: int = 0
    languages: set[str] = field(default_factory=set)

    def take(self, request: Request) -> tuple[int, str]:
        if not self.started:
            return 400, ""
        if request.query.get("id") != SECRET:
            return 403, ""
        if request.method == "GET":
            self.check(request.path == self.path + "/seq", f"GET {request.path}")
            return 200, str(self.last)
        self.check(request.headers.get("content-type", "").startswith("text/plain"), "type")
        self.check(request.body.endswith("\n"), "no line feed at the end")
        number = int(request.query["seq"])
        if number != self.last + 1:
            return 403, ""
        self.last = number
        self.languages.add(request.query["lang"])
        self.texts.append(request.body.removesuffix("\n"))
        return 200, ""


@dataclass
class FakeTeams(FakeTarget):
    """Shows each text as a line of its own."""

    path: str = "/cartcaption"

    def take(self, request: Request) -> tuple[int, str]:
        if not self.started:
            return 404, ""
        self.check(len(request.body) <= 120, f"{len(request.body)} characters")
        self.check("\n" not in request.body, "several lines")
        self.check("seq" not in request.query, "a number")
        self.texts.append(request.body)
        return 200, ""


@dataclass
class FakeWebex(FakeTarget):
    """Takes any line."""

    def take(self, request: Request) -> tuple[int, str]:
        self.texts.append(request.body.removesuffix("\n"))
        return (200, "") if self.started else (400, "")


@dataclass
class FakeWebhook(FakeTarget):
    """Decodes captions."""

    def take(self, request: Request) -> tuple[int, str]:
        caption = json.loads(request.body)
        self.check(caption["event"] == "caption", f"event {caption['event']}")
        self.check(caption["final"] and not caption["tentative"], "a caption that is not final")
        self.texts.append(caption["text"])
        return 200, ""


@dataclass
class FakeVMix(FakeTarget):
    """Has one title with one field."""

    def take(self, request: Request) -> tuple[int, str]:
        query = request.query
        if request.path != "/API/" or query.get("Function") != "SetText":
            return 404, ""
        if (query["Input"], query["SelectedName"]) != ("Captions", "Message.Text"):
            return 500, "Function returned False"
        self.texts.append(query["Value"])
        return 200, "Function completed successfully."


@asynccontextmanager
async def serving(target: FakeTarget, tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeTarget]:
    """Let a target answer for as long as the block runs."""
    target.answering.set()
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await target.serve(reader, writer)
        except asyncio.CancelledError:
            pass  # a server logs that, which fails the test
        finally:
            connections.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", target.port, ssl=tls)
    try:
        yield target
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


def new_port() -> int:
    return free_port()


@contextmanager
def no_problems(target: FakeTarget) -> Iterator[None]:
    """Fail if the target got something that the service would not expect."""
    yield
    assert target.problems == []
