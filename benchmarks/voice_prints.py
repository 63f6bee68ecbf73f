"""How well voices are recognized: `python -m benchmarks.voice_prints KNOWN STRANGERS`.

KNOWN has a folder of recordings for each person. From the first half of them a voice is learned, and the second half is
cut into pieces to recognize. STRANGERS has recordings of other people. Both folders may be those of LibriSpeech; the
repository of Resemblyzer has a suitable part of it in ``audio_data``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surtitle.audio import RATE, Samples
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks
from surtitle.speakers.voice_encoder import WINDOW, VoicePrint, compute_voice_prints, normalize
from surtitle.speakers.voice_matching import compare_voices, find_known
from surtitle.speakers.voice_tracker import Voice
from surtitle.speech.vad import CHUNK, SileroVad

_MIN_SPEECH = 0.5  # probability
_LEARNED = 15.0  # seconds of speech
_LENGTHS = (6.0, 12.0)  # seconds of speech to recognize
_SNR = 15.0  # dB
_FADE = 0.07  # seconds in which a room's echo becomes weaker by a factor of e

_Numbers = NDArray[np.floating[Any]]


def main() -> None:
    known, strangers = map(Path, sys.argv[1:3])
    people = {one.name: sorted(one.glob("*.flac")) for one in sorted(known.iterdir()) if one.is_dir()}
    halves = {name: (files[: len(files) // 2], files[len(files) // 2 :]) for name, files in people.items()}
    others = [speech(load([path])) for path in sorted(strangers.glob("*.flac"))]
    for title, first, second in _CONDITIONS:
        voices = {
            name: Voice(_print(_take(speech(first(load(half[0]))), _LEARNED)), _LEARNED)
            for name, half in halves.items()
        }
        known_voices = {name: [voice] for name, voice in voices.items()}
        sounds = {name: speech(second(load(half[1]))) for name, half in halves.items()}
        for seconds in _LENGTHS:
            own: list[float] = []
            foreign: list[float] = []
            found: list[str] = []
            for name, sound in sounds.items():
                for piece in _pieces(sound, seconds):
                    voice = Voice(_print(piece), seconds)
                    for other, one in voices.items():
                        (own if other == name else foreign).append(compare_voices(voice.print, one.print))
                    match = find_known(voice, known_voices)
                    found.append("right" if match == name else "none" if match is None else "wrong")
            shares = ", ".join(
                f"{100 * found.count(one) / len(found):.1f} % {one}" for one in ("right", "none", "wrong")
            )
            print(
                f"{title}, {seconds:g} s, {len(found)} pieces: {shares}; same person {np.mean(own):.2f}, "
                f"others {np.mean(foreign):.2f} (highest {max(foreign):.2f}), "
                f"equal error rate {100 * _equal_error(own, foreign):.1f} %"
            )
        if title == "same":
            for seconds in _LENGTHS:
                pieces = [piece for sound in others for piece in _pieces(sound, seconds)]
                named = sum(find_known(Voice(_print(piece), seconds), known_voices) is not None for piece in pieces)
                print(f"strangers, {seconds:g} s: {named} of {len(pieces)} pieces of {len(others)} people named")


def load(paths: list[Path]) -> Samples:
    return np.concatenate([block for path in paths for block in resample_blocks(decode(str(path)))])


def speech(samples: Samples) -> Samples:
    """The parts of the samples with speech."""
    vad = SileroVad()
    chunks = [samples[at : at + CHUNK] for at in range(0, len(samples) - CHUNK + 1, CHUNK)]
    return np.concatenate([samples[:0], *(one for one in chunks if vad.probability(one) >= _MIN_SPEECH)])


def _take(samples: Samples, seconds: float) -> Samples:
    return samples[: round(seconds * RATE)]


def _pieces(samples: Samples, seconds: float) -> Iterator[Samples]:
    size = round(seconds * RATE)
    return (samples[at : at + size] for at in range(0, len(samples) - size + 1, size // 2))


def _print(samples: Samples) -> VoicePrint:
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[:: WINDOW // 2]
    return normalize(compute_voice_prints(windows).sum(axis=0))


def _equal_error(own: list[float], foreign: list[float]) -> float:
    """The rate of errors where as many of the same person are refused as others are accepted."""
    same, others = np.array(own), np.array(foreign)
    rates = [((same < at).mean(), (others >= at).mean()) for at in np.sort(np.concatenate((same, others)))]
    return float(min((max(rate) for rate in rates), default=0.0))


def _same(samples: Samples) -> Samples:
    return samples


def _telephone(samples: Samples) -> Samples:
    spectrum, frequencies = np.fft.rfft(samples), np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(frequencies < 300) | (frequencies > 3400)] = 0
    return np.asarray(np.fft.irfft(spectrum, len(samples)), dtype=np.float32)


def _noisy(samples: Samples) -> Samples:
    noise = np.random.default_rng(1).standard_normal(len(samples))
    level = np.sqrt(np.mean(samples**2)) * 10 ** (-_SNR / 20)
    return np.asarray(samples + level * noise, dtype=np.float32)


def _in_a_room(samples: Samples) -> Samples:
    size = round(5 * _FADE * RATE)
    echo = np.random.default_rng(2).standard_normal(size) * np.exp(-np.arange(size) / (_FADE * RATE))
    echo[0] = 6.0
    spectrum = np.fft.rfft(samples, len(samples) + size) * np.fft.rfft(echo / np.linalg.norm(echo), len(samples) + size)
    return np.asarray(np.fft.irfft(spectrum)[: len(samples)], dtype=np.float32)


def _filtered(gain: Callable[[_Numbers], _Numbers]) -> Callable[[Samples], Samples]:
    """A microphone whose ``gain`` in dB depends on the frequency in Hz."""

    def apply(samples: Samples) -> Samples:
        spectrum, frequencies = np.fft.rfft(samples), np.fft.rfftfreq(len(samples), 1 / RATE)
        filtered = spectrum * 10 ** (gain(np.maximum(frequencies, 20.0)) / 20)
        return np.asarray(np.fft.irfft(filtered, len(samples)), dtype=np.float32)

    return apply


def _tilted(slope: float) -> Callable[[Samples], Samples]:
    """``slope`` dB per octave around 1 kHz, within three octaves."""
    return _filtered(lambda hertz: slope * np.clip(np.log2(hertz / 1000), -3, 3))


_laptop = _filtered(  # no bass, a resonance, little above 6 kHz
    lambda hertz: (
        -18 * np.maximum(np.log2(300 / hertz), 0)
        + 6 * np.exp(-((np.log2(hertz / 2500) / 0.5) ** 2))
        - 12 * np.maximum(np.log2(hertz / 6000), 0)
    )
)


def _coded(*codec: str) -> Callable[[Samples], Samples]:
    """What ffmpeg's encoder with these options, the last of which is the format, leaves of it."""

    def apply(samples: Samples) -> Samples:
        raw = ["-f", "f32le", "-ar", str(RATE), "-ac", "1"]
        quiet = ["ffmpeg", "-loglevel", "error"]
        coded = subprocess.run(
            [*quiet, *raw, "-i", "-", *codec, "-"], input=samples.tobytes(), capture_output=True, check=True
        )
        back = subprocess.run([*quiet, "-i", "-", *raw, "-"], input=coded.stdout, capture_output=True, check=True)
        return np.frombuffer(back.stdout, np.float32)

    return apply


_Condition = tuple[str, Callable[[Samples], Samples], Callable[[Samples], Samples]]

_CONDITIONS: tuple[_Condition, ...] = (
    ("same", _same, _same),
    ("3 dB per octave darker in the second session", _same, _tilted(-3)),
    ("3 dB per octave brighter in the second session", _same, _tilted(3)),
    ("a laptop's microphone in the second session", _same, _laptop),
    ("Opus, 16 kbit/s, in the second session", _same, _coded("-c:a", "libopus", "-b:a", "16k", "-f", "ogg")),
    ("MP3, 32 kbit/s, in the second session", _same, _coded("-c:a", "libmp3lame", "-b:a", "32k", "-f", "mp3")),
    ("noise in the second session", _same, _noisy),
    ("telephone in the second session", _same, _telephone),
    ("telephone in both sessions", _telephone, _telephone),
    ("another room in the second session", _same, _in_a_room),
    ("this room in both sessions", _in_a_room, _in_a_room),
)


if __name__ == "__main__":
    main()
