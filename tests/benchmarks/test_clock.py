"""The pipeline on a virtual clock, with Whisper tiny.en."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import clock
from benchmarks.models import Model
from benchmarks.recordings import aligned
from benchmarks.talk import talk
from surtitle.captions.caption import Caption
from surtitle.core.words import Word
from tests.support import need, speech

TEXT = "The train was late because of the heavy snow."


def test_what_is_on_display_and_since_when() -> None:
    display = clock.Display()
    one, two, three = (Word(text, 0.0, 1.0) for text in ("One", "two.", "Three"))
    display.show(1.0, [Caption("a", 1, "x", "en", (one,), (two,))])
    display.show(2.0, [])
    display.show(3.0, [Caption("a", 2, "x", "en", (one, two), final=True), Caption("b", 1, "x", "en", (), (three,))])
    assert [(state.at, state.committed, state.shown) for state in display.states] == [
        (1.0, "One", "One two."),
        (3.0, "One two.", "One two. Three"),
    ]


def test_captions_come_after_their_sound_and_end_committed(whisper_tiny: Path) -> None:
    need("flite")
    sound = (speech(TEXT) * (2**15 - 1)).astype(np.int16)
    spoken = talk([aligned("snow", "en", sound, TEXT)])
    engine = clock.load(Model("tiny.en", whisper_tiny), {})
    states, cpu = clock.play(engine, spoken)
    engine.close()
    times = [state.at for state in states]
    assert times == sorted(times)
    assert 0 < cpu < spoken.seconds
    assert times[0] > spoken.words[0].start
    assert times[-1] <= spoken.seconds + cpu
    assert states[-1].committed == states[-1].shown != ""


def test_durations_are_processor_time_meanwhile() -> None:
    monotonic = time.monotonic
    with clock.processor_clock():
        assert time.monotonic() == pytest.approx(time.process_time(), abs=0.05)
    assert time.monotonic is monotonic
