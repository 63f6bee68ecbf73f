"""What each speaker of a source sounds like, collected while a speaker talks alone."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from surtitle.audio import RATE, Samples
from surtitle.speakers.timeline import FRAME, SPEAKERS, Activity
from surtitle.speakers.voice_encoder import SIZE, WINDOW, VoicePrint, compute_voice_prints, normalize

_STEP = WINDOW // 2  # samples from one window to the next
_PER_FRAME = round(FRAME * RATE)
_MIN_WINDOWS = 7  # that are computed together, 6.4 s at first: a microphone's sound can only be told from much speech
_MIN_ACTIVITY = 0.5  # probability from which a speaker is active
_MAX_OTHERS = 0.3  # probability up to which the others are silent
_MAX_SECONDS = 60.0  # of a speaker's voice, after which nothing more is computed
_MAX_BUFFERED = 60.0  # seconds of audio that wait for the activity


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker's voice print, from that many ``seconds`` of speech."""

    print: VoicePrint
    seconds: float


@dataclass(slots=True)
class _Speaker:
    speech: Samples = field(default_factory=lambda: np.zeros(0, dtype=np.float32))  # not in a print yet
    total: NDArray[np.float64] = field(default_factory=lambda: np.zeros(SIZE))
    seconds: float = 0.0


class VoiceTracker:
    """Collects the voices of one source's speakers; written by one thread, read by others.

    Only speech is used during which nobody else speaks. ``compute`` makes voice prints of windows, and ``on_change`` is
    called when a voice is known better.
    """

    def __init__(
        self,
        compute: Callable[[Samples], VoicePrint] = compute_voice_prints,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._compute = compute
        self._on_change = on_change
        self._audio: deque[tuple[int, Samples]] = deque()  # each with its beginning, in samples
        self._speakers: dict[int, _Speaker] = {}
        self._voices: dict[int, Voice] = {}
        self._lock = threading.Lock()

    def voices(self) -> dict[int, Voice]:
        """The voices known so far, by the speakers' numbers in the source's timeline."""
        with self._lock:
            return dict(self._voices)

    def put(self, position: int, samples: Samples) -> None:
        """Take 16 kHz samples whose activity is not known yet; ``position`` is that of the first one."""
        self._audio.append((position, samples))
        newest = position + len(samples)
        while self._audio[0][0] + len(self._audio[0][1]) < newest - _MAX_BUFFERED * RATE:
            self._audio.popleft()

    def add(self, position: int, activity: Activity, model: int = 0) -> None:
        """Take the activity that begins at the sample ``position``; ``model`` is as for `Timeline.add`."""
        active = activity >= _MIN_ACTIVITY
        best = activity.argmax(axis=1)
        alone = (active.sum(axis=1) == 1) & (np.partition(activity, -2, axis=1)[:, -2] <= _MAX_OTHERS)
        changed = False
        for slot in np.unique(best[alone]):
            key = model * SPEAKERS + int(slot)
            speaker = self._speakers.setdefault(key, _Speaker())
            if speaker.seconds >= _MAX_SECONDS:
                continue
            frames = np.flatnonzero(alone & (best == slot))
            parts = [self._cut(position + int(frame) * _PER_FRAME) for frame in frames]
            speaker.speech = np.concatenate((speaker.speech, *parts))
            changed |= self._extend(key, speaker)
        self._forget(position + len(activity) * _PER_FRAME)
        if changed:
            self._on_change()

    def close(self) -> None:
        """Forget the audio. The voices stay."""
        self._audio.clear()
        for speaker in self._speakers.values():
            speaker.speech = speaker.speech[:0]

    def _extend(self, key: int, speaker: _Speaker) -> bool:
        """Compute the prints of the speech that fills windows. Returns whether there was any."""
        count = (len(speaker.speech) - WINDOW) // _STEP + 1
        if count < _MIN_WINDOWS:
            return False
        windows = np.lib.stride_tricks.sliding_window_view(speaker.speech, WINDOW)[::_STEP][:count]
        speaker.total += self._compute(np.ascontiguousarray(windows)).sum(axis=0)
        new = count * _STEP + (0 if speaker.seconds else WINDOW - _STEP)  # the windows overlap
        speaker.seconds += new / RATE
        speaker.speech = speaker.speech[count * _STEP :]
        with self._lock:
            self._voices[key] = Voice(normalize(speaker.total), speaker.seconds)
        return True

    def _cut(self, start: int) -> Samples:
        """The samples of the frame at ``start``, as far as they are here."""
        parts = [
            samples[max(0, start - begin) : max(0, start + _PER_FRAME - begin)]
            for begin, samples in self._audio
            if begin < start + _PER_FRAME and begin + len(samples) > start
        ]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)

    def _forget(self, before: int) -> None:
        """Drop audio that ends before a position."""
        while self._audio and self._audio[0][0] + len(self._audio[0][1]) <= before:
            self._audio.popleft()
