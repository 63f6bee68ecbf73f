"""Measure engines on the texts that were not trained with, spoken by flite's unmodified voices, on the virtual clock.

The clock is that of `benchmarks.clock`, and includes the processes that an engine starts.
"""

import argparse
import time
from pathlib import Path
from unittest import mock

import numpy as np
import psutil

from benchmarks.clock import line, measure
from benchmarks.scores import Reference, TimedWord
from benchmarks.talk import GAP, LEAD, Talk
from surtitle.audio import RATE
from surtitle.speech.kinds import find_model
from tests.trained_models.sherpa_onnx.texts import held_out
from tests.trained_models.sortformer.flite import MEAN_PITCH_HZ, Flite

MODEL = Path(__file__).with_name("model-en")


def make_talk() -> Talk:
    """The texts one after the other, each in the next voice."""
    flite, at = Flite(), LEAD
    parts = [np.zeros(round(LEAD * RATE), dtype=np.int16)]
    words: list[TimedWord] = []
    for number, text in enumerate(held_out()):
        voice = list(MEAN_PITCH_HZ)[number % len(MEAN_PITCH_HZ)]
        samples, spoken, _ = flite.speak(text, voice, 1.0, 1.0)
        words += [TimedWord(word, at + start, at + end) for word, start, end in spoken]
        parts += [samples.astype(np.int16), np.zeros(round(GAP * RATE), dtype=np.int16)]
        at += len(samples) / RATE + GAP
    return Talk(np.concatenate(parts), tuple(words), tuple(Reference(word.word, False) for word in words), ("flite",))


def processor_time() -> float:
    """The processor seconds of this process and of those that it started."""
    times = [psutil.Process().cpu_times(), *(child.cpu_times() for child in psutil.Process().children())]
    return sum(each.user + each.system for each in times)


def main() -> None:
    """Print a line for each engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="names such as pocketsphinx; default: the model of this folder")
    parser.add_argument("--show", action="store_true", help="print the transcripts")
    options = parser.parse_args()
    talk = make_talk()
    for name in options.models or [f"sherpa-onnx:{MODEL}"]:
        found = find_model(name)
        with mock.patch("os.cpu_count", return_value=1):
            engine = found.load(found.on_disk())
        with mock.patch.object(time, "process_time", processor_time):
            result, cpu, transcript = measure(engine, talk)
        engine.close()
        print(line(name.rpartition("/")[2], result, cpu), flush=True)
        if options.show:
            print(transcript)


if __name__ == "__main__":
    main()
