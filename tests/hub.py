"""A model hub on this computer: as much of its protocol as huggingface_hub needs to fetch a model."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.untrained import untrained_whisper

BASE = "Systran/faster-whisper-base.en"

_COMMIT = "c" * 40
_PIECE = 1 << 16  # bytes


class FakeHub:
    """Holds repositories: names of files and what is in them. ``open`` closed holds the large ones half way."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.put(BASE, untrained_whisper())
        self.open = threading.Event()
        self.open.set()
        self.cuts = 0  # connections to cut in the middle of a large file
        self.status = 0  # to answer everything with
        self.fetched: list[str] = []  # files that were asked for
        self.sent = 0  # bytes of large files

    def put(self, repository: str, directory: Path) -> None:
        """Let it hold the files of a directory."""
        self.repositories[repository] = {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """The hub, for as long as the block lasts."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = hub = FakeHub(f"http://127.0.0.1:{server.server_address[1]}")
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield hub
    finally:
        hub.open.set()
        server.shutdown()
        server.server_close()
        serving.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: FakeHub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may break off."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> FakeHub:
        assert isinstance(self.server, _Server)
        return self.server.hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if self.hub.status:
            self._say(self.hub.status, {"error": "out of order"})
        elif path == "/":
            self._say(200, {})
        elif found := re.fullmatch(r"/api/models/(.+)", path):
            self._repository(found[1])
        elif found := re.fullmatch(r"/(.+)/resolve/main/(.+)", path):
            self._file(found[2], self.hub.repositories[found[1]][found[2]])
        else:
            self._say(404, {"error": "nothing here"})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Tests are quiet."""

    def _repository(self, name: str) -> None:
        files = self.hub.repositories.get(name)
        if files is None:
            self._say(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        else:
            siblings = [{"rfilename": file, "size": len(content)} for file, content in files.items()]
            self._say(200, {"id": name, "sha": _COMMIT, "siblings": siblings})

    def _say(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for key, text in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(key, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _file(self, name: str, content: bytes) -> None:
        begin = int(found[1]) if (found := re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))) else 0
        self.send_response(206 if begin else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", _COMMIT)
        self.send_header("Content-Length", str(len(content) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        self.hub.fetched.append(name)
        for at in range(begin, len(content), _PIECE):
            large = len(content) > 1 << 20
            if large and at > len(content) // 2:
                self.hub.open.wait(30)
                if self.hub.cuts:
                    self.hub.cuts -= 1
                    self.close_connection = True
                    return
            self.hub.sent += large * len(content[at : at + _PIECE])
            self.wfile.write(content[at : at + _PIECE])
