"""Ten thousand clients that know the protocol by hearsay: HTTP requests, WebSocket messages, raw frames.

The service and its sockets are real. After all of them nothing is left, nothing was logged that should
not be, and the next client is served.
"""

from __future__ import annotations

import asyncio
import json
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surtitle.core.settings import Limits
from tests.support import Running, error_rate, publish, running, speech
from tests.web.compat.files import COMMAND
from tests.web.routes import foreign_routes, requirements

CAPTIONS = "/api/channels/main/captions"
FEW = Limits(sources=2, start_timeout=2.0, idle_timeout=2.0, resume_window=0.3, detached_flush=0.1, language_linger=0.1)
HTTP, MESSAGES, FRAMES = 4500, 2500, 3000  # cases
ROUTES = list(requirements())
PATIENCE = 10.0  # seconds in which the service has to answer


class Ear(logging.Handler):
    """Hears what nobody should have reason to log: errors, and tracebacks of any level."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.heard.append(self.format(record))


@pytest_asyncio.fixture(scope="module")
async def target() -> AsyncIterator[tuple[Running, Ear]]:
    """A service to be fuzzed; when that is over, nothing may be left of it."""
    ear = Ear()
    logging.getLogger().addHandler(ear)
    patch = pytest.MonkeyPatch()
    patch.setattr("surtitle.web.body._BODY_TIMEOUT", FEW.idle_timeout)  # many bodies are shorter than they say
    try:
        async with running(FEW) as service:
            files = service.services.file_transcriptions
            files._command, files._idle_timeout = COMMAND, 0.1
            await publish(service, speech("The weather will be fine tomorrow."))  # what stays is loaded
            async with httpx.AsyncClient(base_url=service.url) as client, client.stream("GET", CAPTIONS):
                pass
            tasks, files = await left(service)
            yield service, ear
            after = await left(service)
            assert after[0] <= tasks, [str(task) for task in asyncio.all_tasks()]
            assert after[1] <= files + 5
    finally:
        patch.undo()
        logging.getLogger().removeHandler(ear)


async def left(service: Running) -> tuple[int, int]:
    """Tasks and open files, when all clients are gone."""
    hub = service.services.hub
    async with asyncio.timeout(60):
        while service.services.connection_limits.open or any(not source.ended for source in hub.sources):
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    return len(asyncio.all_tasks()), psutil.Process().num_fds()


# What clients say. Nothing that would fetch a model, play the demo or call an OBS somewhere.

nasty = st.sampled_from(
    ["", "main", "..", "../../etc/passwd", "%00", "\0", "\r\nX-Evil: 1", "x" * 300, "é", "𝕏", "‮", "null", "0", "-1",
     "1e400", "NaN", "true", "{}", "[]", "<script>", "${1}", "'; DROP TABLE channels; --", "9" * 400, "style", "c1"]
)  # fmt: skip
FORM = b"multipart/form-data; boundary=b"
FORM_FIELDS = st.sampled_from(
    ["file", "file", "model", "response_format", "stream", "language", "languages[]", "prompt", "keywords[]",
     "temperature", "timestamp_granularities[]", "x"]
)  # fmt: skip


def as_form(fields: list[tuple[str, str]]) -> bytes:
    """A form for those who recognize files; many of them with what such a client has to say."""
    parts = [(name, text.encode("utf-8", "replace")) for name, text in [*fields, ("model", "whisper-1")]]
    head = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    return b"".join(head % (name.encode(), text) for name, text in parts) + b"--b--\r\n"


texts = nasty | st.text(max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
fields = st.sampled_from(
    ["text", "speaker", "remember", "language", "vocabulary", "prompt", "hotwords", "replacements", "blocked", "names",
     "paused", "delay", "theme", "size", "font", "color", "lines", "columns", "mode", "fade", "channel", "scope",
     "expires", "name", "x"]
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields | texts, inner, max_size=3),
    max_leaves=6,
)
bodies = (
    st.dictionaries(fields, values, max_size=4).map(lambda told: json.dumps(told).encode())
    | values.map(lambda told: json.dumps(told).encode())
    | st.binary(max_size=60)
    | st.lists(
        st.tuples(FORM_FIELDS, texts | st.sampled_from(["words Hello.", "bad_audio x", "true", "srt"])), max_size=5
    ).map(as_form)
    | st.sampled_from([b"[" * 50_000, b'{"text":"' + b"x" * 5000 + b'"}', b"\xff\xfe", b'"\\ud800"'])
)
queries = st.dictionaries(
    st.sampled_from(["format", "rate", "channels", "lang", "source", "age", "resume", "token", "ticket", "last", "hl",
                     "captions", "captions_lang", "delay", "picture", "overlay", "x", "model", "language", "encoding",
                     "sample_rate", "keyterm", "replace", "utterances", "utt_split", "detect_language",
                     "smart_format"]),
    texts | st.sampled_from(["pcm16le", "webm", "auto", "48000", "2", "en", "12345678", "1", "30"]),
    max_size=3,
)  # fmt: skip
headers = st.lists(
    st.tuples(
        st.sampled_from([b"Host", b"Origin", b"Cookie", b"Authorization", b"Accept", b"Accept-Language", b"Upgrade",
                         b"Last-Event-ID", b"X-Surtitle-Resume", b"Transfer-Encoding", b"Content-Length", b"Connection",
                         b"Expect", b"Range", b"X", b"If-None-Match", b"Content-Type"]),
        st.binary(max_size=16)
        | st.sampled_from([b"127.0.0.1", b"chunked", b"websocket", b"Upgrade", b"0", b"99", b"-1", b"Bearer x",
                           b"text/html", b"bytes=0-0,1-", b"close", b"100-continue", b"de;q=x", FORM, b"http://evil.example"]),
    ),
    max_size=3,
)  # fmt: skip
ELSEWHERE = ("POST /api/demo", "POST /api/channels/{channel}/obs/overlay")
"""Routes that play the demo or call an OBS."""
routes = st.sampled_from([key for key in ROUTES if not key.startswith("WS ") and key not in ELSEWHERE])
HEAD = b"Host: 127.0.0.1\r\n"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """An HTTP request, more or less."""
    method, path = draw(routes).split(" ")
    for name in ("channel", "id", "id:path", "name", "form", "path:path"):
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(draw(texts).encode("utf-8", "surrogatepass")))
    method = draw(st.sampled_from([method] * 8 + ["HEAD", "OPTIONS", "TRACE", "GARBAGE", "get"]))
    if query := draw(queries):
        path += "?" + "&".join(f"{k}={quote(v.encode('utf-8', 'surrogatepass'))}" for k, v in query.items())
    body = draw(bodies) if method not in ("GET", "HEAD") else b""
    told = b"".join(name + b": " + value + b"\r\n" for name, value in draw(headers))
    told += b"Content-Type: " + FORM + b"\r\n" if body.startswith(b"--b") else b""
    length = b"" if draw(st.integers(0, 9)) == 0 else b"Content-Length: %d\r\n" % len(body)
    return f"{method} {path} HTTP/1.1\r\n".encode() + HEAD + length + told + b"\r\n" + body


starts = st.fixed_dictionaries(
    {"op": st.sampled_from(["start"] * 4 + ["end", "dance"]) | scalars},
    optional={
        "format": st.sampled_from(["pcm16le", "webm", "ogg", "auto"]) | scalars,
        "rate": st.sampled_from([8000, 16000, 192000, 0, 1 << 70]) | scalars,
        "channels": st.integers(-1, 9) | scalars,
        "lang": scalars,
        "source": scalars,
        "age": scalars,
        "channel": scalars,
        "resume": st.just("fuzzing-source") | scalars,
        "token": scalars,
    },
).map(lambda told: json.dumps(told))
events = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["session.update", "transcription_session.update", "input_audio_buffer.append", "input_audio_buffer.commit",
             "input_audio_buffer.clear", "session.input_audio_buffer.append", "session.close", "Finalize", "Configure",
             "KeepAlive", "CloseStream"]
        )
        | scalars
    },
    optional={
        "audio": st.sampled_from(["AAAA", "AAA", "=", "é"]) | scalars,
        "keyterms": st.lists(scalars, max_size=2) | scalars,
        "session": st.dictionaries(
            st.sampled_from(["type", "audio", "input_audio_format", "turn_detection", "input_audio_transcription"]),
            st.dictionaries(
                st.sampled_from(["input", "output", "type", "language", "prompt"]),
                st.dictionaries(
                    st.sampled_from(["format", "transcription", "turn_detection", "language"]), values, max_size=3
                )
                | scalars,
                max_size=3,
            )
            | scalars,
            max_size=3,
        )
        | scalars,
    },
).map(lambda told: json.dumps(told))  # fmt: skip
compat = st.one_of(
    st.dictionaries(
        st.sampled_from(["sample_rate", "words", "max_alternatives", "phrase_list", "model"]),
        scalars | st.sampled_from([8000, "16000.0", 1 << 70]) | st.lists(scalars, max_size=3),
        max_size=4,
    ).map(lambda told: json.dumps({"config": told})),
    st.sampled_from(['{"eof" : 1}', '{"reset" : 1}', '{"config":[]}', '"config"', "config", b"",
                     b"\x1a\x45\xdf\xa3xxxxxxxxx", b"OggS" + bytes(20), b"RIFF" + bytes(20),
                     b"\0\0\0\x20ftypisom" + bytes(20), bytes(3)]),
)  # fmt: skip
messages = st.lists(
    starts
    | events
    | compat
    | bodies.map(lambda told: told.decode("utf-8", "replace"))
    | st.binary(max_size=4000)
    | st.just('{"op":"end"}'),
    max_size=5,
)
FOREIGN = foreign_routes()
LISTEN = "/v1/listen"
sockets = [
    key.removeprefix("WS ").replace("{channel}", "fuzz").replace("{path:path}", "x")
    for key in ROUTES
    if key[:2] == "WS" and not (key in FOREIGN and "{channel}" in key)  # those are found at two places
]
options = st.sampled_from(
    ["", "encoding=linear16&sample_rate=8000&interim_results=true", "encoding=mulaw", "encoding=x", "sample_rate=NaN",
     "callback=http://127.0.0.1/", "language=xx", "keyterm=%00", "replace=x", "endpointing=1e400", "channels=9",
     "interim_results=perhaps", "utterance_end_ms=1", "multichannel=true", "redact=x"]
)  # fmt: skip
ASKED = (
    "mode=diff",
    "format=pcm16le",
    "mode=%00",
    "language=de-DE",
    "language=%F0",
    "target_language=en",
    "source=%00",
)
QUERIES = {LISTEN: options, "/asr": st.sampled_from(["", *ASKED])}
places = st.sampled_from(sockets).flatmap(
    lambda place: QUERIES[place].map(lambda query: f"{place}?{query}") if place in QUERIES else st.just(place)
)
frames = st.lists(
    st.tuples(
        st.integers(0, 255),  # fin, reserved bits, opcode
        st.booleans() | st.just(True),  # masked
        st.binary(max_size=130) | st.sampled_from([b"\xff\xfe", b"\x03\xe8", b"\0\x05", b"x" * 70_000]),
        st.sampled_from([None] * 6 + [0, 126, 1 << 16, 1 << 40, (1 << 64) - 1]),  # the length, or a lie about it
    )
    | st.binary(max_size=40),
    max_size=5,
)  # fmt: skip


def frame(first: int, masked: bool, payload: bytes, length: int | None) -> bytes:
    size = len(payload) if length is None else length
    mark = 0x80 if masked else 0
    if size < 126:
        head = bytes([first, mark | size])
    elif size < 1 << 16:
        head = bytes([first, mark | 126]) + struct.pack(">H", size)
    else:
        head = bytes([first, mark | 127]) + struct.pack(">Q", size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


def message(told: str | bytes) -> bytes:
    return frame(0x81, True, told.encode(), None) if isinstance(told, str) else frame(0x82, True, told, None)


def upgrade(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\n".encode() + HEAD + (
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )  # fmt: skip


async def tell(service: Running, *parts: bytes, answer: bool = True) -> bytes:
    """Say this on a new connection, hear the first of what comes back, and hang up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.rpartition(":")[2]))
    said = b""
    with suppress(ConnectionError):
        for number, part in enumerate(parts):
            writer.write(part)
            await writer.drain()
            if number == 0 and answer:
                async with asyncio.timeout(PATIENCE):
                    said = await reader.read(4096)
    writer.transport.abort()
    return said


