"""Diarizes a complete recording before it is transcribed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing

from surtitle.audio import RATE, Samples
from surtitle.audio.intake import join_blocks
from surtitle.core.errors import ModelError
from surtitle.speakers.kinds import find_diarizer
from surtitle.speakers.runners import Found, parse_answer, run_model
from surtitle.speakers.timeline import FRAME, Timeline

_LATENCY = 10.0  # seconds: the most accurate of the model's settings
_MAX_REQUEST = 20.0  # seconds of audio in one request


def speakers(blocks: Iterable[Samples], model: str, progress: Callable[[float], None]) -> Timeline:
    """The activity of up to four speakers in 16 kHz samples; ``progress`` receives the seconds processed so far.

    Raises `ModelError`.
    """
    if problem := find_diarizer(model).problem():
        raise ModelError(problem)
    found: list[Found] = []
    position = 0
    with closing(run_model(model)) as runner:
        runner.wait_until_loaded()
        for block in join_blocks(blocks, round(_MAX_REQUEST * RATE)):
            found += parse_answer(runner.ask("feed", 0, _LATENCY, position, block.tobytes()))
            position += len(block)
            progress(position / RATE)
        found += parse_answer(runner.ask("flush", 0))
    timeline = Timeline(0.0, position / RATE + FRAME)
    for each in found:
        timeline.add(each.position / RATE, each.activity, each.stream)
    return timeline
