"""Sounds without a word in them, on which speech recognizers invent words: made by numpy, any length, seeded.

Each is a function of a length in seconds and a random generator; the same seed makes the same
samples. `SOUNDS` names them all.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from surtitle.audio import RATE, Samples

Signal = NDArray[np.float64]
"""Sound while it is being made, shape (n,), any scale."""
Sound = Callable[[float, Generator], Signal]

_ROOM = 0.0006  # RMS of the noise of a quiet room, with a microphone in it
_FORMANTS = {  # Hz, of a grown-up's vowels
    "a": (750, 1250, 2600),
    "e": (500, 1850, 2500),
    "i": (300, 2250, 3000),
    "o": (480, 900, 2500),
    "u": (330, 800, 2300),
    "ə": (520, 1450, 2500),
}
_CROWD_TEXTS = (
    "So I went over there on Monday and nobody had any idea what was going on with the tickets.",
    "The train was forty minutes late again, and then they closed the doors right in front of us.",
    "If you put the onions in first they get much sweeter, that is what my grandmother always did.",
    "We are thinking about moving closer to the sea, but the prices there have gone completely mad.",
    "He told me that the meeting is on the second floor now, next to the room with the blue door.",
    "I have not seen that film yet, but my sister said that the ending makes no sense at all.",
)


def make(name: str, seconds: float, seed: int = 1) -> Samples:
    """A sound of `SOUNDS`, 16 kHz. Raises `KeyError` for a name that is not there."""
    rng = np.random.default_rng([seed, *name.encode()])
    made = SOUNDS[name](seconds, rng)
    return np.clip(made, -1.0, 1.0).astype(np.float32)


# Noise


def silence(seconds: float, rng: Generator) -> Signal:
    """Digital silence."""
    return np.zeros(_count(seconds))


def dithered_silence(seconds: float, rng: Generator) -> Signal:
    """What a sound card without a microphone delivers: the last bit of 16 flickers."""
    return np.round(rng.normal(0.0, 0.7, _count(seconds))) / 32768


def white_noise(seconds: float, rng: Generator) -> Signal:
    return rng.normal(0.0, 0.03, _count(seconds))


def pink_noise(seconds: float, rng: Generator) -> Signal:
    return _noise(seconds, rng, lambda f: np.maximum(f, 20.0) ** -0.5, 0.05)


def mains_hum(seconds: float, rng: Generator) -> Signal:
    """50 Hz and its harmonics."""
    t = _time(seconds)
    levels = (1.0, 0.5, 0.35, 0.2, 0.12, 0.05)
    hum = sum(level * np.sin(2 * np.pi * 50 * (k + 1) * t + k) for k, level in enumerate(levels))
    return 0.03 * np.asarray(hum) + rng.normal(0.0, _ROOM, len(t))


def fan(seconds: float, rng: Generator) -> Signal:
    """Air, and the blades that pass."""
    air = _noise(seconds, rng, lambda f: 1 / (1 + (f / 400) ** 2) + 0.05, 0.03)
    t = _time(seconds)
    blades = sum(np.sin(2 * np.pi * 87 * k * t) / k**2 for k in (1, 2, 3, 4))
    return air * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * t)) + 0.01 * np.asarray(blades)


def wind(seconds: float, rng: Generator) -> Signal:
    """Gusts on a microphone."""
    low = _noise(seconds, rng, lambda f: 1 / (1 + (f / 120) ** 2), 0.12)
    whistle = _noise(seconds, rng, lambda f: np.exp(-(((f - 600) / 250) ** 2)), 0.02)
    gusts = _drift(seconds, rng, 0.4, 0.1, 1.0)
    return low * gusts + whistle * gusts**2


# Rooms


def typing(seconds: float, rng: Generator) -> Signal:
    """A keyboard near the microphone: a press and a release for each key, in bursts."""
    sound = _room(seconds, rng)
    for burst in _moments(seconds, rng, 3.5):
        at = burst
        for _ in range(int(rng.integers(4, 25))):
            level = rng.uniform(0.04, 0.18)
            _mix(sound, at, level * _click(rng, 2600, 0.004))
            _mix(sound, at + 0.002, level * _click(rng, 400, 0.012))
            _mix(sound, at + rng.uniform(0.06, 0.11), 0.4 * level * _click(rng, 3400, 0.003))
            at += rng.uniform(0.08, 0.22)
    return sound


def _airflow(center: float, f: Signal) -> Signal:
    return np.exp(-(((f - center) / 900) ** 2)) + 0.1


def breath(seconds: float, rng: Generator) -> Signal:
    """Somebody breathes into a headset, in and out."""
    sound = _room(seconds, rng)
    at = 0.5
    while at < seconds:
        for length, center, level in ((1.1, 1900, 0.03), (1.5, 900, 0.045)):
            length *= rng.uniform(0.8, 1.2)
            air = _noise(length, rng, partial(_airflow, center), 1.0)
            _mix(sound, at, level * rng.uniform(0.5, 1.3) * air * np.hanning(len(air)))
            at += length + rng.uniform(0.1, 0.4)
        at += rng.uniform(0.3, 1.5)
    return sound


def coughs(seconds: float, rng: Generator) -> Signal:
    """Coughs and cleared throats."""
    sound = _room(seconds, rng)
    for moment in _moments(seconds, rng, 5.0):
        at = moment
        for _ in range(int(rng.integers(1, 4))):
            length = rng.uniform(0.2, 0.35)
            air = _noise(length, rng, lambda f: np.exp(-(((f - 1100) / 900) ** 2)) + 0.2, 0.16)
            voice = 0.06 * _voice(length, rng, rng.uniform(90, 160), "ə")[: len(air)]
            _mix(sound, at, (air + voice) * np.exp(-np.linspace(0, 4, len(air))))
            at += length + rng.uniform(0.08, 0.3)
    return sound


def pages(seconds: float, rng: Generator) -> Signal:
    """Paper, turned and moved."""
    sound = _room(seconds, rng)
    for at in _moments(seconds, rng, 2.5):
        length = rng.uniform(0.25, 0.9)
        paper = _noise(length, rng, lambda f: np.minimum(1.0, f / 2500), 1.0)
        crackle = np.abs(_drift(length, rng, 0.015, 0.0, 1.0)) ** 2
        _mix(sound, at, 0.07 * paper * crackle * np.hanning(len(paper)))
    return sound


def doors(seconds: float, rng: Generator) -> Signal:
    """Doors that are slammed, knocks, and chairs that are moved."""
    sound = _room(seconds, rng)
    for at in _moments(seconds, rng, 4.0):
        kind = int(rng.integers(3))
        if kind == 0:
            slam = _noise(0.9, rng, lambda f: 1 / (1 + (f / 150) ** 2) + 0.03, 0.5)
            _mix(sound, at, slam * np.exp(-np.linspace(0, 9, len(slam))))
        elif kind == 1:
            for knock in range(int(rng.integers(2, 5))):
                _mix(sound, at + 0.22 * knock, 0.3 * _click(rng, 300, 0.02))
        else:
            length = rng.uniform(0.3, 0.8)
            t = _time(length)
            scrape = np.sign(np.sin(2 * np.pi * np.cumsum(rng.uniform(160, 260) + 40 * np.sin(9 * t)) / RATE))
            _mix(sound, at, 0.04 * scrape * np.hanning(len(t)))
    return _echo(sound, rng, 0.4)


# People without words, animals


def applause(seconds: float, rng: Generator) -> Signal:
    """A hall claps, more and less."""
    claps = _count(seconds)
    sound = np.zeros(claps)
    swell = _drift(seconds, rng, 6.0, 0.05, 1.0)
    for center in (900, 1300, 1800, 2500):
        hits = (rng.random(claps) < 60 / RATE * swell) * rng.uniform(0.1, 1.0, claps)
        sound += _convolve(hits, _click(rng, center, 0.006))
    return _echo(0.12 * sound, rng, 0.8) + _room(seconds, rng)


def laughter(seconds: float, rng: Generator) -> Signal:
    """A few people laugh, one after another and together."""
    sound = _room(seconds, rng)
    for moment in _moments(seconds, rng, 2.2):
        pitch, at = rng.uniform(160, 380), moment
        level = rng.uniform(0.03, 0.12)
        for syllable in range(int(rng.integers(3, 9))):
            length = rng.uniform(0.09, 0.16)
            f0 = pitch * (1 - 0.04 * syllable) * rng.uniform(0.95, 1.1)
            air = _noise(0.06, rng, lambda f: np.exp(-(((f - 1500) / 900) ** 2)), 0.25)
            _mix(sound, at, level * air * np.hanning(len(air)))
            voice = _voice(length, rng, f0, "aə"[int(rng.integers(2))])
            _mix(sound, at + 0.05, level * voice * np.hanning(len(voice)))
            at += length + rng.uniform(0.06, 0.12)
    return _echo(sound, rng, 0.3)


def crowd(seconds: float, rng: Generator) -> Signal:
    """A hall full of people, too far away for a word: formants only, nobody says anything."""
    period = min(seconds, 40.0)  # what one talker says until it begins again, elsewhere for each
    talkers = [_babble(period, rng) for _ in range(8)]
    return _far_away(talkers, seconds, rng, voices=30)


def crowd_of_voices(seconds: float, rng: Generator) -> Signal:
    """The same made of real sentences, where espeak-ng or flite are installed; else of formants."""
    talkers = list(_spoken())
    return _far_away(talkers, seconds, rng, voices=24) if talkers else crowd(seconds, rng)


def dog(seconds: float, rng: Generator) -> Signal:
    """Barks, a few at a time."""
    sound = _room(seconds, rng)
    for moment in _moments(seconds, rng, 4.0):
        at, pitch = moment, rng.uniform(250, 600)
        for _ in range(int(rng.integers(1, 5))):
            length = rng.uniform(0.12, 0.22)
            t = _time(length)
            f0 = pitch * (0.7 + 0.6 * np.sin(np.pi * t / length))
            bark = _harmonics(f0, _FORMANTS["o"], rng) + rng.normal(0, 0.4, len(t))
            _mix(sound, at, 0.12 * bark * np.hanning(len(t)))
            at += length + rng.uniform(0.15, 0.5)
    return _echo(sound, rng, 0.25)


# Phones and music


def phone(seconds: float, rng: Generator) -> Signal:
    """A telephone rings: a bell, a tone, or a melody, for half a minute each."""
    sound = _room(seconds, rng)
    for start in np.arange(0.0, seconds, 30.0):
        kind = int(start / 30) % 3
        for at in np.arange(start + 0.5, min(start + 30, seconds), 6.0 if kind < 2 else 3.0):
            t = _time(2.0)
            if kind == 0:
                strokes = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 20 * t))
                ring = strokes * sum(np.sin(2 * np.pi * f * t) / n for n, f in enumerate((1050, 1390, 2630, 4100), 1))
            elif kind == 1:
                ring = np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t)
            else:
                ring = np.zeros(len(t))
                for step, note in enumerate((76, 74, 66, 68, 73, 71, 62, 64)):
                    _mix(ring, step * 0.18, 2 * _pluck(_hertz(note), 0.4, bright=1.2))
            _mix(sound, float(at), 0.06 * np.asarray(ring))
    return sound


def piano(seconds: float, rng: Generator) -> Signal:
    """A melody over broken chords."""
    sound = np.zeros(_count(seconds))
    for at, chord in _progression(seconds, rng, 1.9):
        for step, note in enumerate((chord[0] - 12, *chord, chord[1])):
            _mix(sound, at + step * 0.36, 0.09 * _pluck(_hertz(note), 1.6, bright=1.6))
        for beat in range(4):
            if rng.random() < 0.8:
                note = chord[int(rng.integers(3))] + 12 + int(rng.choice((0, 0, 2)))
                _mix(sound, at + beat * 0.475, 0.12 * _pluck(_hertz(note), 1.2, bright=1.3))
    return _echo(sound, rng, 0.3) + _room(seconds, rng)


def strings(seconds: float, rng: Generator) -> Signal:
    """Slow chords, bowed, as under the end of a documentary."""
    sound = np.zeros(_count(seconds))
    for at, chord in _progression(seconds, rng, 4.0):
        t = _time(4.6)
        swell = np.minimum(1.0, np.minimum(t / 0.9, (4.6 - t) / 0.9))
        for note in (chord[0] - 12, *chord):
            for detune in (-0.004, 0.0, 0.005):
                vibrato = 1 + detune + 0.004 * np.sin(2 * np.pi * rng.uniform(4.5, 6) * t)
                bowed = _saw(_hertz(note) * vibrato, 14)
                _mix(sound, at, 0.012 * swell * bowed)
    return _echo(sound, rng, 1.2)


def band(seconds: float, rng: Generator) -> Signal:
    """Drums, bass, chords, and a lead: a radio's idea of a song without a singer."""
    sound = np.zeros(_count(seconds))
    beat = 60 / 112
    for bar, (at, chord) in enumerate(_progression(seconds, rng, 4 * beat)):
        for n in range(8):
            when = at + n * beat / 2
            _mix(sound, when, 0.05 * _click(rng, 5500, 0.012))
            if n % 4 == 0:
                kick = _time(0.18)
                _mix(sound, when, 0.4 * np.sin(2 * np.pi * (50 * kick + 8 * np.exp(-25 * kick))) * np.exp(-14 * kick))
            if n % 4 == 2:
                _mix(sound, when, 0.16 * _click(rng, 1800, 0.06))
            _mix(sound, when, 0.13 * _pluck(_hertz(chord[0] - 24), 0.3, bright=1.5))
        for note in chord:
            _mix(sound, at, 0.05 * _pluck(_hertz(note), 4 * beat, bright=1.1))
        if bar % 4 < 3:  # then the lead rests
            for n in range(4):
                t = _time(beat * 0.9)
                f = _hertz(chord[int(rng.integers(3))] + 12) * (1 + 0.006 * np.sin(2 * np.pi * 5.5 * t))
                _mix(sound, at + n * beat, 0.035 * _saw(f, 10) * np.hanning(len(t)) ** 0.3)
    return _echo(sound, rng, 0.15)


