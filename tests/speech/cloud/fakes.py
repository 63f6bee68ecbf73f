"""Stand-ins for the clouds, which answer by their protocols and can fail in every way.

They recognize a sound of which each second has a level of its own: the first says "w1", the second "w2". So a test sees
which audio arrived, in which order, and whether any came twice.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from surtitle.audio import RATE, Samples

LEVEL = 100  # of the first second, in steps of 16-bit samples


def sound(count: int, first: int = 1) -> Samples:
    """``count`` seconds, which say "w1", "w2" and so on."""
    levels = np.arange(first, first + count, dtype=np.float32) * LEVEL / 32768
    return np.repeat(levels, RATE).astype(np.float32)


@dataclass
class FakeCloud:
    """A server; what it does can be changed while it runs."""

    serve_connection: Callable[[FakeCloud, ServerConnection], None]
    requests: list[Request] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)  # other than audio
    refusal: tuple[int, dict[str, str], str] | None = None  # status, headers and body of the answer to the handshake
    drops: list[float] = field(default_factory=list)  # seconds of audio after which a connection is lost, each once
    recognize: Callable[[bytes, int], list[str]] = field(default_factory=lambda: name_level)
    """The words of a second of audio, given the number of seconds of the utterance before it."""
    finalizes: bool = True  # whether it answers the end of an utterance
    heard: float = 0.0  # seconds of audio
    port: int = 0
    _server: Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def query(self) -> dict[str, list[str]]:
        """That of the newest request."""
        return parse_qs(urlsplit(self.requests[-1].path).query)

    def sent(self, kind: str) -> list[Any]:
        return [message for message in self.messages if message.get("type") == kind]

    def start(self) -> None:
        self._server = serve(
            lambda connection: self.serve_connection(self, connection),
            "127.0.0.1",
            self.port,
            process_request=self._check,
            compression=None,
        )
        self.port = self._server.socket.getsockname()[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()

    def add_audio(self, connection: ServerConnection, seconds: float) -> bool:
        """Note audio. Returns whether the connection is lost now."""
        self.heard += seconds
        if self.drops and self.heard >= self.drops[0]:
            self.drops.pop(0)
            connection.close(1011, "overloaded")
            return True
        return False

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if self.refusal is None:
            return None
        status, headers, body = self.refusal
        response = connection.respond(status, body)
        for name, value in headers.items():
            response.headers[name] = value
        return response


@contextmanager
def running_cloud(serve_connection: Callable[[FakeCloud, ServerConnection], None]) -> Iterator[FakeCloud]:
    cloud = FakeCloud(serve_connection)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()


def serve_deepgram(cloud: FakeCloud, connection: ServerConnection) -> None:
    """Sends the words of each second when the second is complete, and an interim result of the first half."""
    audio, done, first, told = b"", 0, 0, 0

    def send(end: float, words: list[str], **flags: bool) -> None:
        length = 1.0 / max(1, len(words))
        found = [
            {
                "word": word,
                "start": done + length * (at + 0.1),
                "end": min(end, done + length * (at + 0.9)),
                "confidence": 0.9,
            }
            for at, word in enumerate(words)
        ]
        alternative = {"transcript": " ".join(words), "confidence": 0.9, "words": found, "languages": ["fr"]}
        flags = {"is_final": True, "speech_final": False, "from_finalize": False, **flags}
        result = {"type": "Results", "start": done, "duration": end - done, "channel": {"alternatives": [alternative]}}
        connection.send(json.dumps({**result, **flags}))

    def rest() -> bytes:
        return audio[done * 2 * RATE :]

    try:
        for message in connection:
            if isinstance(message, str):
                command = json.loads(message)
                cloud.messages.append(command)
                if command["type"] == "Finalize" and cloud.finalizes:
                    words = cloud.recognize(rest(), done - first) if len(rest()) >= RATE else []
                    send(len(audio) / 2 / RATE, words, from_finalize=True)
                    done = first = told = -(-len(audio) // (2 * RATE))
                    audio += bytes(done * 2 * RATE - len(audio))
                continue
            audio += message
            if cloud.add_audio(connection, len(message) / 2 / RATE):
                return
            while len(rest()) >= 2 * RATE:
                send(done + 1.0, cloud.recognize(rest()[: 2 * RATE], done - first))
                done = told = done + 1
            if told == done and len(rest()) >= RATE:
                told += 1
                send(len(audio) / 2 / RATE, cloud.recognize(rest(), done - first), is_final=False)
    except ConnectionClosed:
        pass


def serve_openai(cloud: FakeCloud, connection: ServerConnection) -> None:
    """Sends the words of each second as a delta when the second is complete; a commit ends the item."""
    rate = 24_000
    audio, done, item = b"", 0, 0
    connection.send(json.dumps({"type": "session.created", "session": {}}))

    def send(kind: str, **more: Any) -> None:
        kind = f"conversation.item.input_audio_transcription.{kind}"
        connection.send(json.dumps({"type": kind, "item_id": f"item{item}", "content_index": 0, **more}))

    words: list[str] = []
    try:
        for message in connection:
            command = json.loads(message)
            if command["type"] == "input_audio_buffer.append":
                data = base64.b64decode(command["audio"])
                audio += data
                if cloud.add_audio(connection, len(data) / 2 / rate):
                    return
                while len(audio) >= (done + 1) * 2 * rate:
                    for word in cloud.recognize(audio[done * 2 * rate : (done + 1) * 2 * rate], done):
                        words.append(word)
                        send("delta", delta=" " + word if len(words) > 1 else word)
                    done += 1
                continue
            cloud.messages.append(command)
            if command["type"] == "session.update":
                connection.send(json.dumps({"type": "session.updated", "session": command["session"]}))
            elif command["type"] == "input_audio_buffer.commit" and cloud.finalizes:
                connection.send(json.dumps({"type": "input_audio_buffer.committed", "item_id": f"item{item}"}))
                rest = audio[done * 2 * rate :]
                words += cloud.recognize(rest, done) if len(rest) >= rate else []
                send("completed", transcript=" ".join(words), languages=[{"code": "fr"}], usage={"type": "duration"})
                audio, done, item, words = b"", 0, item + 1, []
    except ConnectionClosed:
        pass


def name_level(audio: bytes, second: int) -> list[str]:
    """The word of a second of `sound`, by the level of most of it."""
    return [f"w{round(float(np.median(np.frombuffer(audio, dtype='<i2'))) / LEVEL)}"]
