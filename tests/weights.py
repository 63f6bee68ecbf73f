"""Real Whisper weights for tests that assert words; `python -m tests.weights` fetches them beforehand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from surtitle.core.errors import ModelError
from surtitle.models.download import download
from surtitle.speech.whisper.kind import WHISPER
from tests.support import missing

NAMES = ("base", "tiny.en")
FOLDER = "SURTITLE_TEST_MODELS"
"""The environment variable of a folder with the directories `base` and `tiny.en`, to be used instead."""

_ENVIRONMENT = dict(os.environ)  # as it was before tests changed it
_TIMEOUT = 600.0  # seconds a download may take


def find_weights(name: str) -> Path:
    """The directory of real weights: from `FOLDER`, or the hub's cache, or fetched into that by our own code.

    Several processes may ask at once: one downloads, the others wait for it. Raises `ModelError`.
    """
    if folder := os.environ.get(FOLDER):
        directory = Path(folder) / name
        if WHISPER.local_directory(str(directory)) is not None:
            return directory
    return WHISPER.find_cached(name) or download(name)


def required_weights(name: str) -> Path:
    """The same for a fixture, whatever environment a test has made for itself.

    Where there are none, the tests that need them are skipped, and fail in CI.
    """
    command = [sys.executable, "-m", "tests.weights", name]
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command, cwd=root, env=_ENVIRONMENT, capture_output=True, text=True, timeout=_TIMEOUT, check=False
    )
    if not done.stdout:
        missing(f"the real weights of {name} are needed: {done.stderr.strip()}")
    return Path(done.stdout.strip())


def main(names: list[str]) -> int:
    """Print the directories of these weights, or of all. In CI, a failure if there are none."""
    for name in names or NAMES:
        try:
            print(find_weights(name))
        except ModelError as error:
            print(f"Tests that need the real weights of {name} are skipped: {error}", file=sys.stderr)
            if os.environ.get("CI"):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
