"""Programs of others that tests fetch from the package index, because their code is not part of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.support import missing

_ENVIRONMENT = dict(os.environ)  # as it was before tests changed it
_TIMEOUT = 300.0  # seconds that a download may take
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "surtitle-tests"


@cache
def need_wheel(requirement: str) -> Path:
    """The folder with the contents of a pinned wheel, without what it depends on. It is fetched once per computer."""
    folder = _CACHE / requirement
    if not folder.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as temporary:
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--dest",
                temporary,
                requirement,
            ]
            done = subprocess.run(
                command, env=_ENVIRONMENT, capture_output=True, text=True, timeout=_TIMEOUT, check=False
            )
            if done.returncode:
                missing(f"{requirement} cannot be fetched: {(done.stderr.strip() or 'pip failed').splitlines()[-1]}")
            (wheel,) = Path(temporary).glob("*.whl")
            contents = Path(temporary) / "contents"
            zipfile.ZipFile(wheel).extractall(contents)
            with suppress(OSError):  # another process was faster
                contents.rename(folder)
    return folder