def electronic(seconds: float, rng: Generator) -> Signal:
    """Four on the floor, an arpeggio, and a filter that opens and closes."""
    sound = np.zeros(_count(seconds))
    beat = 60 / 126
    for at, chord in _progression(seconds, rng, 8 * beat):
        for n in range(32):
            when = at + n * beat / 4
            note = (*chord, chord[1] + 12)[n % 4]
            bright = 0.9 + 0.8 * (0.5 + 0.5 * np.sin(2 * np.pi * when / 17))
            _mix(sound, when, 0.07 * _pluck(_hertz(note), 0.2, bright=2.2 - bright))
            if n % 4 == 0:
                kick = _time(0.2)
                _mix(sound, when, 0.45 * np.sin(2 * np.pi * (48 * kick + 9 * np.exp(-30 * kick))) * np.exp(-13 * kick))
            if n % 4 == 2:
                _mix(sound, when, 0.06 * _click(rng, 6000, 0.03))
    return sound


def music_box(seconds: float, rng: Generator) -> Signal:
    """High plucked notes, alone, with long rests: the jingle before a video."""
    sound = _room(seconds, rng)
    for at, chord in _progression(seconds, rng, 2.4):
        if rng.random() < 0.25:
            continue
        for step in range(6):
            note = chord[int(rng.integers(3))] + 24
            _mix(sound, at + 0.3 * step, 0.05 * _pluck(_hertz(note), 1.5, bright=2.5))
    return _echo(sound, rng, 0.5)


