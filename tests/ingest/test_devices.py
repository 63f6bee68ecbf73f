"""Choosing a sound device, and what is said where there is none: with a sound system that is only a module."""

from __future__ import annotations

import sys
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from surtitle.ingest.devices import Device, choose, list_devices, open_device
from surtitle.ingest.media_input import IngestError

MICROPHONE = Device("mic0", "Headset", default=True)
SPEAKERS = Device("out0.monitor", "Monitor of Speakers", playback=True, default=True)
DEVICES = [MICROPHONE, Device("mic1", "Webcam"), SPEAKERS]


class Microphone(SimpleNamespace):
    def recorder(self, **options: Any) -> Microphone:
        return self

    def __enter__(self) -> Microphone:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def record(self, numframes: int) -> Any:
        return np.zeros((numframes, self.channels))


def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Microphone(id="out0.monitor", name="Monitor of Speakers", isloopback=True, channels=2),
        Microphone(id="mic0", name="Headset", isloopback=False, channels=1),
    ]
    module = SimpleNamespace(
        all_microphones=lambda include_loopback: found,
        default_microphone=lambda: SimpleNamespace(name="Headset"),
        default_speaker=lambda: SimpleNamespace(name="Speakers"),
        get_microphone=lambda wanted, include_loopback: next(one for one in found if one.id == wanted),
    )
    monkeypatch.setitem(sys.modules, "soundcard", module)


def test_devices_are_listed_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch)
    assert list_devices() == [MICROPHONE, SPEAKERS]
    with open_device(SPEAKERS, lambda close: None) as media:
        assert media.live
        assert [(len(frames), rate) for _, frames, rate in islice(media.blocks, 2)] == [(4800, 48_000)] * 2


def test_a_device_is_chosen() -> None:
    assert choose(DEVICES, None, playback=False) == MICROPHONE
    assert choose(DEVICES, None, playback=True) == SPEAKERS
    assert choose(DEVICES, "webcam", playback=False).id == "mic1"
    assert choose(DEVICES, "out0.monitor", playback=False) == SPEAKERS
    for wanted, problem in (("nothing", "No device is"), ("e", "Several devices are")):
        with pytest.raises(IngestError, match=problem):
            choose(DEVICES, wanted, playback=False)


def test_what_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IngestError, match="There is no microphone"):
        choose([SPEAKERS], None, playback=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(IngestError, match="loopback driver"):
        choose([MICROPHONE], None, playback=True)
    monkeypatch.setitem(sys.modules, "soundcard", None)
    with pytest.raises(IngestError, match="pip install"):
        list_devices()
