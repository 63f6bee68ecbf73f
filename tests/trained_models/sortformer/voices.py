"""Let many voices speak everyday sentences.

A speaker is one of flite's voices, as it is or with a longer or shorter vocal tract, or one of the
variants of espeak-ng (GPL; only what is learned from its sound is kept). Each sentence is spoken at
a pace and pitch of its own, as people do.
"""

import argparse
import io
import json
import random
import subprocess
import wave
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import soxr

from tests.trained_models.sortformer.everyday import EVERYDAY, everyday_sentences
from tests.trained_models.sortformer.flite import MEAN_PITCH_HZ, RATE, Flite, trimmed

TRACTS = (1.0, 0.89, 1.12)
VARIANT_NAMES = (
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee "
    "Marco Mario Michael Mike adam anika antonio belinda benjamin boris caleb david ed edward edward2 grandma grandpa "
    "gustave iven iven2 john klatt klatt2 klatt4 linda"
)
VARIANTS = VARIANT_NAMES.split()
UNSEEN_NAMES = "marcelo max michel miguel pablo quincy shelby steph zac victor"
UNSEEN_VARIANTS = UNSEEN_NAMES.split()
PER_FLITE, PER_CHANGED, PER_VARIANT = 500, 160, 60
HELD_OUT_SENTENCES, PER_HELD_OUT = 400, 80
LOUDNESS = 0.06
QUIET = 0.02


@dataclass(frozen=True)
class Speaker:
    """Somebody; ``base`` is the voice of which speakers with another vocal tract are made as well."""

    base: str
    tract: float = 1.0

    @property
    def name(self) -> str:
        """Return a name that no other speaker has."""
        return f"{self.base} {self.tract}"


@dataclass(frozen=True)
class InterleavedWord:
    """One sentence; the samples are in the file of all."""

    speaker: str
    text: str
    first_sample: int
    samples: int


def loud(sound: np.ndarray) -> np.ndarray:
    """Return the sound at the loudness that all have."""
    return (sound * LOUDNESS / (float(np.sqrt(np.mean(sound**2))) + 1e-9)).astype(np.float32)


class Voices:
    """All speakers."""

    def __init__(self, seed: int) -> None:
        """Choose paces and pitches by this seed."""
        self._flite = Flite()
        self._chance = random.Random(seed)

    def say(self, speaker: Speaker, text: str) -> np.ndarray:
        """Return the sentence without silence around it, 16 kHz float32."""
        if speaker.base in MEAN_PITCH_HZ:
            return self._by_flite(speaker, text)
        return self._by_espeak(speaker, text)

    def _by_flite(self, speaker: Speaker, text: str) -> np.ndarray:
        stretch, pitch = self._chance.uniform(0.9, 1.2), self._chance.uniform(0.94, 1.06)
        samples, words, phones = self._flite.speak(text, speaker.base, stretch / speaker.tract, pitch)
        sound = trimmed(samples, words, phones)[0].astype(np.float32)
        if speaker.tract != 1.0:
            sound = soxr.resample(sound, RATE, RATE * speaker.tract)
        return loud(sound)

    def _by_espeak(self, speaker: Speaker, text: str) -> np.ndarray:
        pace, pitch = self._chance.randint(135, 185), self._chance.randint(40, 60)
        command = ["espeak-ng", "-v", f"en-us+{speaker.base}", "-s", str(pace), "-p", str(pitch), "--stdout", text]
        spoken = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
        with wave.open(io.BytesIO(spoken)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(10**9), dtype="<i2").astype(np.float32)
        sound = soxr.resample(samples, rate, RATE)
        heard = np.flatnonzero(np.abs(sound) > QUIET * np.abs(sound).max())
        return loud(sound[heard[0] : heard[-1] + 1])


def flite_speakers() -> list[Speaker]:
    """Return flite's voices, first as they are, then with other vocal tracts."""
    return [Speaker(base, tract) for tract in TRACTS for base in MEAN_PITCH_HZ]


def render(plan: list[tuple[Speaker, str]], seed: int, stem: Path) -> None:
    """Write what is spoken to ``<stem>.pcm`` (16-bit) and ``<stem>.jsonl`` (a ``InterleavedWord`` a line)."""
    voices = Voices(seed)
    position, lines = 0, []
    with stem.with_suffix(".pcm").open("wb") as pcm:
        for speaker, text in plan:
            sound = voices.say(speaker, text)
            pcm.write((sound.clip(-1, 1) * 32767).astype("<i2").tobytes())
            lines.append(json.dumps(asdict(InterleavedWord(speaker.name, text, position, len(sound)))) + "\n")
            position += len(sound)
    stem.with_suffix(".jsonl").write_text("".join(lines))


def sentences(count: int, seed: int) -> list[str]:
    """Return different everyday sentences; those that are held out are the first of seed 1."""
    made = everyday_sentences(json.loads(EVERYDAY.read_text()), random.Random(seed))
    return list(dict.fromkeys(islice(made, 2 * count)))[:count]


def main() -> None:
    """Write ``train``, ``held_out`` (voices that are known) and ``unseen`` (voices that are not)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    held_out = sentences(HELD_OUT_SENTENCES, 1)
    known = [text for text in sentences(12000, 2) if text not in set(held_out)]
    chance = random.Random(3)
    counts = {speaker: PER_FLITE if speaker.tract == 1.0 else PER_CHANGED for speaker in flite_speakers()}
    counts |= {Speaker(variant): PER_VARIANT for variant in VARIANTS}
    plan = [(speaker, text) for speaker, count in counts.items() for text in chance.sample(known, count)]
    render(plan, 4, options.work / "train")
    for name, speakers in (("held_out", [*counts]), ("unseen", [Speaker(variant) for variant in UNSEEN_VARIANTS])):
        plan = [(speaker, text) for speaker in speakers for text in chance.sample(held_out, PER_HELD_OUT // 2)]
        render(plan, 5, options.work / name)


if __name__ == "__main__":
    main()