SOUNDS: dict[str, Sound] = {
    sound.__name__.replace("_", " "): sound
    for sound in (
        silence,
        dithered_silence,
        white_noise,
        pink_noise,
        mains_hum,
        fan,
        wind,
        typing,
        breath,
        coughs,
        pages,
        doors,
        applause,
        laughter,
        crowd,
        crowd_of_voices,
        dog,
        phone,
        piano,
        strings,
        band,
        electronic,
        music_box,
    )
}


# Parts


def _count(seconds: float) -> int:
    return round(seconds * RATE)


def _time(seconds: float) -> Signal:
    return np.arange(_count(seconds)) / RATE


def _room(seconds: float, rng: Generator) -> Signal:
    return rng.normal(0.0, _ROOM, _count(seconds))


def _noise(seconds: float, rng: Generator, gain: Callable[[Signal], Signal], rms: float) -> Signal:
    """Noise whose spectrum is ``gain`` of frequencies in Hz."""
    count = _count(seconds)
    spectrum = np.fft.rfft(rng.normal(0.0, 1.0, count))
    spectrum *= gain(np.fft.rfftfreq(count, 1 / RATE).astype(np.float64))
    spectrum[0] = 0.0
    made = np.fft.irfft(spectrum, count)
    return np.asarray(rms * made / max(float(made.std()), 1e-9))


