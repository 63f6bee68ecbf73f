"""Where `surtitle transcribe` writes. All paths are checked before the work begins, because it may take hours."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from surtitle.captions.transcript import EXPORT_FORMATS
from surtitle.cli.unfinished import state_path
from surtitle.core.errors import BadRequest

MEDIA_EXTENSIONS = frozenset(
    {
        *(".3gp", ".aac", ".ac3", ".aif", ".aiff", ".amr", ".avi", ".flac", ".flv", ".m2ts", ".m4a", ".m4b", ".m4v"),
        *(".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".oga", ".ogg", ".ogv"),
        *(".opus", ".ts", ".wav", ".weba", ".webm", ".wma", ".wmv"),
    }
)
"""The extensions of media files in a folder. A file that is given by its own name may have any extension."""

_MAX_STEM = 80  # characters of a name that a temporary file keeps

CONCATENABLE_FORMATS = ("txt", "timed.txt", "md")
"""The formats in which several transcripts may follow each other on standard output."""


@dataclass(frozen=True, slots=True)
class Job:
    """A file to transcribe, and the path of its transcript; None is standard output."""

    file: Path
    output: Path | None


def find_media(paths: Sequence[Path]) -> list[Path]:
    """The files themselves, and the media files in each folder. Raises `BadRequest` for a folder without any."""
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() in MEDIA_EXTENSIONS)
        if not found:
            raise BadRequest(f"There are no audio or video files in {path}: name the files themselves.")
        files += found
    return list(dict.fromkeys(files))


def choose_format(form: str | None, output: str | None) -> str:
    """The requested format, or that of the output's extension, or SubRip. Raises `BadRequest`."""
    if form is not None:
        return form
    if output is None or output == "-" or _is_folder(output):
        return "srt"
    fits = [name for name in EXPORT_FORMATS if output.lower().endswith(f".{name}")]
    if not fits:
        raise BadRequest(
            f"The extension of {output} is not a known format: end it with one of {', '.join(EXPORT_FORMATS)}, or add "
            "-f."
        )
    return max(fits, key=len)


def plan_jobs(
    files: Sequence[Path], output: str | None, form: str, *, overwrite: bool, resume: bool = False
) -> list[Job]:
    """Decide where the transcript of each file goes. Raises `BadRequest` if it cannot be written there.

    An output that ends with a slash is a folder, and is created if it is missing. ``resume`` leaves out the files whose
    transcripts are complete.
    """
    if output is None or output == "-":
        if resume:
            raise BadRequest("There is nothing to continue on standard output: add -o FILE, as in the first run.")
        if len(files) > 1 and form not in CONCATENABLE_FORMATS:
            raise BadRequest(f"Several {form} transcripts need a folder to be written to: add -o FOLDER/.")
        return [Job(file, None) for file in files]
    path = Path(output)
    if _is_folder(output) or len(files) > 1:
        _make_folder(path, missing_is_fine=output.endswith(("/", os.sep)))
        same = Counter(file.stem for file in files)
        names = [file.stem if same[file.stem] == 1 else file.name for file in files]
        if len(set(names)) < len(names):
            raise BadRequest("Two of the files have the same name: write their transcripts to different folders.")
        jobs = [Job(file, path / f"{name}.{form}") for file, name in zip(files, names, strict=True)]
    else:
        jobs = [Job(files[0], path)]
    if resume:
        jobs = [job for job in jobs if not _is_complete(job)]
    for job in jobs:
        _check(job, overwrite=overwrite or resume)
    return jobs


def display_name(name: str) -> str:
    """A file's name for people, in valid Unicode: names need not be UTF-8, and may contain control characters."""
    readable = os.fsencode(name).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in readable)


def write(path: Path, text: str) -> Path:
    """Write a transcript as UTF-8, or to the folder for temporary files if that fails in spite of the checks.

    Returns the path of the file that was written. Raises OSError if neither can be written.
    """
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError:
        if path.is_file():
            with suppress(OSError):
                path.unlink()  # half a transcript looks like a whole one
        return write_temporary(path.stem, path.suffix, text)
    return path


def print_utf8(text: str) -> None:
    """Write text to standard output, whatever the terminal's encoding is. Raises OSError.

    Nothing stays in a buffer, which Python would try to write again at its end.
    """
    sys.stdout.flush()
    output = getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
    remaining = memoryview(text.encode("utf-8"))
    while remaining:
        remaining = remaining[output.write(remaining) or 0 :]


def write_temporary(stem: str, suffix: str, text: str) -> Path:
    """Write a transcript to the folder for temporary files. Raises OSError, and leaves no file then."""
    handle, name = tempfile.mkstemp(suffix, f"{stem[:_MAX_STEM]}-")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError:
        os.unlink(name)
        raise
    return Path(name)


def _is_folder(output: str) -> bool:
    return output.endswith(("/", os.sep)) or os.path.isdir(output)


def _make_folder(folder: Path, *, missing_is_fine: bool) -> None:
    if folder.is_dir():
        return
    if folder.exists():
        raise BadRequest(f"{folder} is not a folder: give a folder for several transcripts.")
    if not missing_is_fine:
        raise BadRequest(f"There is no folder {folder}: create it, or end its name with a slash.")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise BadRequest(f"Cannot create the folder {folder} ({error.strerror}): choose another with -o.") from error


def _is_complete(job: Job) -> bool:
    return job.output is not None and job.output.is_file() and not state_path(job.output).exists()


def _check(job: Job, *, overwrite: bool) -> None:
    path = job.output
    assert path is not None
    try:
        exists = path.exists()
    except OSError as error:  # such as a name that is too long
        raise BadRequest(
            f"Cannot write {str(path)[:60]}… ({error.strerror}): choose another output with -o."
        ) from error
    if exists and path.samefile(job.file):
        raise BadRequest(f"{path} is the file to transcribe: choose another output with -o.")
    if path.is_dir():
        raise BadRequest(f"{path} is a folder: choose another output with -o.")
    if path.is_block_device():
        raise BadRequest(f"{path} is a device: choose another output with -o.")
    if exists and not overwrite:
        raise BadRequest(f"{path} already exists: add --overwrite to replace it.")
    if not path.parent.is_dir():
        raise BadRequest(f"There is no folder {path.parent}: create it, or choose another output with -o.")
    if exists and not path.is_file():
        return  # a pipe or a terminal, which can be opened only once
    try:
        path.open("ab").close()  # permissions alone do not show that a file system is read-only or has no such names
        if not exists:
            path.unlink()
    except OSError as error:
        raise BadRequest(f"Cannot write {path} ({error.strerror}): choose another output with -o.") from error
