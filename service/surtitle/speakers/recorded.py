"""Who speaks when in a recording, found before it is transcribed."""

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
_AT_ONCE = 20.0  # seconds of audio in one request


def check_installed() -> None:
    """Raises `ModelError` where the extra is missing without which there is no speaker model."""
    if importlib.util.find_spec(EXTRA) is None:
        raise ModelError(
            "Telling speakers apart needs an extra: install it with `pip install 'surtitle[diarization]'`."
        )


def speakers(blocks: Iterable[Samples], model: str, progress: Callable[[float], None]) -> Timeline:
    """Activity of up to four speakers in 16 kHz samples; ``progress`` gets the seconds that were heard.

    Raises `ModelError`.
    """
    check_installed()
    found: list[tuple[int, Activity]] = []
    position = 0
    with closing(SpeakerProcess(model)) as process:
        process.wait_until_loaded()
        for block in join_blocks(blocks, round(_AT_ONCE * RATE)):
            found += _shaped(process.ask("feed", 0, _LATENCY, position, block.tobytes()))
            position += len(block)
            progress(position / RATE)
        found += _shaped(process.ask("flush", 0))
    timeline = Timeline(0.0, position / RATE + FRAME)
    for begin, activity in found:
        timeline.add(begin / RATE, activity)
    return timeline


def _shaped(answer: list[tuple[int, int, bytes]]) -> list[tuple[int, Activity]]:
    """Where each part begins, in samples, and its frames by speakers."""
    return [
        (begin, np.frombuffer(activity, dtype=np.float32).reshape(frames, SPEAKERS))
        for begin, frames, activity in answer
    ]
