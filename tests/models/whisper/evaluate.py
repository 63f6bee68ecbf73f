"""Measure a model directory with faster-whisper on sentences that it was not trained on."""

import argparse
import itertools
import json
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer

from tests.models.whisper.corpus import words_of
from tests.models.whisper.flite import RATE
from tests.models.whisper.speech import Spoken

LEAD_S, TAIL_S = 0.3, 0.5
DECODER_LAYERS, HEADS = 2, 5


@dataclass
class Score:
    """Counts over some sentences."""

    errors: int = 0
    words: int = 0
    exact: int = 0
    passages: int = 0
    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        """Return one line of figures."""
        line = f"{self.passages} passages, word error rate {self.errors / self.words:.1%}"
        line += f", without any error {self.exact / self.passages:.1%}"
        if self.starts:
            for name, errors in (("start", self.starts), ("end", self.ends)):
                high = statistics.quantiles(errors, n=20)[-2]
                line += f", {name} off by {statistics.median(errors):.2f} s (median)"
                line += f" {high:.2f} s (90 %)"
        return line


def matches(said: list[str], heard: list[str]) -> tuple[int, list[tuple[int, int]]]:
    """Return the edit distance and the places of the words that agree."""
    rows = [list(range(len(heard) + 1))]
    for number, word in enumerate(said, 1):
        row = [number]
        for place, other in enumerate(heard, 1):
            replaced = rows[-1][place - 1] + (word != other)
            row.append(min(replaced, rows[-1][place] + 1, row[-1] + 1))
        rows.append(row)
    pairs = []
    a, b = len(said), len(heard)
    while a and b:
        if said[a - 1] == heard[b - 1] and rows[a][b] == rows[a - 1][b - 1]:
            pairs.append((a - 1, b - 1))
            a, b = a - 1, b - 1
        elif rows[a][b] == rows[a - 1][b - 1] + 1:
            a, b = a - 1, b - 1
        elif rows[a][b] == rows[a - 1][b] + 1:
            a -= 1
        else:
            b -= 1
    return rows[-1][-1], pairs


@dataclass(frozen=True)
class Passage:
    """Some sentences in silence with a little noise, and their words with start and end."""

    text: str
    sound: np.ndarray
    words: list[tuple[str, float, float]]


class HeldOut:
    """Sentences that were not trained on."""

    def __init__(self, stem: Path) -> None:
        """Read the sentences that speech.py rendered."""
        self._pcm = np.memmap(stem.with_suffix(".pcm"), dtype="<i2", mode="r")
        lines = stem.with_suffix(".jsonl").read_text().splitlines()
        self.sentences = [Spoken(**json.loads(line)) for line in lines]

    def passage(self, sentences: list[Spoken]) -> Passage:
        """Return sentences one after another."""
        parts: list[np.ndarray] = [np.zeros(round(LEAD_S * RATE), np.float32)]
        words: list[tuple[str, float, float]] = []
        now = len(parts[0])
        for spoken in sentences:
            begin = spoken.first_sample
            parts.append(self._pcm[begin : begin + spoken.samples].astype(np.float32) / 32768)
            parts.append(np.zeros(round(TAIL_S * RATE), np.float32))
            words += [(word.lower(), start + now / RATE, end + now / RATE) for word, start, end in spoken.words]
            now += len(parts[-2]) + len(parts[-1])
        noise = np.random.default_rng(now).standard_normal(now)
        sound = (np.concatenate(parts) + 0.001 * noise).astype(np.float32)
        return Passage(" ".join(spoken.text for spoken in sentences), sound, words)


