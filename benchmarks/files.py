"""Whole files: `surtitle transcribe`'s way beside faster-whisper's own, on the same weights.

    python -m benchmarks.files MODEL FOLDER

FOLDER has audio files with their words in a `.txt` beside each; a name that ends with a language's code and perhaps a
digit (`pv-de2.flac`) is in that language, others are in English. Each system has a process of its own, one after the
other, and hears the clips one by one. Words are counted twice: as they are written, with punctuation and capitals, in
texts that have them; and without. CPU seconds are of the process, and do not depend on what else the machine does.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import jiwer
import numpy as np

from surtitle.audio import RATE

SYSTEMS = {
    "sequential": "faster-whisper, `transcribe`, beam 5",
    "sequential-vad": "the same with `vad_filter`",
    "batched": "faster-whisper, `BatchedInferencePipeline`, beam 5",
    "surtitle": "`surtitle transcribe`",
}
_AUDIO = (".flac", ".wav", ".mp3", ".ogg", ".m4a")
_LANGUAGE = re.compile(r"(?:^|-)(de|en|es|fr|it|ja|pt)\d?$")
_UNSPACED = ("ja",)  # characters are counted
_BATCH = 8  # faster-whisper's own


@dataclass(frozen=True)
class Heard:
    """A clip, and what a system made of it. Times in seconds."""

    name: str
    language: str
    truth: str
    text: str
    length: float
    wall: float
    cpu: float


def run(system: str, model: Path, folder: Path) -> list[Heard]:
    """Hear all clips."""
    clips = [path for path in folder.iterdir() if path.suffix in _AUDIO and path.with_suffix(".txt").is_file()]
    found = []
    for language, paths in groupby(sorted(clips, key=lambda path: (_language(path), path.stem)), key=_language):
        hear = _opened(system, model, language)
        for path in paths:
            wall, cpu = time.perf_counter(), time.process_time()
            text, samples = hear(path)
            took = time.perf_counter() - wall, time.process_time() - cpu
            truth = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
            found.append(Heard(path.stem, language, truth, text, samples / RATE, *took))
    return found


def _language(path: Path) -> str:
    match = _LANGUAGE.search(path.stem)
    return match[1] if match else "en"


def _opened(system: str, model: Path, language: str) -> Callable[[Path], tuple[str, int]]:
    """A loaded system that has decoded once: it takes a path, and gives text and the number of samples."""
    from surtitle.audio.mediafile import read
    from surtitle.core.words import join
    from surtitle.recordings.transcriber import WhisperTranscriber

    if system == "surtitle":
        transcriber = WhisperTranscriber(model, model.name, language)

        def ours(path: Path) -> tuple[str, int]:
            samples = np.concatenate(list(read(path)))
            return join(word for _, words in transcriber.words([samples]) for word in words), len(samples)

        return ours
    from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio

    whisper = WhisperModel(str(model), device="cpu", compute_type="auto")
    batched = BatchedInferencePipeline(whisper)
    list(whisper.transcribe(np.zeros(RATE, dtype=np.float32), language="en")[0])

    def theirs(path: Path) -> tuple[str, int]:
        samples = decode_audio(str(path))
        options = {"language": language, "beam_size": 5, "word_timestamps": True}
        if system == "batched":
            segments, _ = batched.transcribe(samples, batch_size=_BATCH, **options)
        else:
            segments, _ = whisper.transcribe(samples, vad_filter=system.endswith("vad"), **options)
        return "".join(segment.text for segment in segments).strip(), len(samples)

    return theirs


def errors(heard: Iterable[Heard], *, written: bool) -> tuple[float, int]:
    """Share of words that are wrong, and of how many; ``written`` counts punctuation and capitals."""
    wrong = words = 0
    for one in heard:
        if written and not re.search(r"[.,]", one.truth):
            continue
        truth, text = (side if written else _plain(side) for side in (one.truth, one.text))
        made = jiwer.process_characters(truth, text) if one.language in _UNSPACED else jiwer.process_words(truth, text)
        wrong += made.substitutions + made.deletions + made.insertions
        words += made.hits + made.substitutions + made.deletions
    return wrong / max(1, words), words


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w' ]", " ", text.lower().replace("’", "'")).split())


def main(model: Path, folder: Path) -> None:
    """Print a table for all clips of a language, and for each."""
    results: dict[str, list[Heard]] = {}
    memory: dict[str, int] = {}
    for system in SYSTEMS:
        command = [sys.executable, "-m", "benchmarks.files", str(model), str(folder), system]
        done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        results[system] = [Heard(**one) for one in done["heard"]]
        memory[system] = done["memory"]
    print(f"Load of the machine at the end {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores.\n")
    print("| | wrong, as written | wrong, words only | CPU s | wall s | memory, MiB |\n|---|---|---|---|---|---|")
    for group, chosen in (("English", True), ("other languages", False)):
        for system, title in SYSTEMS.items():
            heard = [one for one in results[system] if (one.language == "en") is chosen]
            (written, of), (plain, among) = errors(heard, written=True), errors(heard, written=False)
            print(
                f"| {group}, {sum(one.length for one in heard):.0f} s: {title} | {written:.1%} of {of} "
                f"| {plain:.1%} of {among} | {sum(one.cpu for one in heard):.1f} "
                f"| {sum(one.wall for one in heard):.1f} | {memory[system]} |"
            )
    print("\n| clip, s | " + " | ".join(SYSTEMS) + " |\n|---|" + "---|" * len(SYSTEMS))
    for rows in zip(*results.values(), strict=True):
        cells = [f"{errors([one], written=True)[0]:.1%} / {errors([one], written=False)[0]:.1%}" for one in rows]
        print(f"| {rows[0].name}, {rows[0].length:.0f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    weights, clips = (Path(argument) for argument in sys.argv[1:3])
    if len(sys.argv) > 3:
        found = [asdict(one) for one in run(sys.argv[3], weights, clips)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({"heard": found, "memory": peak}))
    else:
        main(weights, clips)
