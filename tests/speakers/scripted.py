"""Stands in for the speaker model: knows beforehand who speaks when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from surtitle.audio import RATE, Samples
from surtitle.speakers import diarizer
from surtitle.speakers.sortformer_kind import SortformerKind
from surtitle.speakers.timeline import FRAME, SPEAKERS
from tests.support import silence

_PER_FRAME = round(FRAME * RATE)


class ScriptedModel:
    """A `ModelRunner`, for one source at a time; ``script`` has the slot that is active in each frame, or -1."""

    script: Sequence[int] = ()
    turns = 1

    def __init__(self, model: str) -> None:
        self._received: dict[int, int] = {}

    def wait_until_loaded(self) -> None:
        """It is."""

    def ask(self, request: str, key: int, *more: Any) -> list[tuple[int, int, bytes, int]]:
        if request != "feed":
            return []
        _, position, samples = more
        begin = self._received.get(key, 0)
        until = self._received[key] = (position + len(samples) // 4) // _PER_FRAME
        activity = np.zeros((until - begin, SPEAKERS), dtype=np.float32)
        for frame in range(begin, until):
            if frame < len(self.script) and self.script[frame] >= 0:
                activity[frame - begin, self.script[frame]] = 0.9
        return [(begin * _PER_FRAME, until - begin, activity.tobytes(), 0)]

    def stop(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[ScriptedModel]:
    """Services use `ScriptedModel`, whose script a test sets."""
    monkeypatch.setattr(SortformerKind, "problem", lambda self: "")
    monkeypatch.setattr(diarizer, "run_model", ScriptedModel)
    return ScriptedModel


def turns(*spoken: tuple[int, Samples], pause: float = 0.8) -> tuple[Samples, list[int]]:
    """What people say one after another, each in the slot beside it, and the script for that."""
    parts, script = [], list[int]()
    for slot, samples in spoken:
        frames = len(samples) // _PER_FRAME
        parts += [samples[: frames * _PER_FRAME], silence(pause)]
        script += [slot] * frames + [-1] * round(pause / FRAME)
    return np.concatenate([*parts, silence(1.5)]), script
