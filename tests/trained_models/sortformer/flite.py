"""Speak with flite's voices and tell when each word and phone is spoken.

The shared libraries are called directly, because flite's command prints the phones' times but not
the words'. flite (Carnegie Mellon University) has a BSD-like licence; so have its voices.
"""

import ctypes

import numpy as np
import soxr

RATE = 16000
VOICES = {"slt": "cmu_us_slt", "rms": "cmu_us_rms", "awb": "cmu_us_awb", "kal16": "cmu_us_kal16"}
MEAN_PITCH_HZ = {"slt": 170.0, "rms": 100.0, "awb": 120.0, "kal16": 95.0}

MARGIN_S = 0.03

# The samples, the words with start and end, and the phones with their end.
Sound = tuple[np.ndarray, list[tuple[str, float, float]], list[tuple[str, float]]]


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_int16)),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


class Flite:
    """flite's voices behind its C interface."""

    def __init__(self) -> None:
        """Load the library; voices load when they are first used."""
        self._lib = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
        for name in ("libflite_cmulex.so.1", "libflite_usenglish.so.1"):
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        for name, result, arguments in (
            ("flite_init", ctypes.c_int, ()),
            ("flite_synth_text", pointer, (text, pointer)),
            ("utt_wave", ctypes.POINTER(_Wave), (pointer,)),
            ("utt_relation", pointer, (pointer, text)),
            ("relation_head", pointer, (pointer,)),
            ("item_next", pointer, (pointer,)),
            ("item_feat_string", text, (pointer, text)),
            ("item_feat_float", ctypes.c_float, (pointer, text)),
            ("ffeature_float", ctypes.c_float, (pointer, text)),
            ("flite_feat_set_float", None, (pointer, text, ctypes.c_float)),
            ("delete_utterance", None, (pointer,)),
        ):
            function = getattr(self._lib, name)
            function.restype, function.argtypes = result, list(arguments)
        self._lib.flite_init()
        self._voices: dict[str, tuple[ctypes.c_void_p, ctypes.c_void_p]] = {}

    def _voice(self, name: str) -> tuple[ctypes.c_void_p, ctypes.c_void_p]:
        """Return the voice and its settings."""
        if name not in self._voices:
            library = ctypes.CDLL(f"libflite_{VOICES[name]}.so.1", mode=ctypes.RTLD_GLOBAL)
            register = getattr(library, f"register_{VOICES[name]}")
            register.restype, register.argtypes = ctypes.POINTER(_Voice), [ctypes.c_void_p]
            voice = register(None)
            features = ctypes.c_void_p(voice.contents.features)
            self._voices[name] = ctypes.cast(voice, ctypes.c_void_p), features
        return self._voices[name]

    def _items(self, utterance: int, relation: bytes) -> list[int]:
        """Return the items of one relation of an utterance, in order."""
        items = []
        item = self._lib.relation_head(self._lib.utt_relation(utterance, relation))
        while item:
            items.append(item)
            item = self._lib.item_next(item)
        return items

    def speak(
        self, text: str, voice_name: str, stretch: float, pitch: float
    ) -> tuple[np.ndarray, list[tuple[str, float, float]], list[tuple[str, float]]]:
        """Return the samples, the words with start and end, and the phones with their end."""
        voice, features = self._voice(voice_name)
        mean_pitch = MEAN_PITCH_HZ[voice_name] * pitch
        self._lib.flite_feat_set_float(features, b"duration_stretch", stretch)
        self._lib.flite_feat_set_float(features, b"int_f0_target_mean", mean_pitch)
        utterance = self._lib.flite_synth_text(text.encode(), voice)
        wave = self._lib.utt_wave(utterance).contents
        samples = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).copy()
        if wave.sample_rate != RATE:
            samples = soxr.resample(samples, wave.sample_rate, RATE)
        words = []
        for token in self._items(utterance, b"Token"):
            first = b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
            last = b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"
            words.append(
                (
                    self._lib.item_feat_string(token, b"name").decode(),
                    self._lib.ffeature_float(token, first),
                    self._lib.ffeature_float(token, last),
                )
            )
        phones = [
            (
                self._lib.item_feat_string(segment, b"name").decode(),
                self._lib.item_feat_float(segment, b"end"),
            )
            for segment in self._items(utterance, b"Segment")
        ]
        self._lib.delete_utterance(utterance)
        return samples, words, phones


def trimmed(samples: np.ndarray, words: list[tuple[str, float, float]], phones: list[tuple[str, float]]) -> Sound:
    """Cut the silence before the first and after the last word."""
    if not words:
        return samples, words, phones
    begin = max(0.0, words[0][1] - MARGIN_S)
    end = min(len(samples) / RATE, words[-1][2] + MARGIN_S)
    return (
        samples[round(begin * RATE) : round(end * RATE)],
        [(word, round(start - begin, 3), round(stop - begin, 3)) for word, start, stop in words],
        [(phone, round(min(stop, end) - begin, 3)) for phone, stop in phones if stop > begin],
    )
