"""Storage of recordings for all services: a bucket that is compatible with S3, or a folder that they share. Blocks."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from surtitle.core.errors import BadRequest, SurtitleError
from surtitle.core.files import create_private_folder

_INSTALL = "Recordings in S3 need its client: pip install 'surtitle[s3]'."
_ADDRESS = "--recordings takes an address such as s3://bucket/prefix, or a folder."
_CONNECT_TIMEOUT = timedelta(seconds=5)
_REQUEST_TIMEOUT = timedelta(seconds=60)  # for one request, which carries at most a part of a file
_RETRY_TIMEOUT = timedelta(seconds=30)  # after which a request is not repeated
_MAX_RETRIES = 3
_PART_SIZE = 5 << 20  # bytes of a file in one request: the least that S3 accepts
_PART = "part-"  # what the names of unfinished files begin with
_MAX_PART_AGE = 3600.0  # seconds after which nobody finishes one any more
_MAX_PARTS = 2  # that are sent at a time


class StorageError(SurtitleError):
    """The storage of recordings cannot be used."""

    code = "storage_failed"
    status = 503


class RecordingStorage(Protocol):
    """Files by keys such as "session/1-Host.flac". Each appears as a whole, or not at all.

    All methods raise `StorageError`, after a bounded number of attempts.
    """

    name: str
    """The address, without anything secret."""

    def check(self) -> None:
        """Check that the storage answers."""

    def write(self, key: str, content: Path | bytes) -> None:
        """Store a file, in place of an earlier one."""

    def read(self, key: str, start: int, end: int) -> bytes:
        """The bytes from ``start`` to before ``end``, fewer where the file ends."""

    def size(self, key: str) -> int | None:
        """The size of a file; None if there is none."""

    def sizes(self, folder: str) -> dict[str, int]:
        """The keys of all files in a folder and those below it, in order, with their sizes."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete files. Those that do not exist are ignored."""

    def path(self, key: str) -> Path | None:
        """Where the file can be read on this computer, if it can."""


def open_storage(address: str) -> RecordingStorage:
    """The storage at an address such as s3://bucket/prefix, or in a folder. Nothing is read or written yet.

    Raises `BadRequest` if there can be none, `StorageError` if a library is missing.
    """
    if "://" not in address:
        return FolderStorage(Path(address).absolute())
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise BadRequest(_ADDRESS)
    return S3Storage(address)


class FolderStorage:
    """A folder that all services have mounted."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def check(self) -> None:
        self._check()

    def write(self, key: str, content: Path | bytes) -> None:
        path = self._folder / key
        self._check()  # otherwise everything would be written below a mount point that is not mounted
        try:
            create_private_folder(path.parent)
            handle, temporary = tempfile.mkstemp(prefix=_PART, dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    if isinstance(content, Path):
                        with content.open("rb") as source:
                            shutil.copyfileobj(source, file, _PART_SIZE)
                    else:
                        file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise self._build_error(error) from error

    def read(self, key: str, start: int, end: int) -> bytes:
        try:
            with (self._folder / key).open("rb") as file:
                file.seek(start)
                return file.read(end - start)
        except OSError as error:
            raise self._build_error(error) from error

    def size(self, key: str) -> int | None:
        try:
            return (self._folder / key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            self._check()
            return None
        except OSError as error:
            raise self._build_error(error) from error

    def sizes(self, folder: str) -> dict[str, int]:
        try:
            paths = sorted((self._folder / folder).rglob("*"))
            found = [one for one in paths if one.is_file() and not one.name.startswith(_PART)]
            if not found:
                self._check()
            return {one.relative_to(self._folder).as_posix(): one.stat().st_size for one in found}
        except OSError as error:
            raise self._build_error(error) from error

    def delete(self, keys: Sequence[str]) -> None:
        try:
            for key in keys:
                (self._folder / key).unlink(missing_ok=True)
            for folder in {(self._folder / key).parent for key in keys}:
                for left in folder.glob(f"{_PART}*"):
                    if time.time() - left.stat().st_mtime > _MAX_PART_AGE:
                        left.unlink(missing_ok=True)
                while folder != self._folder and folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
                    folder = folder.parent
        except OSError as error:
            raise self._build_error(error) from error

    def path(self, key: str) -> Path | None:
        return self._folder / key

    def _check(self) -> None:
        """Raise OSError or `StorageError` if the folder itself is missing, as when it is not mounted."""
        if not self._folder.is_dir():
            raise StorageError(f"The recordings' folder {self.name} does not exist: create it, or mount the share.")

    def _build_error(self, error: OSError) -> StorageError:
        return StorageError(
            f"The recordings' folder {self.name} cannot be used ({error.strerror or error}): make sure that it exists, "
            "and that there is room in it."
        )


class S3Storage:
    """A bucket of S3, or of what speaks like it (MinIO, Ceph, Garage, cloud services).

    The keys and the address of the server are in environment variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
    AWS_REGION and AWS_ENDPOINT_URL, or come from the computer's role.
    """

    def __init__(self, address: str) -> None:
        """Raises `BadRequest`, `StorageError`."""
        try:
            import obstore
            from obstore import exceptions, store
        except ImportError as error:
            raise StorageError(_INSTALL) from error
        self.name = address
        self._client: Any = obstore
        self._errors = (exceptions.BaseError, OSError)
        # An endpoint without TLS was chosen by a person, for a server in a network of its own.
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        try:
            self._store = store.S3Store.from_url(
                address,
                client_options={
                    "allow_http": endpoint.startswith("http://"),
                    "connect_timeout": _CONNECT_TIMEOUT,
                    "timeout": _REQUEST_TIMEOUT,
                },
                retry_config={
                    "max_retries": _MAX_RETRIES,
                    "retry_timeout": _RETRY_TIMEOUT,
                    "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=2)},
                },
            )
        except (exceptions.BaseError, ValueError) as error:
            raise BadRequest(_ADDRESS) from error

    def check(self) -> None:
        self.sizes("check")  # unlike the size of a file, this fails without a bucket

    def write(self, key: str, content: Path | bytes) -> None:
        self._call(self._client.put, key, content, chunk_size=_PART_SIZE, max_concurrency=_MAX_PARTS)

    def read(self, key: str, start: int, end: int) -> bytes:
        return bytes(self._call(self._client.get_range, key, start=start, end=end))

    def size(self, key: str) -> int | None:
        try:
            return int(self._call(self._client.head, key)["size"])
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def sizes(self, folder: str) -> dict[str, int]:
        found = self._call(lambda store, prefix: self._client.list(store, prefix).collect(), folder)
        return dict(sorted((str(one["path"]), int(one["size"])) for one in found))

    def delete(self, keys: Sequence[str]) -> None:
        if keys:
            self._call(self._client.delete, list(keys))

    def path(self, key: str) -> Path | None:
        return None

    def _call(self, function: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return function(self._store, *arguments, **options)
        except self._errors as error:
            raise StorageError(
                f"The recordings' storage {self.name} cannot be used ({_describe(error)}): make sure that it runs, "
                "that the bucket exists, and that the AWS_… variables are right."
            ) from error


def _describe(error: Exception) -> str:
    """The reason of the client's error in a few words, without the request and the document in the answer."""
    reason = " ".join(str(error).split()).rpartition(" - ")[2] or type(error).__name__
    return reason.partition(": <")[0][:200].rstrip(".:")
