"""Synthesise the corpus with flite and espeak-ng, keeping the true times of words and phones."""

import argparse
import json
import multiprocessing
import random
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tests.models.whisper.espeak import Espeak
from tests.models.whisper.flite import RATE, Flite

FLITE_WEIGHTS = {"slt": 0.34, "rms": 0.32, "awb": 0.24, "kal16": 0.10}
STRETCH = (0.85, 1.25)
PITCH = (0.85, 1.2)

# As everywhere in espeak-ng, a language and a variant of its voice.
ESPEAK_LANGUAGES = {"en-us": 0.7, "en-gb": 0.3}
VARIANT_NAMES = "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 adam Andy Annie belinda caleb david ed linda steph"
ESPEAK_VARIANTS = VARIANT_NAMES.split()
ESPEAK_SHARE = 0.25
WORDS_PER_MINUTE = (120, 200)
ESPEAK_PITCH = (25, 75)

MARGIN_S = 0.03
PART = 2000

# The samples, the words with start and end, and the phones with their end.
Sound = tuple[np.ndarray, list[tuple[str, float, float]], list[tuple[str, float]]]


@dataclass(frozen=True)
class Spoken:
    """One rendering of a sentence; times are in seconds from its first sample."""

    text: str
    voice: str
    first_sample: int
    samples: int
    words: list[tuple[str, float, float]]
    phones: list[tuple[str, float]]


class Speakers:
    """Everybody who speaks, each time at another pace and pitch."""

    def __init__(self, chance: random.Random) -> None:
        """Choose by chance."""
        self._chance = chance
        self._flite = Flite()
        self._espeak = Espeak()

    def flite(self, text: str) -> tuple[str, Sound]:
        """Return the voice and what it says."""
        chance = self._chance
        voice = chance.choices([*FLITE_WEIGHTS], [*FLITE_WEIGHTS.values()])[0]
        said = self._flite.speak(text, voice, chance.uniform(*STRETCH), chance.uniform(*PITCH))
        return voice, trimmed(*said)

    def espeak(self, text: str) -> tuple[str, Sound]:
        """Return the same of one of espeak-ng's voices; its phones are not those of flite and are left out."""
        chance = self._chance
        language = chance.choices([*ESPEAK_LANGUAGES], [*ESPEAK_LANGUAGES.values()])[0]
        voice = f"{language}+{chance.choice(ESPEAK_VARIANTS)}"
        samples, words = self._espeak.speak(
            text, voice, chance.randint(*WORDS_PER_MINUTE), chance.randint(*ESPEAK_PITCH)
        )
        return voice, trimmed(samples, words, [])

    def somebody(self, text: str) -> tuple[str, Sound]:
        """Return the same of anybody's."""
        return self.espeak(text) if self._chance.random() < ESPEAK_SHARE else self.flite(text)


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


def render(sentences: list[str], seed: int, stem: Path, who: str = "somebody") -> None:
    """Write one part: ``<stem>.pcm`` (16-bit) and ``<stem>.jsonl`` (a ``Spoken`` a line)."""
    speak = getattr(Speakers(random.Random(seed)), who)
    position = 0
    lines = []
    with stem.with_suffix(".pcm").open("wb") as pcm:
        for text in sentences:
            voice, (samples, words, phones) = speak(text)
            if [word for word, _, _ in words] != text.rstrip(".?").split():
                continue
            pcm.write(samples.astype("<i2").tobytes())
            spoken = Spoken(text, voice, position, len(samples), words, phones)
            lines.append(json.dumps(asdict(spoken)) + "\n")
            position += len(samples)
    stem.with_suffix(".part").write_text("".join(lines))
    stem.with_suffix(".part").rename(stem.with_suffix(".jsonl"))


def main() -> None:
    """Render the held-out sentences and, in parts, the training sentences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of corpus.py's files")
    parser.add_argument("--renderings", type=int, default=2, help="of each training sentence")
    options = parser.parse_args()
    train, held_out, everyday = (
        (options.work / f"{name}.txt").read_text().splitlines() for name in ("train", "held_out", "everyday")
    )
    jobs = [
        (held_out, 0, options.work / "held_out", "flite"),
        (everyday, 0, options.work / "everyday", "flite"),
        (everyday, 0, options.work / "everyday_espeak", "espeak"),
    ]
    for first in range(0, len(train) * options.renderings, PART):
        texts = [train[n % len(train)] for n in range(first, min(first + PART, len(train) * options.renderings))]
        jobs.append((texts, first + 1, options.work / f"train{first // PART:03d}", "somebody"))
    with multiprocessing.Pool() as pool:
        pool.starmap(render, jobs, chunksize=1)


if __name__ == "__main__":
    main()
