"""How fast this computer runs a model: measured once, and kept."""

from __future__ import annotations

import json
import logging
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from surtitle.speech.whisper.model import Prompt, WhisperModel

log = logging.getLogger("surtitle.speech")

FILE = "speed.json"
"""In the data folder."""

_FRAMES = 1000  # of features, 10 s: about what a window of live speech has
_TOKENS = 20  # that a window has
_TRIES = 2  # the faster one is used
_LONG = 1.5  # seconds after which there is no second try
_MAX_DECODING = 0.6  # seconds; base on one core of a server needs 0.25, tiny.en half of it
_SLOW_FOR = 24 * 3600.0  # seconds a model is taken for too slow: the computer may have been busy with something else
_KEPT = 64  # measurements in the file


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds that this computer needs to encode 10 s and for one token; ``lagged``: too slow with live sound."""

    encode: float
    token: float
    lagged: bool = False

    @property
    def decoding(self) -> float:
        """Seconds for one decoding of a whole window."""
        return self.encode + _TOKENS * self.token

    @property
    def too_slow(self) -> bool:
        """Whether live captions would fall behind."""
        return self.lagged or self.decoding > _MAX_DECODING

    def allows(self, times: float) -> bool:
        """Whether a model that costs ``times`` as much would be fast enough."""
        return not self.lagged and self.decoding * times <= _MAX_DECODING

    def __str__(self) -> str:
        if self.lagged:
            return "captions fell behind"
        return f"decoding 10 s takes {self.decoding:.1f} s of at most {_MAX_DECODING:.1f} s"


def measure(model: WhisperModel, threads: int) -> Speed:
    """Time a loaded model; takes a second or two, call in a thread.

    ``threads`` is how many one decoding uses. Raises RuntimeError and ValueError when the model does not run.
    """
    threads = threads if model.on_processor else 0
    features = np.zeros((1, model.mels, _FRAMES), dtype=np.float32)
    start, end = (model.tokenizer.token_to_id(token) for token in ("<|startoftranscript|>", "<|endoftext|>"))
    if start is None or end is None:
        raise ValueError("its tokenizer is not Whisper's")
    encode = token = math.inf
    began = time.perf_counter()
    for _ in range(_TRIES):
        seconds, encoded = _timed(lambda: model.encode(features, to_cpu=True), threads)
        encode = min(encode, seconds)
        # some tokens, whatever they are: the end of the text is forbidden
        written = partial(model.generate, encoded, [Prompt((start,))], most=_TOKENS, suppressed=[end], blank=True)
        seconds, result = _timed(written, threads)
        token = min(token, seconds / max(1, len(result[0].tokens)))
        if time.perf_counter() - began > _LONG:
            break
    return Speed(encode, token)


def _timed(work: Callable[[], Any], threads: int) -> tuple[float, Any]:
    """Seconds that ``work`` takes on an idle processor, and its result; 0 threads for another device.

    The time that all threads had on a processor is less than the clock says when other programs run, too.
    """
    clock, used = time.perf_counter(), time.process_time()
    result = work()
    clock, used = time.perf_counter() - clock, time.process_time() - used
    return (min(clock, used / threads) if threads else clock), result


class SpeedStore:
    """The measurements of this computer, in a file; with None for the data folder, in memory only.

    A file that is damaged or of another computer is as good as none, and one that cannot be written costs another
    measurement at the next start.
    """

    def __init__(self, data_dir: Path | None, now: Callable[[], float] = time.time) -> None:
        self._path = data_dir / FILE if data_dir else None
        self._now = now
        self._memory: dict[str, Any] = {}

    @property
    def lasts(self) -> bool:
        """Whether measurements are there at the next start."""
        return self._path is not None

    def get(self, model: str) -> Speed | None:
        """What was measured of that model; None if nothing was, or it was too slow long ago."""
        entry: Any = self._entries().get(_key(model))
        try:
            speed = Speed(float(entry["encode"]), float(entry["token"]), bool(entry["lagged"]))
            age = self._now() - float(entry["time"])
        except (TypeError, KeyError, ValueError):
            return None
        if not math.isfinite(speed.decoding) or (speed.too_slow and not 0 <= age < _SLOW_FOR):
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
        self._memory = dict(list(entries.items())[-_KEPT:])
        if self._path is None:
            return
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self._memory, indent=1), encoding="utf-8")
            temporary.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written (%s): the speed is measured again next time", self._path, error)

    def _entries(self) -> dict[str, Any]:
        if self._path is None:
            return dict(self._memory)
        try:
            entries = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return dict(self._memory)
        return entries if isinstance(entries, dict) else {}


def _key(model: str) -> str:
    """A measurement holds for this model on this computer with these libraries."""
    parts = (processor(), f"{os.cpu_count()} cores", f"ctranslate2 {version('ctranslate2')}", model)
    return ", ".join(parts)


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()
