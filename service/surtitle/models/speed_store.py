"""Measured speeds, stored per computer and model."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from surtitle.core.files import replace_file
from surtitle.core.hardware import processor_name
from surtitle.speech.speed import Speed

log = logging.getLogger("surtitle.speech")

FILE = "speed.json"
"""In the data folder."""

_MAX_SLOW_AGE = 24 * 3600.0  # seconds until "too slow" is forgotten: the computer may have been busy otherwise
_MAX_ENTRIES = 64  # measurements in the file


class SpeedStore:
    """The measurements of this computer, in a file; without a data folder, in memory only.

    A file that is damaged or from another computer is ignored, and one that cannot be written costs another measurement
    at the next start.
    """

    def __init__(self, data_dir: Path | None, now: Callable[[], float] = time.time) -> None:
        self._path = data_dir / FILE if data_dir else None
        self._now = now
        self._memory: dict[str, Any] = {}

    @property
    def is_persistent(self) -> bool:
        """Whether measurements are available after a restart."""
        return self._path is not None

    def get(self, model: str) -> Speed | None:
        """The measured speed of a model; None if there is none, or if "too slow" is outdated."""
        entry: Any = self._entries().get(_key(model))
        try:
            speed = Speed(float(entry["encode"]), float(entry["token"]), bool(entry["lagged"]))
            age = self._now() - float(entry["time"])
        except (TypeError, KeyError, ValueError):
            return None
        if not math.isfinite(speed.decoding) or (speed.too_slow and not 0 <= age < _MAX_SLOW_AGE):
            return None
        return speed

    def put(self, model: str, speed: Speed) -> None:
        entries = self._entries()
        entries.pop(_key(model), None)
        entries[_key(model)] = {
            "encode": round(speed.encode, 4),
            "token": round(speed.token, 5),
            "lagged": speed.lagged,
            "time": math.floor(self._now()),  # never later than now
        }
        self._memory = dict(list(entries.items())[-_MAX_ENTRIES:])
        if self._path is None:
            return
        try:
            replace_file(self._path, json.dumps(self._memory, indent=1).encode())
        except OSError as error:
            log.warning("cannot write %s (%s): the speed will be measured again at the next start", self._path, error)

    def _entries(self) -> dict[str, Any]:
        if self._path is None:
            return dict(self._memory)
        try:
            entries = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return dict(self._memory)
        return entries if isinstance(entries, dict) else {}


def _key(model: str) -> str:
    """The key of a measurement: it is valid for one model, on one computer, with one version of the library."""
    parts = (processor_name(), f"{os.cpu_count()} cores", f"ctranslate2 {version('ctranslate2')}", model)
    return ", ".join(parts)