def _drift(seconds: float, rng: Generator, every: float, low: float, high: float) -> Signal:
    """A curve that moves to another random height at intervals of ``every`` seconds."""
    heights = rng.uniform(low, high, int(seconds / every) + 3)
    return np.interp(_time(seconds), np.arange(len(heights)) * every, heights)


def _moments(seconds: float, rng: Generator, every: float) -> Iterator[float]:
    """Moments at random, ``every`` seconds on average, at least a third of that apart."""
    at = rng.uniform(0.2, every)
    while at < seconds:
        yield at
        at += every / 3 + rng.exponential(every * 2 / 3)


def _mix(into: Signal, at: float, part: Signal) -> None:
    """Add ``part`` at ``at`` seconds, as far as there is room."""
    start = round(at * RATE)
    room = into[start : start + len(part)]
    room += part[: len(room)]


def _click(rng: Generator, center: float, decay: float) -> Signal:
    """A knock with its energy around ``center`` Hz, down to a third after ``decay`` seconds."""
    t = _time(decay * 6)
    noise = rng.normal(0.0, 1.0, len(t))
    return (0.5 * noise + np.sin(2 * np.pi * center * t) * rng.uniform(0.6, 1.0)) * np.exp(-t / decay)


def _convolve(sound: Signal, kernel: Signal) -> Signal:
    """As long as ``sound``. Block by block, so that minutes need no huge transform."""
    block = 1 << 16
    size = 1 << (block + len(kernel)).bit_length()
    spectrum = np.fft.rfft(kernel, size)
    result = np.zeros(len(sound) + size)
    for at in range(0, len(sound), block):
        result[at : at + size] += np.fft.irfft(np.fft.rfft(sound[at : at + block], size) * spectrum, size)
    return result[: len(sound)]


