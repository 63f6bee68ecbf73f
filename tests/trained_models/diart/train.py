"""Train both networks on synthetic dialogues: `voices.py` of the small Sortformer makes the speech."""

import argparse
import itertools
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.trained_models.diart.network import FRAMES, LOCAL_SPEAKERS, SECONDS, SIZE, Embedding, Segmentation
from tests.trained_models.sortformer.dialogues import RATE, Dialogue, Stock, Writer

FRAME = SECONDS / FRAMES
DIALOGUE = 15.0  # seconds, of which windows are cut
BATCH = 16  # windows
SPEAKERS = {1: 0.2, 2: 0.45, 3: 0.35}
MIN_ALONE = 20  # frames that a voice needs
SCALE, ANGLE = 20.0, 0.2  # of the loss that tells voices apart
SAVE_EVERY = 100  # steps
ORDERS = list(itertools.permutations(range(LOCAL_SPEAKERS)))


class Batches:
    """Windows of dialogues, with who speaks in them."""

    def __init__(self, stock: Stock, seed: int) -> None:
        self._writer, self._chance = Writer(stock, seed), random.Random(seed)
        self._ids = {name: number for number, name in enumerate(stock.by_speaker)}

    def make(self) -> tuple[Tensor, Tensor, list[list[int]]]:
        """The samples, the activity (windows, frames, local speakers), and the numbers of the local speakers."""
        sounds, activities, who = [], [], []
        while len(sounds) < BATCH:
            count = self._chance.choices([*SPEAKERS], [*SPEAKERS.values()])[0]
            dialogue = self._writer.dialogue(DIALOGUE, self._writer.cast(count))
            for _ in range(4):
                start = self._chance.uniform(-1.0, DIALOGUE - SECONDS)  # some begin with silence, as streams do
                first = round(start * RATE)
                sound = dialogue.sound[max(0, first) : first + round(SECONDS * RATE)]
                sounds.append(np.pad(sound, (round(SECONDS * RATE) - len(sound), 0)))
                names, activity = local_activity(dialogue, start)
                activities.append(activity)
                who.append([self._ids[name] for name in names])
        return (
            torch.from_numpy(np.stack(sounds)).float()[:, None],
            torch.from_numpy(np.stack(activities)),
            who,
        )


def local_activity(dialogue: Dialogue, start: float) -> tuple[list[str], np.ndarray]:
    """The names of those speaking in the window, in the order of arrival, and when they speak."""
    activity = np.zeros((FRAMES, LOCAL_SPEAKERS), np.float32)
    names: list[str] = []
    for turn in sorted(dialogue.turns, key=lambda turn: turn.start):
        first, last = (round((time - start) / FRAME) for time in (turn.start, turn.end))
        if last <= 0 or first >= FRAMES:
            continue
        if turn.speaker not in names:
            names.append(turn.speaker)
        activity[max(0, first) : last, names.index(turn.speaker)] = 1
    return names, activity


def segmentation_loss(found: Tensor, activity: Tensor) -> Tensor:
    """The binary cross entropy in the best order of the speakers."""
    each = torch.stack(
        [
            functional.binary_cross_entropy(found[:, :, order], activity, reduction="none").mean((1, 2))
            for order in ORDERS
        ]
    )
    return each.min(dim=0).values.mean()


def voice_loss(
    embedding: Embedding, voices: nn.Linear, sound: Tensor, activity: Tensor, who: list[list[int]]
) -> tuple[Tensor, float]:
    """How badly the voices of those who speak alone are told apart, and the share that is right."""
    alone = activity * (activity.sum(2, keepdim=True) == 1)
    rows = [
        (window, column, speaker)
        for window, speakers in enumerate(who)
        for column, speaker in enumerate(speakers)
        if alone[window, :, column].sum() >= MIN_ALONE
    ]
    windows, columns, labels = (torch.tensor(each) for each in zip(*rows, strict=True))
    found = functional.normalize(embedding(sound[windows], alone[windows, :, columns]))
    similarity = found @ functional.normalize(voices.weight).T
    margin = functional.one_hot(labels, voices.out_features) * ANGLE
    right = (similarity.argmax(1) == labels).float().mean().item()
    return functional.cross_entropy(SCALE * (similarity - margin), labels), right


def train(work: Path, steps: int, rate: float) -> None:
    """Train for a number of steps; continues where it was stopped."""
    stock = Stock.read(work / "train")
    segmentation, embedding = Segmentation(), Embedding()
    voices = nn.Linear(SIZE, len(stock.by_speaker), bias=False)
    modules = nn.ModuleDict({"segmentation": segmentation, "embedding": embedding, "voices": voices}).train()
    optimizer = torch.optim.AdamW(modules.parameters(), lr=rate, weight_decay=0.01)
    checkpoint, first = work / "diart.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        modules.load_state_dict(state["modules"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    batches, means, begun = Batches(stock, 7000 + first), [1.0, 4.0, 0.0], time.monotonic()
    for step in range(first, steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50) * (0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2)
        sound, activity, who = batches.make()
        segmented = segmentation_loss(segmentation(sound), activity)
        told_apart, right = voice_loss(embedding, voices, sound, activity, who)
        optimizer.zero_grad()
        (segmented + 0.2 * told_apart).backward()
        nn.utils.clip_grad_norm_(modules.parameters(), 1.0)
        optimizer.step()
        means = [
            0.97 * mean + 0.03 * new
            for mean, new in zip(means, (segmented.item(), told_apart.item(), right), strict=True)
        ]
        if (step + 1) % 25 == 0:
            took = time.monotonic() - begun
            print(f"{step + 1:5d} {took:6.0f} s  {means[0]:.3f}  voices {means[1]:.3f} {means[2]:.2f}", flush=True)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            torch.save(
                {"modules": modules.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, checkpoint
            )


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the files that voices.py wrote")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    options = parser.parse_args()
    train(options.work, options.steps, options.rate)


if __name__ == "__main__":
    main()
