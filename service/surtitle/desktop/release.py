"""The newest release of Surtitle, and its archive for this system: found, downloaded, verified and unpacked."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from surtitle import __version__
from surtitle.core.errors import SurtitleError
from surtitle.desktop.location import Location, archive_name

RELEASES = "https://api.github.com/repos/surtitle/surtitle/releases/latest"
"""The newest release of the project's repository, as GitHub's interface describes it."""

RELEASES_VARIABLE = "SURTITLE_RELEASES_URL"
"""The environment variable with another address, for tests and for organizations with a mirror."""

SUMS = "SHA256SUMS"
DOWNLOAD_PAGE = "https://github.com/surtitle/surtitle/releases"

_TIMEOUT = httpx.Timeout(20.0)  # seconds for each step of a request
_MAX_DESCRIPTION_BYTES = 4 << 20
_MAX_ARCHIVE_BYTES = 2 << 30
_MAX_UNPACKED_BYTES = 6 << 30
_START_TIMEOUT = 120.0  # seconds for the new program to say its version; virus scanners look at all of it first
_BY_HAND = f"download the new version from {DOWNLOAD_PAGE}"

ReportProgress = Callable[[int, int], None]
"""Called with the bytes downloaded so far and the total."""


class UpdateError(SurtitleError):
    """An update could not be found, downloaded or unpacked."""

    code = "update_failed"


class _Asset(msgspec.Struct, frozen=True):
    name: str
    size: int
    browser_download_url: str


class _ReleaseDescription(msgspec.Struct, frozen=True):
    tag_name: str
    assets: list[_Asset]


@dataclass(frozen=True, slots=True)
class Release:
    """A version and its archive for this system: name, size in bytes, address, and the address of the checksums."""

    version: str
    name: str
    size: int
    url: str
    sums_url: str


def find_update(url: str | None = None) -> Release | None:
    """The newest release if it is newer than this program, otherwise None. Raises `UpdateError`."""
    description = _read(url or os.environ.get(RELEASES_VARIABLE) or RELEASES)
    try:
        release = msgspec.json.decode(description, type=_ReleaseDescription)
        version = release.tag_name.removeprefix("v")
        newer = _order(version) > _order(__version__)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise UpdateError(f"The list of releases could not be understood: {_BY_HAND}.") from error
    if not newer:
        return None
    assets = {asset.name: asset for asset in release.assets}
    archive, sums = assets.get(archive_name(version)), assets.get(SUMS)
    if archive is None or sums is None:
        raise UpdateError(f"Surtitle {version} has no download for this system yet: try again later, or {_BY_HAND}.")
    return Release(version, archive.name, archive.size, archive.browser_download_url, sums.browser_download_url)


def _order(version: str) -> tuple[int, ...]:
    """A version such as "1.2.3" in the form that sorts. Raises ValueError for any other, such as a preview."""
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6}){1,3}", version):
        raise ValueError(version)
    numbers = [int(number) for number in version.split(".")]
    return tuple(numbers + [0] * (4 - len(numbers)))


def download(release: Release, folder: Path, report: ReportProgress) -> Path:
    """Download the archive into the folder, and verify its size and its SHA-256. Raises `UpdateError`."""
    expected = _find_sum(_read(release.sums_url), release.name)
    with _explain(release.version):
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < release.size:
            raise UpdateError(_no_space(release.version, folder, release.size))
        archive = folder / release.name
        digest, done = hashlib.sha256(), 0
        with _get(release.url) as answer, archive.open("wb") as file:
            for chunk in answer.iter_bytes(1 << 18):
                done += len(chunk)
                if done > min(release.size, _MAX_ARCHIVE_BYTES):
                    raise UpdateError(
                        f"The download of Surtitle {release.version} is larger than stated: try again later."
                    )
                digest.update(chunk)
                file.write(chunk)
                report(done, release.size)
    if done != release.size:
        raise UpdateError(f"The download of Surtitle {release.version} ended early: try again.")
    if digest.hexdigest() != expected:
        raise UpdateError(
            f"The download of Surtitle {release.version} is damaged or was changed on its way, so it is not used: try "
            "again later."
        )
    return archive


def unpack(archive: Path, folder: Path, location: Location) -> Location:
    """Unpack an archive into the folder, and return where its program is. Raises `UpdateError`.

    Refuses entries that would be written or point outside the folder.
    """
    version = archive.name
    with _explain(version), tarfile.open(archive, "r:gz") as packed:
        entries = packed.getmembers()
        size = sum(entry.size for entry in entries)
        if size > _MAX_UNPACKED_BYTES:
            raise UpdateError(f"{version} is larger than Surtitle can be, so it is not used: {_BY_HAND}.")
        if shutil.disk_usage(folder).free < 2 * size:  # the program is copied once more when it is replaced
            raise UpdateError(_no_space(version, folder, 2 * size))
        packed.extractall(folder, entries, filter="data")
    roots = {Path(entry.name).parts[0] for entry in entries if Path(entry.name).parts}
    new = location.at(folder / roots.pop()) if len(roots) == 1 else None
    if new is None or not new.executable.is_file():
        raise UpdateError(f"{version} has no program for this system, so it is not used: {_BY_HAND}.")
    return new


def check_program(program: Location, version: str) -> None:
    """Make sure that a program starts on this computer and is of this version. Raises `UpdateError`."""
    try:
        done = subprocess.run(
            [str(program.executable), "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_START_TIMEOUT,
            check=False,
        )
        said = done.stdout.decode(errors="replace").split()
    except (OSError, subprocess.TimeoutExpired):
        said = []
    if not said or said[-1] != version:
        raise UpdateError(f"Surtitle {version} does not start on this computer, so this version is kept.")


def _find_sum(sums: bytes, name: str) -> str:
    """The SHA-256 of a file in the text that `sha256sum` writes. Raises `UpdateError`."""
    for line in sums.decode(errors="replace").splitlines():
        digest, _, file = line.partition(" ")
        if file.lstrip(" *") == name and re.fullmatch("[0-9a-f]{64}", digest):
            return digest
    raise UpdateError(f"The release has no checksum for {name}, so it is not used: {_BY_HAND}.")


def _read(url: str) -> bytes:
    """A small file. Raises `UpdateError`."""
    body = bytearray()
    with _explain(""), _get(url) as answer:
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > _MAX_DESCRIPTION_BYTES:
                raise UpdateError(f"The list of releases could not be understood: {_BY_HAND}.")
    return bytes(body)


@contextmanager
def _get(url: str) -> Iterator[httpx.Response]:
    """The answer to a request without anything about this computer. Raises `httpx.HTTPError`."""
    headers = {"user-agent": "Surtitle", "accept": "application/json, application/octet-stream"}
    with (
        httpx.Client(timeout=_TIMEOUT, follow_redirects=True, headers=headers) as client,
        client.stream("GET", url) as answer,
    ):
        answer.raise_for_status()
        yield answer


@contextmanager
def _explain(version: str) -> Iterator[None]:
    """Raise errors of the network, the disk and archives as `UpdateError`."""
    try:
        yield
    except UpdateError:
        raise
    except httpx.HTTPStatusError as error:
        raise UpdateError(
            f"The server of the releases refused the request (HTTP {error.response.status_code}): try again later, or "
            f"{_BY_HAND}."
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UpdateError(
            "The server of the releases cannot be reached: connect to the internet, and try again."
        ) from error
    except tarfile.FilterError as error:
        raise UpdateError(f"{version} would write outside its folder, so it is not used: {_BY_HAND}.") from error
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UpdateError(f"{version} cannot be unpacked, so it is not used: try again.") from error
    except OSError as error:
        raise UpdateError(
            f"The new version cannot be written to the disk ({error.strerror or error}): free some space, or "
            f"{_BY_HAND}."
        ) from error


def _no_space(what: str, folder: Path, needed: int) -> str:
    free: Any = shutil.disk_usage(folder).free
    return f"{what} needs {needed / 1e6:.0f} MB in {folder}, where {free / 1e6:.0f} MB are free: free some space."
