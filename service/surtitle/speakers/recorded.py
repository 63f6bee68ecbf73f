"""Diarizes a complete recording before it is transcribed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from contextlib import closing

import numpy as np

from surtitle.audio import RATE, Samples
from surtitle.audio.intake import join_blocks
from surtitle.core.errors import ModelError
from surtitle.speakers.diarizer import EXTRA, SpeakerProcess
from surtitle.speakers.timeline import FRAME, SPEAKERS, Activity, Timeline

_LATENCY = 10.0  # seconds: the most accurate of the model's settings
_MAX_REQUEST = 20.0  # seconds of audio in one request


def is_installed() -> bool:
    """Whether the extra that the speaker model needs is installed."""
    return importlib.util.find_spec(EXTRA) is not None


def check_installed() -> None:
    """Raise `ModelError` if the extra that the speaker model needs is not installed."""
    if not is_installed():
        raise ModelError(
            "Telling speakers apart needs an optional dependency: run `pip install 'surtitle[diarization]'`."
        )


def speakers(blocks: Iterable[Samples], model: str, progress: Callable[[float], None]) -> Timeline:
    """The activity of up to four speakers in 16 kHz samples; ``progress`` receives the seconds processed so far.

    Raises `ModelError`.
    """
    check_installed()
    found: list[tuple[int, Activity]] = []
    position = 0
    with closing(SpeakerProcess(model)) as process:
        process.wait_until_loaded()
        for block in join_blocks(blocks, round(_MAX_REQUEST * RATE)):
            found += _parse_answer(process.ask("feed", 0, _LATENCY, position, block.tobytes()))
            position += len(block)
            progress(position / RATE)
        found += _parse_answer(process.ask("flush", 0))
    timeline = Timeline(0.0, position / RATE + FRAME)
    for begin, activity in found:
        timeline.add(begin / RATE, activity)
    return timeline


def _parse_answer(answer: list[tuple[int, int, bytes]]) -> list[tuple[int, Activity]]:
    """The beginning of each part, in samples, and its activity, shape (frames, speakers)."""
    return [
        (begin, np.frombuffer(activity, dtype=np.float32).reshape(frames, SPEAKERS))
        for begin, frames, activity in answer
    ]
