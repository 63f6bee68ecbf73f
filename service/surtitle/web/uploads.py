"""Files that clients send: written to disk as they arrive, within limits, and removed after use."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from surtitle.core.errors import BadRequest, ShuttingDown, SurtitleError, TimedOut, TooLarge
from surtitle.core.settings import Limits, Settings
from surtitle.web.clients import wait_for_client

FILE_FIELD = "file"
"""The name of the part of a form that has the file."""

_FOLDER = "uploads"  # in the data folder
_BUFFER_BYTES = 1 << 18  # that are written at once
_STALLED = 2.0  # seconds without data after which an upload is ended if another one needs its place
_END_TIMEOUT = 5.0  # seconds until an upload that is ended has given up its place
_MAX_FIELDS = 300
_MAX_TEXT_BYTES = 1 << 20  # of all fields together


@dataclass(slots=True, eq=False)
class Upload:
    """A file that is being received."""

    path: Path
    limits: Limits
    file: IO[bytes]
    stopped: asyncio.Future[None]
    """Fails when the file is not to be received any more."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    waiting_since: float | None = None
    """When it began to wait for more of the file, on the loop's clock; None while it does not."""
    size: int = 0
    sha256: str = ""
    """The checksum of a complete file, in hexadecimal digits."""
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    _buffer: bytearray = field(default_factory=bytearray)

    async def write(self, data: bytes | bytearray) -> None:
        """Raises `TooLarge`, also if the disk is full."""
        self.size += len(data)
        if self.size > self.limits.upload_bytes:
            raise _too_large(self.limits)
        self._buffer += data
        if len(self._buffer) >= _BUFFER_BYTES:
            await self._write_buffer()

    def stop(self, error: SurtitleError) -> None:
        """Receive no more of the file, because of ``error``."""
        if not self.stopped.done():
            self.stopped.set_exception(error)
            self.stopped.exception()  # marks it as retrieved, in case nothing is being received

    async def finish(self) -> None:
        """Write the rest. Raises `TooLarge` if the disk is full."""
        await self._write_buffer(flush=True)
        self.sha256 = self._hash.hexdigest()

    async def _write_buffer(self, *, flush: bool = False) -> None:
        data, self._buffer = self._buffer, bytearray()
        try:
            await asyncio.to_thread(self._write, data, flush)
        except OSError as error:
            raise TooLarge(f"The service cannot store the file ({error.strerror}): send a smaller one.") from error

    def _write(self, data: bytearray, flush: bool) -> None:
        self._hash.update(data)
        self.file.write(data)
        if flush:
            self.file.flush()


class Uploads:
    """Owns the folder for received files: in the data folder, or a temporary one if the service stores nothing."""

    def __init__(self, settings: Settings) -> None:
        self._limits = settings.limits
        self._folder = settings.data_dir / _FOLDER if settings.data_dir else None
        self._temporary = settings.data_dir is None
        self._open: set[Upload] = set()
        self._stopped = False

    def clean(self) -> None:
        """Remove what a service that was killed left behind. Blocks."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Refuse what is being received, because the service is about to stop."""
        self._stopped = True
        for upload in self._open:
            upload.stop(_shutting_down())

    async def end_stalled(self) -> None:
        """End the upload that has waited longest for its client, if there is one that has waited too long."""
        latest = asyncio.get_running_loop().time() - _STALLED
        waiting = [(one.waiting_since, one) for one in self._open if one.waiting_since is not None]
        since, upload = min(waiting, key=lambda pair: pair[0], default=(math.inf, None))
        if upload is None or since > latest:
            return
        upload.stop(TimedOut("The file stopped arriving, and others wait to be sent: send it again without a pause."))
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_TIMEOUT):
                await upload.closed.wait()

    async def close(self) -> None:
        self.stop()
        await asyncio.to_thread(self.clean)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Upload]:
        """A file for as long as the block runs. Raises `TooLarge` if it cannot be created."""
        try:
            handle, name = await asyncio.to_thread(self._create)
        except OSError as error:
            raise TooLarge(f"The service cannot store the file ({error.strerror}): tell its operator.") from error
        stopped = asyncio.get_running_loop().create_future()
        upload = Upload(Path(name), self._limits, os.fdopen(handle, "wb"), stopped)
        if self._stopped:
            upload.stop(_shutting_down())
        self._open.add(upload)
        try:
            yield upload
        finally:
            self._open.discard(upload)
            upload.closed.set()
            with suppress(OSError):
                upload.file.close()
            with suppress(OSError):
                os.unlink(name)

    def _create(self) -> tuple[int, str]:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="surtitle-"))
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return tempfile.mkstemp(dir=self._folder)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form in their order; its file is in an `Upload`."""

    fields: tuple[tuple[str, str], ...]
    has_file: bool

    def get(self, name: str) -> str | None:
        """The last value of a field, without spaces around it; None if it is missing or empty."""
        return next((value.strip() for key, value in reversed(self.fields) if key == name and value.strip()), None)

    def get_all(self, name: str) -> list[str]:
        """All values of a field, whose name may end with brackets."""
        return [value.strip() for key, value in self.fields if key in (name, f"{name}[]") and value.strip()]


async def receive_body(request: Request, upload: Upload) -> None:
    """Receive a request whose body is a file. Raises `TooLarge`, `TimedOut`, `ShuttingDown`, `ClientDisconnect`."""
    async for data in _read(request, upload):
        await upload.write(data)
    await upload.finish()


async def receive_form(request: Request, upload: Upload) -> Form:
    """Receive a form with a file.

    Raises `BadRequest`, `TooLarge`, `TimedOut`, `ShuttingDown`, `ClientDisconnect`.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise BadRequest("Send the file in a form: the request must be multipart/form-data with a boundary.")
    try:
        parser = _FormParser(boundary)
        async for data in _read(request, upload, _MAX_TEXT_BYTES):
            for piece in parser.feed(data):
                await upload.write(piece)
        parser.finish()
    except FormParserError as error:
        raise BadRequest(f"The form is not valid multipart/form-data ({error}).") from error
    await upload.finish()
    return Form(tuple(parser.fields), parser.has_file)