def _echo(sound: Signal, rng: Generator, seconds: float) -> Signal:
    """``sound`` in a room that falls silent, by 60 dB, within ``seconds``."""
    t = _time(seconds)
    tail = rng.normal(0.0, 1.0, len(t)) * np.exp(-6.9 * t / seconds)
    tail *= 0.5 / np.sqrt(np.sum(tail**2))
    return sound + _convolve(sound, tail)


def _harmonics(f0: Signal, formants: Sequence[float], rng: Generator) -> Signal:
    """A voiced sound: harmonics of ``f0`` (Hz, one per sample) under formants, RMS about 1."""
    phase = 2 * np.pi * np.cumsum(f0) / RATE + rng.uniform(0, 6)
    mean = float(np.mean(f0))
    sound = np.zeros(len(f0))
    for k in range(1, int(4500 / mean) + 1):
        frequency = k * mean
        level = sum(1 / (1 + ((frequency - center) / (60 + 0.05 * center)) ** 2) for center in formants)
        sound += float(level) * k**-0.4 * np.sin(k * phase)
    return sound / max(float(sound.std()), 1e-9)


def _voice(seconds: float, rng: Generator, pitch: float, vowel: str) -> Signal:
    t = _time(seconds)
    return _harmonics(pitch * (1 + 0.1 * np.sin(2 * np.pi * 3 * t + rng.uniform(0, 6))), _FORMANTS[vowel], rng)


def _babble(seconds: float, rng: Generator) -> Signal:
    """One talker without words: vowels at random with consonant-like noise between them."""
    sound = np.zeros(_count(seconds))
    pitch, at = rng.uniform(90, 230), rng.uniform(0, 1)
    while at < seconds:
        if rng.random() < 0.08:
            at += rng.uniform(0.3, 1.2)
        length = rng.uniform(0.09, 0.22)
        voice = _voice(length, rng, pitch * rng.uniform(0.85, 1.25), str(rng.choice(list(_FORMANTS))))
        _mix(sound, at, 0.1 * voice * np.hanning(len(voice)))
        if rng.random() < 0.5:
            hiss = _noise(0.07, rng, lambda f: np.exp(-(((f - 3800) / 1500) ** 2)), 0.03)
            _mix(sound, at + length * 0.8, hiss * np.hanning(len(hiss)))
        at += length * rng.uniform(0.8, 1.1)
    return sound


