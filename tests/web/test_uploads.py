"""Files that clients send: forms in pieces of any size, limits, and that nothing is left on the disk."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from surtitle.core.errors import BadRequest, ShuttingDown, TimedOut, TooLarge
from surtitle.core.settings import Limits, Settings
from surtitle.web.uploads import Form, Upload, Uploads, receive_body, receive_form

BOUNDARY = "x-boundary"


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    more = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
FORM = part("model", b"whisper-1") + part("file", b"\r\n--x-bound" * 50, "talk.wav") + part("a[]", "ü".encode()) + END


def request(pieces: Sequence[bytes], headers: dict[str, str] | None = None, *, waits: bool = False) -> Request:
    """A request whose body comes in these pieces; then it ends, or nothing comes any more if it ``waits``."""
    messages: list[Any] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages += [] if waits else [{"type": "http.request", "body": b"", "more_body": False}]
    given_headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **(headers or {})}
    raw = [(name.encode(), value.encode()) for name, value in given_headers.items()]

    async def receive() -> Any:
        if not messages:
            await asyncio.sleep(3600)
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "headers": raw, "query_string": b""}, receive)


def list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def receive(asked: Request, folder: Path, limits: Limits = Limits()) -> tuple[Form, bytes]:
    uploads = Uploads(Settings(data_dir=folder, limits=limits))
    try:
        async with uploads.open() as upload:
            form = await receive_form(asked, upload)
            return form, upload.path.read_bytes()
    finally:
        assert list_files(folder) == []


@given(cuts=st.lists(st.integers(0, len(FORM)), max_size=8).map(sorted))
def test_a_form_may_come_in_any_pieces(cuts: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    pieces = [FORM[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(FORM)], strict=True)]
    form, data = asyncio.run(receive(request(pieces), tmp_path_factory.mktemp("data")))
    assert data == b"\r\n--x-bound" * 50
    assert (form.get("model"), form.get_all("a"), form.has_file) == ("whisper-1", ["ü"], True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        FORM[: -len(END)],
        FORM[:-30],
        part("file", b"x", "a") + part("file", b"y", "b") + END,
        part("other", b"x", "a") + END,
        f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n".encode() + END,
        b"".join(part("a", b"x") for _ in range(400)) + END,
        f"--{BOUNDARY}\r\nX-{'a' * 9000}: b\r\n\r\nx\r\n".encode() + END,
    ],
)
async def test_what_is_no_form_is_refused(body: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        await receive(request([body]), tmp_path)


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary="])
async def test_another_type_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="multipart/form-data"):
        await receive(request([FORM], {"content-type": kind}), tmp_path)


async def test_a_file_is_refused_while_it_arrives(tmp_path: Path) -> None:
    limits = Limits(upload_bytes=1000, idle_timeout=0.1)
    with pytest.raises(TooLarge):
        await receive(request([], {"content-length": str(3 << 20)}, waits=True), tmp_path, limits)
    with pytest.raises(TooLarge):
        await receive(request([part("file", b"x" * 1001, "a")], waits=True), tmp_path, limits)
    with pytest.raises(TooLarge, match="fields"):
        await receive(request([part("a", b"x" * (1 << 20)), part("b", b"x")], waits=True), tmp_path, limits)
    with pytest.raises(TimedOut):
        await receive(request([part("file", b"x", "a")], waits=True), tmp_path, limits)


async def test_a_file_that_does_not_begin_or_arrives_too_slowly(tmp_path: Path) -> None:
    with pytest.raises(TimedOut):
        await receive(request([], waits=True), tmp_path, Limits(start_timeout=0.1))
    head = part("file", b"x" * 100_000, "a")
    with pytest.raises(TimedOut, match="at least 1000000 bytes per second"):
        await receive(request([head], waits=True), tmp_path, Limits(start_timeout=0.1, upload_rate=1_000_000))


async def test_a_file_that_arrives_while_the_service_stops(tmp_path: Path) -> None:
    uploads = Uploads(Settings(data_dir=tmp_path))
    async with uploads.open() as upload:
        receiving = asyncio.create_task(receive_form(request([part("file", b"x", "a")], waits=True), upload))
        await asyncio.sleep(0)
        uploads.stop()
        with pytest.raises(ShuttingDown, match="send the file again"):
            await receiving


async def test_a_client_that_leaves_while_it_sends(tmp_path: Path) -> None:
    asked = request([part("file", b"x", "a")], waits=True)

    async def leave() -> Any:
        return {"type": "http.disconnect"}

    asked = Request(asked.scope, leave)
    with pytest.raises(ClientDisconnect):
        await receive(asked, tmp_path)


async def test_a_body_is_a_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 3000
    async with Uploads(Settings(data_dir=tmp_path)).open() as upload:
        await receive_body(request([data[:1000], data[1000:]]), upload)
        assert upload.path.read_bytes() == data
        assert (upload.size, upload.sha256) == (len(data), hashlib.sha256(data).hexdigest())


async def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Upload, "_write", fail)
    with pytest.raises(TooLarge, match="No space left"):
        await receive(request([FORM]), tmp_path)


async def test_what_a_killed_service_left_is_removed(tmp_path: Path) -> None:
    uploads = Uploads(Settings(data_dir=tmp_path))
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "left").write_bytes(b"x")
    uploads.clean()
    assert list_files(tmp_path) == []


async def test_without_a_data_folder_a_temporary_one_is_used() -> None:
    uploads = Uploads(Settings())
    async with uploads.open() as upload:
        folder = upload.path.parent
        assert folder.is_dir()
    await uploads.close()
    assert not folder.exists()
