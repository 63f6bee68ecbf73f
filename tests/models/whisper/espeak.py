"""Speak with espeak-ng's voices and tell when each word is spoken.

The shared library is called directly, because espeak-ng's command does not print the times. It is
under the GPL; only what is learnt from its sound is kept.
"""

import ctypes

import numpy as np
import soxr

from tests.models.whisper.flite import RATE

# From espeak-ng's speak_lib.h.
SYNCHRONOUS, PHONEME_EVENTS, UTF8 = 2, 1, 1
SPEED, PITCH = 1, 3
LIST_TERMINATED, WORD, PHONEME = 0, 1, 7
PAUSE = "_"


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int16), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """espeak-ng's voices behind its C interface, of which a process has one."""

    def __init__(self) -> None:
        """Load the library."""
        self._lib = ctypes.CDLL("libespeak-ng.so.1")
        self._rate = self._lib.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEME_EVENTS)
        self._samples: list[np.ndarray] = []
        self._events: list[tuple[int, int, float, str]] = []
        self._heard = _Heard(self._hear)
        self._lib.espeak_SetSynthCallback(self._heard)

    def _hear(self, samples: "ctypes._Pointer[ctypes.c_int16]", count: int, events: "ctypes._Pointer[_Event]") -> int:
        """Keep what the library says, piece by piece."""
        if count > 0:
            self._samples.append(np.ctypeslib.as_array(samples, (count,)).copy())
        place = 0
        while events[place].type != LIST_TERMINATED:
            event = events[place]
            name = event.id.string.decode(errors="replace") if event.type == PHONEME else ""
            self._events.append((event.type, event.text_position, event.audio_position / 1000, name))
            place += 1
        return 0

    def speak(
        self, text: str, voice: str, words_per_minute: int, pitch: int
    ) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
        """Return the samples and the words with start and end; ``pitch`` is from 0 to 99.

        Words that the library says as one ("of the") share its time by their letters.
        """
        self._samples, self._events = [], []
        self._lib.espeak_SetVoiceByName(voice.encode())
        self._lib.espeak_SetParameter(SPEED, words_per_minute, 0)
        self._lib.espeak_SetParameter(PITCH, pitch, 0)
        content = text.encode()
        self._lib.espeak_Synth(content, ctypes.c_size_t(len(content) + 1), 0, 1, 0, UTF8, None, None)
        samples = soxr.resample(np.concatenate(self._samples), self._rate, RATE)
        begun = [number for number, event in enumerate(self._events) if event[0] == WORD and event[1] > 0]
        stops = [*(self._events[number][1] for number in begun[1:]), len(text) + 1]
        words: list[tuple[str, float, float]] = []
        for number, stop in zip(begun, stops, strict=True):
            _, position, start, _ = self._events[number]
            end = self._end(number, len(samples) / RATE)
            together = text[position - 1 : stop - 1].rstrip(".? ").split()
            bounds = np.cumsum([0, *map(len, together)])
            times = (start + (end - start) * bounds / max(1, bounds[-1])).tolist()
            words += zip(together, times, times[1:], strict=False)
        return samples, words

    def _end(self, place: int, last: float) -> float:
        """Return where the word of an event ends: at the next word or pause."""
        for kind, _, time, name in self._events[place + 1 :]:
            if kind == WORD or (kind == PHONEME and name.startswith(PAUSE)):
                return time
        return last
