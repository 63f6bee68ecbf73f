"""Updates are found, downloaded, verified and unpacked, or refused in one sentence."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from surtitle.desktop import release as releases
from surtitle.desktop.location import Location, archive_name
from surtitle.desktop.release import Release, UpdateError, check_program, download, find_update, unpack

URL = "https://releases.test"
NAME = archive_name("9.0.0")
LOCATION = Location(Path("/programs/Surtitle"), Path("/programs/Surtitle/bin/surtitle"))


class FakeServer:
    """Stands for the server of the releases."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.headers: list[httpx.Headers] = []

    @contextmanager
    def get(self, url: str) -> Iterator[httpx.Response]:
        transport = httpx.MockTransport(self._answer)
        with httpx.Client(transport=transport) as client, client.stream("GET", url) as answer:
            answer.raise_for_status()
            yield answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        content = self.files.get(request.url.path)
        return httpx.Response(404 if content is None else 200, content=content or b"")

    def publish(self, content: bytes, version: str = "9.0.0", **changes: Any) -> None:
        name = archive_name(version)
        assets = [
            {"name": name, "size": len(content), "browser_download_url": f"{URL}/{name}"} | changes,
            {"name": "SHA256SUMS", "size": 0, "browser_download_url": f"{URL}/SHA256SUMS"},
        ]
        self.files["/latest"] = json.dumps({"tag_name": f"v{version}", "assets": assets}).encode()
        self.files["/SHA256SUMS"] = f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()
        self.files[f"/{name}"] = content


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    server = FakeServer()
    monkeypatch.setattr(releases, "_get", server.get)
    monkeypatch.setenv("SURTITLE_RELEASES_URL", f"{URL}/latest")
    return server


def make_archive(*entries: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as packed:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                packed.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size, info.mode = len(entry[1]), 0o755
                packed.addfile(info, io.BytesIO(entry[1]))
    return written.getvalue()


def ignore(done: int, total: int) -> None:
    pass


def find(server: FakeServer, content: bytes, **changes: Any) -> Release:
    server.publish(content, **changes)
    found = find_update()
    assert found is not None
    return found


def test_a_newer_release_is_found_downloaded_and_unpacked(server: FakeServer, tmp_path: Path) -> None:
    content = make_archive(("Surtitle/bin/surtitle", b"#!/bin/sh\necho surtitle, version 9.0.0\n"))
    found = find(server, content)
    assert (found.version, found.name, found.size) == ("9.0.0", NAME, len(content))
    progress: list[tuple[int, int]] = []
    archive = download(found, tmp_path, lambda done, total: progress.append((done, total)))
    assert progress[-1] == (len(content), len(content))
    new = unpack(archive, tmp_path, LOCATION)
    assert new == Location(tmp_path / "Surtitle", tmp_path / "Surtitle" / "bin" / "surtitle")


@pytest.mark.parametrize("version", ["0.0.1", "0.1.0", "0.1"])
def test_older_releases_and_this_one_are_no_updates(server: FakeServer, version: str) -> None:
    server.publish(b"", version)
    assert find_update() is None


@pytest.mark.parametrize("answer", [b"", b"[]", b"\xff", b'{"tag_name": "v9.0.0-rc1", "assets": []}'])
def test_a_list_that_is_not_understood(server: FakeServer, answer: bytes) -> None:
    server.files["/latest"] = answer
    with pytest.raises(UpdateError, match="could not be understood"):
        find_update()


def test_a_release_without_an_archive_for_this_system(server: FakeServer) -> None:
    server.publish(b"x", name="surtitle-9.0.0-amiga-68000.tar.gz")
    with pytest.raises(UpdateError, match="no download for this system"):
        find_update()


def test_a_server_that_refuses(server: FakeServer) -> None:
    with pytest.raises(UpdateError, match="HTTP 404"):
        find_update()


def test_a_server_that_cannot_be_reached() -> None:
    with pytest.raises(UpdateError, match="cannot be reached"):
        find_update("http://127.0.0.1:9/latest")


def test_an_archive_with_other_contents_is_refused(server: FakeServer, tmp_path: Path) -> None:
    found = find(server, b"one")
    server.files[f"/{NAME}"] = b"two"
    with pytest.raises(UpdateError, match="damaged or was changed"):
        download(found, tmp_path, ignore)


def test_a_download_that_ends_early_is_refused(server: FakeServer, tmp_path: Path) -> None:
    found = find(server, b"all of it")
    server.files[f"/{NAME}"] = b"all"
    with pytest.raises(UpdateError, match="ended early"):
        download(found, tmp_path, ignore)


def test_a_download_that_does_not_end_is_refused(server: FakeServer, tmp_path: Path) -> None:
    found = find(server, b"short")
    server.files[f"/{NAME}"] = b"much longer"
    with pytest.raises(UpdateError, match="larger than stated"):
        download(found, tmp_path, ignore)


@pytest.mark.parametrize("sums", [b"", b"0123  " + NAME.encode(), b"\xff" * 80])
def test_a_release_without_a_checksum_is_refused(server: FakeServer, tmp_path: Path, sums: bytes) -> None:
    found = find(server, b"x")
    server.files["/SHA256SUMS"] = sums
    with pytest.raises(UpdateError, match="no checksum"):
        download(found, tmp_path, ignore)


def test_a_full_disk(server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find(server, b"x" * 100)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(100, 99, 1))
    with pytest.raises(UpdateError, match="are free: free some space"):
        download(found, tmp_path, ignore)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this device")
def test_a_disk_that_fills_up(server: FakeServer, tmp_path: Path) -> None:
    found = find(server, b"x" * 100)
    (tmp_path / NAME).symlink_to("/dev/full")
    with pytest.raises(UpdateError, match="No space left"):
        download(found, tmp_path, ignore)


def outside(kind: bytes, name: str, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        outside(tarfile.REGTYPE, "../evil"),
        outside(tarfile.REGTYPE, "Surtitle/../../evil"),
        outside(tarfile.SYMTYPE, "Surtitle/link", "/etc"),
        outside(tarfile.SYMTYPE, "Surtitle/link", "../../evil"),
        outside(tarfile.LNKTYPE, "Surtitle/link", "../../evil"),
        outside(tarfile.CHRTYPE, "Surtitle/device"),
    ],
    ids=lambda entry: f"{entry.name} {entry.linkname}",
)
def test_entries_outside_the_folder_are_refused(tmp_path: Path, entry: tarfile.TarInfo) -> None:
    archive, folder = tmp_path / NAME, tmp_path / "inside"
    folder.mkdir()
    archive.write_bytes(make_archive(("Surtitle/bin/surtitle", b""), entry))
    with pytest.raises(UpdateError, match="would write outside"):
        unpack(archive, folder, LOCATION)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", NAME]


