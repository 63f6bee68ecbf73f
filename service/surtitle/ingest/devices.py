"""Sound devices of this computer: microphones, and what the computer plays. By the package soundcard, an extra."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from surtitle.audio.gaps import PlacedBlock
from surtitle.ingest.media_input import CloseLater, IngestError, MediaInput

_RATE = 48_000  # Hz
_BLOCK = 4_800  # frames: 0.1 s

_INSTALL = "Sound devices need the package soundcard: install it with `pip install 'surtitle[microphone]'`."
_NO_SOUND = {
    "linux": "No sound system answers on this computer: PulseAudio or PipeWire has to run, with the library libpulse.",
    "darwin": "macOS gives no access to sound devices: allow it in System Settings, Privacy & Security, Microphone.",
}
_NO_PLAYBACK = {
    "darwin": "macOS does not let programs hear what it plays: install a loopback driver such as BlackHole, and choose "
    "it with --device.",
}


@dataclass(frozen=True, slots=True)
class Device:
    """A sound device that can be listened to. ``playback`` is true if it is what the computer plays."""

    id: str
    name: str
    playback: bool = False
    default: bool = False


def list_devices() -> list[Device]:
    """All devices that can be listened to, microphones first. Raises `IngestError`."""
    soundcard = _import()
    try:
        microphones = soundcard.all_microphones(include_loopback=True)
        names = {_default_name(soundcard.default_microphone), _default_name(soundcard.default_speaker)}
    except Exception as error:  # the errors of each system's library are of their own kinds
        raise IngestError("failed", _no_sound()) from error
    devices = []
    for one in microphones:
        playback = bool(one.isloopback)
        name = str(one.name)
        default = name in names or (playback and any(other and other in name for other in names))
        devices.append(Device(str(one.id), name, playback, default))
    return sorted(devices, key=lambda device: device.playback)


def choose(devices: list[Device], wanted: str | None, *, playback: bool) -> Device:
    """The device whose id or part of whose name is ``wanted``, or else the default one. Raises `IngestError`."""
    if wanted is not None:
        exact = [one for one in devices if wanted in (one.id, one.name)]
        found = exact or [one for one in devices if wanted.casefold() in one.name.casefold()]
        if len(found) == 1:
            return found[0]
        problem = "Several devices are" if found else "No device is"
        raise IngestError("failed", f"{problem} called {wanted!r}: choose one from `surtitle listen --list`.")
    suitable = [one for one in devices if one.playback == playback]
    if not suitable and playback:
        nothing = "Nothing plays on this computer that could be listened to: connect a sound card or headphones."
        raise IngestError("failed", _NO_PLAYBACK.get(sys.platform, nothing))
    if not suitable:
        raise IngestError("failed", "There is no microphone: connect one, or use --playback for what is played.")
    return next((one for one in suitable if one.default), suitable[0])


@contextmanager
def open_device(device: Device, close_later: CloseLater, missing: float = 0.0) -> Iterator[MediaInput]:
    """Listen to a device. Raises `IngestError`."""
    soundcard = _import()
    try:
        microphone = soundcard.get_microphone(device.id, include_loopback=True)
        channels = min(2, int(microphone.channels))
        with microphone.recorder(samplerate=_RATE, channels=channels, blocksize=_BLOCK) as recorder:
            yield MediaInput(_record(recorder, device), live=True)
    except IngestError:
        raise
    except Exception as error:
        raise IngestError(
            "reconnecting", f"{device.name} cannot be listened to: check that it is connected, and not used alone."
        ) from error


def _record(recorder: Any, device: Device) -> Iterator[PlacedBlock]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about discontinuities, which are nothing a person can act on
        while True:
            frames = np.asarray(recorder.record(numframes=_BLOCK), dtype=np.float32)
            yield 0.0, frames.reshape(len(frames), -1), _RATE


def _import() -> Any:
    try:
        import soundcard
    except ImportError as error:
        raise IngestError("failed", _INSTALL) from error
    except Exception as error:  # it connects to the sound system when it is imported
        raise IngestError("failed", _no_sound()) from error
    return soundcard


def _default_name(find: Any) -> str:
    """The name of a default device; "" without one."""
    try:
        return str(find().name)
    except Exception:
        return ""


def _no_sound() -> str:
    return _NO_SOUND.get(sys.platform, "No sound system answers on this computer: check its sound settings.")
