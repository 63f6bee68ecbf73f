"""Music without words is no failure, and a voice without words is one: with the detector that recognition uses."""

from __future__ import annotations

import numpy as np

from surtitle.alerts.channel_watch import ChannelWatch
from surtitle.alerts.source_conditions import SourceReport
from surtitle.audio import RATE, Samples
from surtitle.audio.container import decode
from surtitle.channels.settings import AlertSettings
from surtitle.demo import SAMPLE
from surtitle.speech.endpoint import Endpointer
from surtitle.speech.vad import CHUNK, SileroVad

SECONDS = 90
BEAT = RATE // 2


def music(seed: int) -> Samples:
    """Chords with a beat and a lead with vibrato."""
    random = np.random.default_rng(seed)
    sound = np.zeros((SECONDS + 2) * RATE)
    time = np.arange(2 * BEAT) / RATE
    for start in range(0, SECONDS * RATE, BEAT):
        root = 110 * 2 ** (random.choice([0, 3, 5, 7, 8, 10]) / 12)
        notes = [root * 2 ** (step / 12) for step in (0, 4, 7, 12)]
        chord = sum(np.sin(2 * np.pi * note * order * time) / order for note in notes for order in range(1, 9))
        wave = 2 * np.pi * np.cumsum(2 * root * (1 + 0.012 * np.sin(2 * np.pi * 5.5 * time))) / RATE
        lead = sum(np.sin(order * wave) / order for order in range(1, 20)) * np.minimum(1, time / 0.05)
        drum = random.standard_normal(len(time)) * np.exp(-25 * time) + np.sin(2 * np.pi * 60 * time) * np.exp(
            -12 * time
        )
        sound[start : start + len(time)] += (0.05 * chord + 0.1 * lead) * np.exp(-2 * time) + 0.3 * drum
    loud: Samples = (0.7 * sound[: SECONDS * RATE] / np.abs(sound).max()).astype(np.float32)
    return loud


def talk() -> Samples:
    sentence = np.concatenate([samples for samples, _ in decode(str(SAMPLE))])
    return np.tile(sentence, SECONDS * RATE // len(sentence) + 1)[: SECONDS * RATE]


def alerts(sound: Samples) -> list[str]:
    """The alerts that are raised while a source sends the sound, and no word is recognized."""
    detector, endpointer, watch = SileroVad(), Endpointer(CHUNK / RATE), ChannelWatch()
    settings = AlertSettings(silence=30, wordless=60, lag=6, output=10)
    raised: list[str] = []
    for second in range(SECONDS):
        newest = sound[second * RATE : (second + 1) * RATE]
        for at in range(0, RATE - CHUNK, CHUNK):
            endpointer.feed(detector.probability(newest[at : at + CHUNK]))
        level = 10 * float(np.log10(np.mean(newest**2) + 1e-9))
        report = SourceReport("Host", seconds=second + 1, level=level, speaking=endpointer.speaking)
        raised += [one.kind for one in watch.check([report], [], settings, float(second), live=True) if one.raised]
    return raised


def test_music_raises_no_alert() -> None:
    assert alerts(music(1)) == []


def test_a_voice_without_words_raises_one() -> None:
    assert alerts(talk()) == ["no_words"]
