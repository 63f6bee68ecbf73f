"""Measure a model as it is used, in steps, on dialogues of sentences that it was not trained on."""

import argparse
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from surtitle.speakers.sortformer import LATENCIES, Sortformer
from surtitle.speakers.timeline import FRAME, Activity
from tests.trained_models.sortformer.convert import MODEL
from tests.trained_models.sortformer.dialogues import Dialogue, Stock, Writer
from tests.trained_models.sortformer.flite import RATE

BLOCK = RATE // 4
COLLAR_S = 0.25


def heard(model: Sortformer, sound: np.ndarray, latency: float) -> Activity:
    """Return the activity that a stream finds, frames by speakers."""
    stream = model.open(latency)
    found = [stream.feed(sound[at : at + BLOCK]) for at in range(0, len(sound), BLOCK)]
    return np.concatenate([*found, stream.flush()])


def annotation(activity: Activity) -> Annotation:
    """Return who speaks when, by the number of the speaker."""
    said = Annotation()
    for speaker in range(activity.shape[1]):
        edges = np.flatnonzero(np.diff(np.pad(activity[:, speaker] >= 0.5, 1).astype(np.int8)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            said[Segment(start * FRAME, end * FRAME), f"{speaker} {start}"] = speaker
    return said


def truth(dialogue: Dialogue) -> Annotation:
    """Return who spoke when, by the order of arrival."""
    order = dialogue.speakers()
    said = Annotation()
    for number, turn in enumerate(dialogue.turns):
        said[Segment(turn.start, turn.end), number] = order.index(turn.speaker)
    return said


@dataclass
class Score:
    """Figures over some dialogues; those of pyannote.metrics are in seconds."""

    parts: dict[str, float] = field(default_factory=dict)
    in_order: list[float] = field(default_factory=list)

    def add(self, dialogue: Dialogue, activity: Activity) -> None:
        """Compare; frames near the borders of turns do not count."""
        reference, hypothesis = truth(dialogue), annotation(activity)
        whole = Timeline([Segment(0, len(dialogue.sound) / RATE)])
        metric = DiarizationErrorRate(collar=COLLAR_S)
        for name, seconds in metric(reference, hypothesis, uem=whole, detailed=True).items():
            self.parts[name] = self.parts.get(name, 0.0) + seconds
        said = dialogue.activity()
        count = min(len(said), len(activity))
        alone = said[:count].sum(1) == 1
        right = said[:count].argmax(1) == activity[:count].argmax(1)
        if alone.any():
            self.in_order.append(float(right[alone].mean()))

    def rate(self, part: str) -> float:
        """Return a part of the error, as a share of what was said."""
        return self.parts[part] / self.parts["total"]

    @property
    def error(self) -> float:
        """Return the diarization error rate."""
        return sum(self.rate(part) for part in ("confusion", "missed detection", "false alarm"))

    def __str__(self) -> str:
        """Return one line of figures."""
        parts = ", ".join(f"{part} {self.rate(part):.1%}" for part in ("confusion", "missed detection", "false alarm"))
        return f"DER {self.error:.1%} ({parts}); in the order of arrival {statistics.mean(self.in_order):.1%}"


def main() -> None:
    """Print the figures of the model's README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of voices.py's files")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--dialogues", type=int, default=20, help="of each kind")
    parser.add_argument("--seconds", type=float, default=45.0, help="of each dialogue")
    parser.add_argument("--latency", type=float, choices=[*LATENCIES], action="append")
    options = parser.parse_args()
    model = Sortformer(str(options.model))
    for part in ("held_out", "unseen"):
        stock = Stock.read(options.work / part)
        for speakers in (2, 3, 4):
            writer = Writer(stock, 99 + speakers, natural=part == "held_out")
            made = [
                writer.dialogue(options.seconds, writer.cast(speakers), cut_share=0.0) for _ in range(options.dialogues)
            ]
            for latency in options.latency or LATENCIES:
                score = Score()
                for dialogue in made:
                    score.add(dialogue, heard(model, dialogue.sound, latency))
                print(f"{part}, {speakers} voices, {latency} s: {score}", flush=True)


if __name__ == "__main__":
    main()