async def _read(request: Request, upload: Upload, other_bytes: int = 0) -> AsyncIterator[bytes]:
    """The pieces of a body, which has to begin soon and to arrive fast enough; ``other_bytes`` are not of the file."""
    limits = upload.limits
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limits.upload_bytes + other_bytes:
        raise _too_large(limits)  # before any of it was received
    stream, clock = request.stream(), asyncio.get_running_loop().time
    received, waited = 0, 0.0  # without the time in which the service stores what has arrived
    with suppress(StopAsyncIteration):
        while True:
            began = upload.waiting_since = clock()
            left = limits.start_timeout + received / limits.upload_rate - waited
            try:
                data = await wait_for_client(anext(stream), min(limits.idle_timeout, left), "", upload.stopped)
            except TimedOut as error:
                raise TimedOut(
                    f"The file did not arrive in time: send at least {limits.upload_rate} bytes per second."
                ) from error
            finally:
                upload.waiting_since = None
            received, waited = received + len(data), waited + clock() - began
            yield data


class _FormParser:
    """Collects the fields of a form, and hands out the pieces of its file."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: list[tuple[str, str]] = []
        self.has_file = False
        self._pieces: list[bytes] = []
        self._header: tuple[bytes, bytes] = (b"", b"")
        self._disposition = b""
        self._name = ""
        self._in_file = False
        self._text = bytearray()
        self._text_bytes = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
                "on_header_field": self._take_header_name,
                "on_header_value": self._take_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> list[bytes]:
        """Parse more of the body, and return what of it belongs to the file. Raises `BadRequest`, `FormParserError`."""
        self._parser.write(data)
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> None:
        """Check that the form is complete. Raises `BadRequest`, `FormParserError`."""
        self._parser.finalize()
        if not self._ended:
            raise BadRequest("The form ends before its last boundary: send all of it.")

    def _begin_part(self) -> None:
        self._disposition, self._name, self._in_file = b"", "", False
        self._text = bytearray()

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _end_header(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = (b"", b"")

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        if not self._name:
            raise BadRequest("Each part of the form needs a Content-Disposition with a name.")
        if b"filename" in options or self._name == FILE_FIELD:
            if self._name != FILE_FIELD or self.has_file:
                raise BadRequest(f"The form may have one file only, in the part {FILE_FIELD!r}.")
            self.has_file = self._in_file = True
        elif len(self.fields) >= _MAX_FIELDS:
            raise BadRequest(f"The form may have at most {_MAX_FIELDS} fields.")

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])
            return
        self._text_bytes += end - start
        if self._text_bytes > _MAX_TEXT_BYTES:
            raise TooLarge(f"The fields of the form may have at most {_MAX_TEXT_BYTES} bytes: send less text.")
        self._text += data[start:end]

    def _end_part(self) -> None:
        if not self._in_file:
            self.fields.append((self._name, self._text.decode(errors="replace")))

    def _end(self) -> None:
        self._ended = True


def _shutting_down() -> ShuttingDown:
    return ShuttingDown("The service is stopping: send the file again in a moment.")


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(f"A file may have at most {limits.upload_bytes} bytes: compress it, or divide it.")