def _far_away(talkers: Sequence[Signal], seconds: float, rng: Generator, voices: int) -> Signal:
    """Talkers repeated as ``voices`` voices, each in its own rhythm, through a wall and a hall."""
    count = _count(seconds)
    sound = np.zeros(count)
    for _ in range(voices):
        talker = talkers[int(rng.integers(len(talkers)))]
        pauses = np.concatenate((talker, np.zeros(int(rng.integers(1, 2 * RATE)))))
        repeated = np.tile(np.roll(pauses, int(rng.integers(len(pauses)))), count // len(pauses) + 1)[:count]
        sound += rng.uniform(0.3, 1.0) * repeated
    frequencies = np.fft.rfftfreq(1024, 1 / RATE)
    wall = np.fft.fftshift(np.fft.irfft(1 / (1 + (frequencies / 1200) ** 4)))
    sound = _echo(_convolve(sound, wall * np.hanning(1024)), rng, 1.0)
    return 0.015 * sound / max(float(sound.std()), 1e-9) + _room(seconds, rng)


@cache
def _spoken() -> tuple[Signal, ...]:
    """Sentences in several voices, by what is installed; none if nothing is."""
    espeak, flite = shutil.which("espeak-ng") or shutil.which("espeak"), shutil.which("flite")
    commands: list[list[str]] = []
    for text in _CROWD_TEXTS:
        if espeak:
            commands += [[espeak, "-v", voice, "-s", "160", "-w", "{}", text] for voice in ("en", "en+f3", "en+m5")]
        if flite:
            commands += [[flite, "-voice", voice, "-t", text, "-o", "{}"] for voice in ("rms", "slt", "awb")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.wav"
        return tuple(_run(command, path) for command in commands)


def _run(command: Sequence[str], path: Path) -> Signal:
    subprocess.run([part.replace("{}", str(path)) for part in command], check=True, timeout=60, capture_output=True)
    with wave.open(str(path)) as file:
        rate, said = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
    # A straight line between samples is good enough for a murmur.
    at = np.arange(int(len(said) * RATE / rate)) * rate / RATE
    return np.asarray(np.interp(at, np.arange(len(said)), said), dtype=np.float64)


def _hertz(note: float) -> float:
    """Of a MIDI note."""
    return float(440 * 2 ** ((note - 69) / 12))


def _pluck(hertz: float, seconds: float, bright: float) -> Signal:
    """A string or a bar that is struck: higher harmonics fade sooner, the more so the greater ``bright``."""
    t = _time(seconds)
    harmonics = range(1, 1 + min(10, int(7000 / hertz)))
    sound = sum(np.sin(2 * np.pi * hertz * k * t) * k**-bright * np.exp(-t * (2 + k) * 0.9) for k in harmonics)
    return np.asarray(sound) * np.minimum(1.0, np.minimum(t / 0.004, (seconds - t) / 0.02))


def _saw(hertz: Signal, harmonics: int) -> Signal:
    """A bowed or electronic tone of ``hertz``, one per sample."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    sound = np.zeros(len(phase))
    for k in range(1, harmonics + 1):
        if k * float(np.max(hertz)) < 7000:
            sound += np.sin(k * phase) / k
    return sound


def _progression(seconds: float, rng: Generator, every: float) -> Iterator[tuple[float, tuple[int, int, int]]]:
    """Chords as MIDI notes, each with the second at which it begins."""
    key = int(rng.integers(52, 62))
    progressions = ((0, 7, 9, 5), (9, 5, 0, 7), (0, 5, 7, 0), (2, 7, 0, 9))
    chords = progressions[int(rng.integers(len(progressions)))]
    for number, at in enumerate(np.arange(0.0, seconds, every)):
        degree = chords[number % 4]
        third = 3 if degree in (2, 9) else 4
        yield float(at), (key + degree, key + degree + third, key + degree + 7)