@pytest.mark.parametrize(
    "content", [b"", b"no archive", make_archive(("a", b"x" * 5000))[:60]], ids=["empty", "text", "cut"]
)
def test_a_damaged_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / NAME
    archive.write_bytes(content)
    with pytest.raises(UpdateError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "new", LOCATION)


@pytest.mark.parametrize("names", [["Surtitle/readme"], ["A/bin/surtitle", "B/bin/surtitle"], []])
def test_an_archive_without_the_program_is_refused(tmp_path: Path, names: list[str]) -> None:
    archive = tmp_path / NAME
    archive.write_bytes(make_archive(*((name, b"") for name in names)))
    with pytest.raises(UpdateError, match="has no program for this system"):
        unpack(archive, tmp_path, LOCATION)


def test_an_archive_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "_MAX_UNPACKED_BYTES", 10)
    archive = tmp_path / NAME
    archive.write_bytes(make_archive(("Surtitle/bin/surtitle", b"x" * 11)))
    with pytest.raises(UpdateError, match="larger than Surtitle can be"):
        unpack(archive, tmp_path, LOCATION)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
@pytest.mark.parametrize(
    ("script", "starts"),
    [("#!/bin/sh\necho surtitle, version 9.0.0", True), ("#!/bin/sh\necho surtitle, version 8.0.0", False),
     ("#!/bin/sh\nexit 1", False), ("no program", False)],
)  # fmt: skip
def test_a_program_that_does_not_start_is_refused(tmp_path: Path, script: str, starts: bool) -> None:
    executable = tmp_path / "surtitle"
    executable.write_text(script)
    executable.chmod(0o755)
    program = Location(tmp_path, executable)
    if starts:
        check_program(program, "9.0.0")
    else:
        with pytest.raises(UpdateError, match="does not start on this computer"):
            check_program(program, "9.0.0")
