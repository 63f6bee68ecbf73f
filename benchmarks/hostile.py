"""What captions come out of sounds without a word in them, and whether a sentence after them is heard.

`python -m benchmarks.hostile --model DIRECTORY` runs each of the sounds of `hostile_sounds.py`
through the pipeline of the service, without a clock, and writes `results/hostile.md`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.hostile_sounds import SOUNDS, make
from benchmarks.paths import RESULTS, ROOT
from surtitle.audio import RATE, Samples
from surtitle.audio.container import decode
from surtitle.audio.intake import resample_blocks
from surtitle.pipeline import Pipeline
from surtitle.speech.engine import Stream
from surtitle.speech.whisper.engine import WhisperEngine

_SPEECH = ROOT / "service" / "surtitle" / "demo" / "sample" / "speech.flac"
_SENTENCE = slice(round(0.65 * RATE), round(3.6 * RATE))  # samples of it: "Good evening, and welcome to the show."
_BLOCK = RATE // 2  # samples that are fed at once
_QUIET = 1.5  # seconds of the sound, much softer, that follow the sentence
_UNDER = 0.1  # volume of the sound while the sentence is spoken over it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one sound did. Times in seconds of sound.

    ``captions`` were final in the sound, ``shown`` is every text on display there, tentative ones
    included. ``heard`` is what came of the sentence after it, ``delay`` how long after its
    beginning the first word was on display, or None.
    """

    sound: str
    model: str
    language: str
    seconds: float
    captions: list[str]
    shown: list[str]
    heard: str
    delay: float | None
    took: float


def run(sound: str, seconds: float, sentence: Samples, stream: Stream, model: str, level: float = 1.0) -> Outcome:
    """Feed ``seconds`` of a sound and then ``sentence``; closes ``stream``."""
    began = time.monotonic()
    after = seconds + len(sentence) / RATE + _QUIET
    samples = make(sound, after) * np.float32(level)
    start = round(seconds * RATE)
    samples[start:] *= _UNDER
    samples[start : start + len(sentence)] += sentence
    numbers = count()
    pipeline = Pipeline(stream, "sound", lambda: str(next(numbers)))
    captions: dict[str, str] = {}
    shown: list[str] = []
    heard: dict[str, str] = {}
    delay: float | None = None
    for position, block in _blocks(np.clip(samples, -1.0, 1.0)):
        changed = pipeline.feed(block)
        if position + len(block) >= len(samples):
            changed += pipeline.flush()
        for caption in changed:
            text = " ".join(word.text for word in (*caption.words, *caption.tentative))
            words = (*caption.words, *caption.tentative)
            if words and words[-1].end > seconds:
                heard[caption.id] = caption.text
                if delay is None:
                    delay = (position + len(block)) / RATE - seconds
            elif text and (not shown or shown[-1] != text):
                shown.append(text)
            if caption.final and caption.id not in heard and caption.text:
                captions[caption.id] = caption.text
    language = pipeline.language
    pipeline.close()
    return Outcome(
        sound, model, language, seconds, list(captions.values()), shown, " ".join(heard.values()), delay,
        time.monotonic() - began,
    )  # fmt: skip


def load(path: Path) -> Samples:
    """16 kHz mono samples of an audio file."""
    return np.concatenate(list(resample_blocks(decode(str(path)))))


def demo_sentence() -> Samples:
    """ "Good evening, and welcome to the show.", by a synthetic voice, with no silence around it."""
    return load(_SPEECH)[_SENTENCE]


def write(outcomes: Sequence[Outcome], path: Path) -> None:
    """The table, beside the raw figures."""
    path.with_suffix(".json").write_text(json.dumps([asdict(one) for one in outcomes], ensure_ascii=False, indent=1))
    path.write_text("\n".join(_table(outcomes)) + "\n")


def _table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "# Sounds without words"
    yield ""
    yield "Made by `benchmarks/hostile_sounds.py`; see `benchmarks/hostile.py` for how they are fed."
    yield ""
    yield "| sound | model | language | minutes | captions | on display, ever | sentence after it | first word after |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in outcomes:
        invented = "; ".join(f"“{text}”" for text in one.captions[:8]) or "none"
        after = f"{one.delay:.1f} s" if one.delay is not None else "never"
        yield (
            f"| {one.sound} | {one.model} | {one.language} | {one.seconds / 60:.1f} | {invented} | {len(one.shown)} "
            f"| {one.heard or 'nothing'} | {after} |"
        )


def _blocks(samples: Samples) -> Iterator[tuple[int, Samples]]:
    for position in range(0, len(samples), _BLOCK):
        yield position, samples[position : position + _BLOCK]


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="directory of a CTranslate2 model")
    parser.add_argument("--language", default="en", help="of the source, or auto (default en)")
    parser.add_argument("--seconds", type=float, default=600.0, help="of each sound (default 600)")
    parser.add_argument("--level", type=float, default=1.0, help="factor for how loud the sounds are (default 1)")
    parser.add_argument("--sounds", nargs="+", choices=sorted(SOUNDS), default=list(SOUNDS))
    parser.add_argument("--speech", type=Path, help="an audio file for the sentence after the sound")
    parser.add_argument("--out", type=Path, default=RESULTS / "hostile.md")
    options = parser.parse_args(arguments)
    sentence = load(options.speech) if options.speech else demo_sentence()
    engine = WhisperEngine(options.model, options.model.name)
    outcomes: list[Outcome] = []
    for sound in options.sounds:
        stream = engine.open(options.language)
        outcomes.append(run(sound, options.seconds, sentence, stream, options.model.name, options.level))
        print(outcomes[-1], flush=True)
        write(outcomes, options.out)
    engine.close()


if __name__ == "__main__":
    main()