def score(model: WhisperModel, passages: list[Passage], show: int) -> Score:
    """Transcribe as the product does and count."""
    total = Score()
    for number, passage in enumerate(passages):
        segments, _ = model.transcribe(passage.sound, language="en", word_timestamps=True, beam_size=5)
        words = [word for segment in segments for word in segment.words or []]
        heard = [(w, word) for word in words for w in words_of(word.word)]
        errors, pairs = matches([word for word, _, _ in passage.words], [w for w, _ in heard])
        total.errors += errors
        total.words += len(passage.words)
        total.exact += errors == 0
        total.passages += 1
        for a, b in pairs:
            total.starts.append(abs(heard[b][1].start - passage.words[a][1]))
            total.ends.append(abs(heard[b][1].end - passage.words[a][2]))
        if number < show:
            print(f"  {passage.text}  ->{''.join(word.word for word in words)}")
    return total


def measure_heads(folder: Path, passages: list[Passage]) -> None:
    """Print, for each head of the decoder and for the best ones together, the mean error of the words' starts.

    The heads to align with are a part of ``config.json``, which is restored afterwards.
    """
    file = folder / "config.json"
    original = file.read_text()

    def error(heads: list[tuple[int, int]]) -> float:
        file.write_text(json.dumps(json.loads(original) | {"alignment_heads": heads}))
        model = WhisperModel(str(folder), device="cpu", compute_type="int8")
        mean = forced_error(model, passages)
        print(heads, f"{mean:.3f} s")
        return mean

    try:
        singles = {head: error([head]) for head in itertools.product(range(DECODER_LAYERS), range(HEADS))}
        best = sorted(singles, key=singles.__getitem__)
        for count in (2, 3, 4):
            error(best[:count])
    finally:
        file.write_text(original)


def forced_error(model: WhisperModel, passages: list[Passage]) -> float:
    """Return the mean error of the starts of the words when the text is given."""
    tokenizer = Tokenizer(model.hf_tokenizer, True, "transcribe", "en")
    offs: list[float] = []
    for passage in passages:
        mels = model.feature_extractor(passage.sound)
        tokens = tokenizer.encode(" " + passage.text)
        words = model.find_alignment(tokenizer, [tokens], model.encode(pad_or_trim(mels)), mels.shape[-1])[0]
        starts = [word["start"] for word in words if words_of(word["word"])]
        offs += [abs(start - word[1]) for start, word in zip(starts, passage.words, strict=True)]
    return float(statistics.mean(offs))


def main() -> None:
    """Print the figures of the model's README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of speech.py's files")
    parser.add_argument("--model", type=Path, default=Path(__file__).with_name("model"))
    parser.add_argument("--passages", type=int, default=200, help="of each kind")
    parser.add_argument("--show", type=int, default=10, help="how many to print of each kind")
    parser.add_argument("--heads", action="store_true", help="measure each head's timing")
    options = parser.parse_args()
    held_out, everyday, espeak = (HeldOut(options.work / name) for name in ("held_out", "everyday", "everyday_espeak"))
    frequent = set(json.loads((options.work / "frequent.json").read_text()))
    sentences = random.Random(1).sample(held_out.sentences, len(held_out.sentences))
    common = [s for s in sentences if all(word in frequent for word in words_of(s.text))]
    rare = [s for s in sentences if not all(word in frequent for word in words_of(s.text))]
    singles = [held_out.passage([spoken]) for spoken in common]
    if options.heads:
        measure_heads(options.model, singles[:40])
        return
    model = WhisperModel(str(options.model), device="cpu", compute_type="int8")
    print("multilingual:", model.model.is_multilingual)
    kinds = {
        "an everyday sentence": [everyday.passage([spoken]) for spoken in everyday.sentences],
        "an everyday sentence by espeak-ng": [espeak.passage([spoken]) for spoken in espeak.sentences],
        "a sentence of frequent words": singles,
        "a sentence with rare words": [held_out.passage([spoken]) for spoken in rare[: options.passages]],
        "four sentences of frequent words": [held_out.passage(common[n : n + 4]) for n in range(0, len(common), 4)],
    }
    for name, passages in kinds.items():
        begun = time.monotonic()
        result = score(model, passages[: options.passages], options.show)
        print(f"{name}: {result}, {(time.monotonic() - begun) / result.passages:.2f} s each")


if __name__ == "__main__":
    main()
