"""A web site for the extension's tests: pages that speak, on a port of this computer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from surtitle.audio import Samples
from tests.support import as_wav

STRICT = (
    "default-src 'none'; media-src 'self'; sandbox allow-scripts; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass
class Site:
    """What is served, by path."""

    url: str
    files: dict[str, tuple[str, bytes, dict[str, str]]] = field(default_factory=dict)

    def speaks(self, name: str, samples: Samples, *, body: str = "", style: str = "", policy: str = "") -> str:
        """The address of a page named `name` that plays `samples` when its #sound is told to."""
        self.files[f"/{name}.wav"] = ("audio/wav", as_wav(samples), {})
        headers = {"Content-Security-Policy": policy} if policy else {}
        page = (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title><link rel=icon href='data:,'>"
            f"<style>body{{margin:40px;font:20px sans-serif}}{style}</style>"
            f"<h1>{name}</h1>{body}<audio id=sound src='/{name}.wav' preload=auto></audio>"
        )
        self.files[f"/{name}.html"] = ("text/html", page.encode(), headers)
        return f"{self.url}/{name}.html"


@contextmanager
def site() -> Iterator[Site]:
    """A site that is served for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body, headers = serving.files.get(self.path, ("text/plain", b"", {}))
            self.send_response(200 if self.path in serving.files else 404)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    serving = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield serving
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
