"""Checks the packaged program as a person uses it: `python scripts/check_program.py ARCHIVE`, on any system.

It unpacks the archive that scripts/build_program.py wrote into an empty home folder without Python in its path, starts
the program, reads the dashboard, waits for the first caption of the demo, starts the program a second time, lets it
replace itself by a newer version and by one that does not start, and removes it. Prints the time of each step.

With --models, the folder of a model cache is used; otherwise the model is downloaded. With --engine pocketsphinx
there is no model. Run it with the Python version that the program was built with.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import http.server
import json
import os
import py_compile
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NEWER = "99.1.0"
_TIMEOUT = 180.0  # seconds for each step
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--models", type=Path, help="a folder such as ~/.cache/huggingface/hub")
    parser.add_argument("--engine", default="auto")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Check(Path(folder).resolve(), given.archive.resolve(), given.models, given.engine).run()


class Check:
    def __init__(self, folder: Path, archive: Path, models: Path | None, engine: str) -> None:
        self.home, self.programs, self.stubs = folder / "home", folder / "programs", folder / "stubs"
        for path in (self.home, self.programs, self.stubs):
            path.mkdir()
        self.archive, self.engine = archive, engine
        self.data, self.opened = self.home / "data", folder / "opened"
        self.port = free_port()
        self.environment = {
            "HOME": str(self.home), "USERPROFILE": str(self.home), "PATH": str(self.stubs), "LANG": "C.UTF-8",
            "LOCALAPPDATA": str(self.home / "local"), "APPDATA": str(self.home / "roaming"),
            "SURTITLE_SERVE_DATA_DIR": str(self.data), "SURTITLE_SERVE_PORT": str(self.port),
            "SURTITLE_SERVE_ENGINE": engine,
        }  # fmt: skip
        for name in ("SYSTEMROOT", "TEMP", "TMP", "DISPLAY", "XAUTHORITY"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        if models:
            self.environment["HF_HUB_CACHE"] = str(models)
        if sys.platform == "linux":
            self.environment["PATH"] += ":/usr/bin:/bin"
            stub = self.stubs / "xdg-open"
            stub.write_text(f'#!/bin/sh\necho "$1" >> "{self.opened}"\n')
            stub.chmod(0o755)

    def run(self) -> None:
        self.unpack()
        began = time.monotonic()
        with self.started():
            self.wait("the dashboard answers", began, lambda: self.ask("/healthz") is not None)
            page = _DIRECT.open(f"{self.url}/", timeout=10).read().decode()
            assert "Surtitle" in page
            self.wait_opened(1, began)
            self.first_caption(began)
            self.second_start()
            self.check_doctor()
            self.check_autostart()
        with release_server() as releases:
            self.environment["SURTITLE_RELEASES_URL"] = f"{releases.url}/latest"
            self.check_update(releases)
        self.check_removal()
        print("The program works.")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def program(self) -> Path:
        return self.programs / ("Surtitle.app" if sys.platform == "darwin" else "Surtitle")

    @property
    def executable(self) -> Path:
        name = {"win32": "Surtitle.exe", "darwin": "Contents/MacOS/Surtitle"}.get(sys.platform, "surtitle")
        return self.program / name

    def unpack(self) -> None:
        began = time.monotonic()
        with tarfile.open(self.archive) as packed:
            packed.extractall(self.programs, filter="data")
        report(f"unpacked {self.archive.stat().st_size / 1e6:.0f} MB", began)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        executable = self.program / "surtitle-cli.exe" if sys.platform == "win32" else self.executable
        return subprocess.run(
            [str(executable), *arguments], env=self.environment, capture_output=True, text=True, timeout=_TIMEOUT,
            check=False,
        )  # fmt: skip

    @contextmanager
    def started(self) -> Iterator[None]:
        """Start the program as a double-click does, and quit it at the end, whichever version then runs."""
        process = subprocess.Popen([str(self.executable)], env=self.environment, stdin=subprocess.DEVNULL)
        try:
            yield
            self.post("quit")
            self.wait("it has quit", time.monotonic(), lambda: self.ask("/healthz") is None)
            process.wait(_TIMEOUT)
        except BaseException:
            process.kill()
            for log in self.home.rglob("surtitle.log"):
                print(log.read_text(encoding="utf-8"))
            raise

    def first_caption(self, began: float) -> None:
        if self.engine == "auto":
            self.wait("Whisper is ready", began, lambda: (self.ask("/healthz") or {}).get("engine") == "whisper")
        self.request("POST", "/api/demo")

        with _DIRECT.open(f"{self.url}/api/channels/main/captions", timeout=_TIMEOUT) as events:
            for line in events:  # heartbeats come, too, so that this ends
                if line.startswith(b"data:") and (text := json.loads(line[5:]).get("text")):
                    report(f"first caption: {text!r}", began)
                    return
                assert time.monotonic() < began + _TIMEOUT, "there was no caption"
        raise AssertionError("there was no caption")

    def second_start(self) -> None:
        began, before = time.monotonic(), self.count_opened()
        subprocess.run([str(self.executable)], env=self.environment, check=True, timeout=_TIMEOUT)
        report("a second start has ended", began)
        self.wait_opened(before + 1, began)

    def check_doctor(self) -> None:
        said = self.command("doctor")
        assert "surtitle.log" in said.stdout, said.stdout + said.stderr
        print(said.stdout)

    def check_autostart(self) -> None:
        if sys.platform == "linux":
            entry = self.home / ".config" / "autostart" / "surtitle.desktop"
            assert self.request("PATCH", "/api/program", {"autostart": True})["autostart"]
            assert str(self.executable) in entry.read_text()
            assert (self.home / ".local/share/applications/surtitle.desktop").exists()

    def check_update(self, releases: Releases) -> None:
        releases.publish(NEWER, self.make_newer(NEWER, broken=False))
        with self.started():
            self.wait("the dashboard answers", time.monotonic(), lambda: self.ask("/healthz") is not None)
            self.update(NEWER)
            began = time.monotonic()
            self.post("restart")
            self.wait(f"version {NEWER} runs", began, lambda: self.version() == NEWER)
            broken = "99.2.0"
            releases.publish(broken, self.make_newer(broken, broken=True))
            self.update(broken)
            began = time.monotonic()
            self.post("restart")
            self.wait(
                f"{broken} did not start, and {NEWER} runs again", began,
                lambda: self.version() == NEWER and self.update_state()[0] == "failed",
            )  # fmt: skip
            print("  ", self.update_state()[1])

    def update(self, version: str) -> None:
        began = time.monotonic()
        self.post("check")
        self.wait(f"version {version} is found", began, lambda: self.update_state()[0] == "available")
        self.post("fetch")
        self.wait(f"version {version} is downloaded", began, lambda: self.update_state()[0] in ("ready", "failed"))
        assert self.update_state()[0] == "ready", self.update_state()

    def make_newer(self, version: str, *, broken: bool) -> Path:
        """An archive of this program as another version; a broken one fails when the app starts."""
        began, folder = time.monotonic(), self.home / "newer"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.program, folder / self.program.name, symlinks=True)
        compiled = next((folder / self.program.name).rglob("surtitle/__init__.pyc"))
        source = (ROOT / "service" / "surtitle" / "__init__.py").read_text(encoding="utf-8")
        changed = folder / "__init__.py"
        changed.write_text(re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', source), encoding="utf-8")
        py_compile.compile(str(changed), cfile=str(compiled), doraise=True)
        if broken:
            (compiled.parent / "desktop" / "app.pyc").write_bytes(b"broken")
        tag = re.sub(r".*?-[\d.]+-(.*)\.tar\.gz", r"\1", self.archive.name)
        archive = folder / f"surtitle-{version}-{tag}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
            packed.add(folder / self.program.name, self.program.name)
        shutil.rmtree(folder / self.program.name)
        report(f"made the archive of version {version}", began)
        return archive

    def check_removal(self) -> None:
        if sys.platform == "win32":
            return  # the uninstaller does it
        said = self.command("uninstall", "--yes")
        assert said.returncode == 0, said.stdout + said.stderr
        print(said.stdout)
        assert not self.program.exists()
        assert self.data.exists()
        assert not list(self.home.rglob("surtitle.desktop"))
        assert list(self.programs.iterdir()) == [], list(self.programs.iterdir())

    def update_state(self) -> tuple[str, str]:
        """The state of the update, and what failed."""
        program = self.request("PATCH", "/api/program", {}) or {}
        update = program.get("update", {})
        return update.get("state", ""), update.get("message", "")

    def version(self) -> str:
        return str((self.ask("/healthz") or {}).get("version"))

    def post(self, action: str) -> None:
        assert self.request("POST", f"/api/program/{action}"), f"{action} failed"

    def ask(self, path: str) -> dict[str, Any] | None:
        answer: dict[str, Any] | None = self.request("GET", path)
        return answer

    def request(self, method: str, path: str, body: object = None) -> Any:
        """The answer; None if there is none."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        try:
            with _DIRECT.open(request, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from error
        except (OSError, ValueError):
            return None

    def count_opened(self) -> int:
        return len(self.opened.read_text().splitlines()) if self.opened.exists() else 0

    def wait_opened(self, count: int, began: float) -> None:
        if sys.platform == "linux":  # elsewhere no command opens the browser that could be replaced
            self.wait("the browser was opened", began, lambda: self.count_opened() >= count)
            assert self.opened.read_text().splitlines()[-1] == f"{self.url}/"

    def wait(self, what: str, began: float, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _TIMEOUT
        while not done():
            assert time.monotonic() < deadline, f"not within {_TIMEOUT:g} s: {what}"
            time.sleep(0.05)
        report(what, began)


class Releases:
    """A server of releases like that of the project's repository."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def publish(self, version: str, archive: Path) -> None:
        for old in self.folder.iterdir():
            old.unlink()
        size = archive.stat().st_size
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        archive.rename(self.folder / archive.name)
        (self.folder / "SHA256SUMS").write_text(f"{digest}  {archive.name}\n")
        assets = [
            {"name": name, "size": size if name == archive.name else 0, "browser_download_url": f"{self.url}/{name}"}
            for name in (archive.name, "SHA256SUMS")
        ]
        (self.folder / "latest").write_text(json.dumps({"tag_name": f"v{version}", "assets": assets}))


@contextmanager
def release_server() -> Iterator[Releases]:
    with tempfile.TemporaryDirectory() as folder:
        handler = functools.partial(_QuietHandler, directory=folder)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield Releases(Path(folder), f"http://127.0.0.1:{server.server_address[1]}")
            server.shutdown()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def report(what: str, began: float) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