def fuzzing(cases: int) -> settings:
    calm = list(HealthCheck)
    return settings(max_examples=cases, database=None, suppress_health_check=calm, report_multiple_bugs=False)


@fuzzing(HTTP)
@given(request=requests())
async def test_http(target: tuple[Running, Ear], request: bytes) -> None:
    service, ear = target
    said = await tell(service, request + b"\r\n\r\n")
    if said:
        status = int(said.split(b" ", 2)[1])
        assert status < 500, (request, said)
        assert b"\nX-Evil" not in said.partition(b"\r\n\r\n")[0]
    assert ear.heard == []


@fuzzing(MESSAGES)
@given(place=places, told=messages)
async def test_messages(target: tuple[Running, Ear], place: str, told: list[str | bytes]) -> None:
    service, ear = target
    parts = [message(one) for one in told]
    said = await tell(service, upgrade(place), *parts)
    assert said.startswith((b"HTTP/1.1 101", b"HTTP/1.1 4"))  # some protocols refuse by a status
    assert ear.heard == []


@fuzzing(FRAMES)
@given(place=places, told=frames)
async def test_frames(target: tuple[Running, Ear], place: str, told: list[Any]) -> None:
    service, ear = target
    parts = [one if isinstance(one, bytes) else frame(*one) for one in told]
    said = await tell(service, upgrade(place), *parts)
    assert said.startswith((b"HTTP/1.1 101", b"HTTP/1.1 4"))  # some protocols refuse by a status
    assert ear.heard == []


async def test_the_next_client_is_served(target: tuple[Running, Ear]) -> None:
    service, ear = target
    assert HTTP + MESSAGES + FRAMES >= 10_000
    await left(service)
    text = "The weather will be fine tomorrow."
    said = await publish(service, speech(text), channel="next")
    assert error_rate(text, said.text) < 0.3
    async with httpx.AsyncClient(base_url=service.url) as client:
        for path in ("/", "/healthz", "/metrics", "/api/channels", "/view/next"):
            assert (await client.get(path)).status_code == 200
    assert ear.heard == []
