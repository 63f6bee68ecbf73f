"""Train the network; run it again to continue from the last checkpoint.

The loss is the model's own: binary cross entropy, half against the speakers in the order of their
arrival and a little against the order that fits best. So small a network would need days to find
out by it that voices differ and what an order is. So there are two more losses: half way up, the
encoder has to say for each frame who of all that speak in the corpus speaks there, and at its end
how many have spoken until then. In the last part of the training the windows are long and come in chunks,
with the cache of speakers and the queue before them, as when the model is used.
"""

import argparse
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from nemo.collections.asr.models import SortformerEncLabelModel
from nemo.collections.asr.parts.utils.asr_multispeaker_utils import get_ats_targets, get_pil_targets
from torch import Tensor, nn
from torch.nn import functional

from tests.trained_models.sortformer.dialogues import MOST_SPEAKERS, Dialogue, Stock, Writer
from tests.trained_models.sortformer.network import TRANSFORMER_WIDTH, WIDTH, fresh

FIRST_SPEAKERS = {1: 0.15, 2: 0.7, 3: 0.15}
SPEAKERS = {1: 0.08, 2: 0.38, 3: 0.29, 4: 0.25}
FEW_UNTIL = 0.12
SOUND_PER_BATCH_S = 96
SHORT_S, MIDDLE_S, LONG_S = (6, 8, 12), (8, 12, 16, 24), (24, 36)
MIDDLE_FROM, LONG_FROM = 0.4, 0.8
STREAMED_SHARE = 0.7
WEIGHTS = {"ats": 0.9, "pil": 0.1, "who": 0.2, "count": 0.3}
WHO_LAYER = 2
WARM_UP = 100
SAVE_EVERY_S = 120.0
NOBODY, SEVERAL = 0, -100


@dataclass
class Batch:
    """Dialogues of one length."""

    sound: Tensor
    activity: Tensor
    who: Tensor
    count: Tensor


class Batches:
    """Makes batches at random."""

    def __init__(self, stock: Stock, seed: int) -> None:
        """Make them of this stock's sentences."""
        self._writer = Writer(stock, seed)
        self._chance = random.Random(seed)
        self._ids = {name: number for number, name in enumerate(stock.by_speaker, 1)}

    def _who(self, dialogue: Dialogue, activity: np.ndarray) -> np.ndarray:
        """Return for each frame whose voice it is."""
        ids = np.array([self._ids[name] for name in dialogue.speakers()] or [NOBODY])
        several = activity.sum(1) > 1
        who = np.where(activity.any(1), ids[activity[:, : len(ids)].argmax(1)], NOBODY)
        return np.where(several, SEVERAL, who)

    def make(self, done: float) -> Batch:
        """Return a batch of dialogues of one length, when this share of the training is done."""
        made = []
        length_s = self._chance.choice(SHORT_S if done < MIDDLE_FROM else MIDDLE_S if done < LONG_FROM else LONG_S)
        shares = FIRST_SPEAKERS if done < FEW_UNTIL else SPEAKERS
        for _ in range(max(1, SOUND_PER_BATCH_S // length_s)):
            count = self._chance.choices([*shares], [*shares.values()])[0]
            made.append(self._writer.dialogue(length_s, self._writer.cast(count)))
        activity = [dialogue.activity() for dialogue in made]
        who = [self._who(dialogue, frames) for dialogue, frames in zip(made, activity, strict=True)]
        return Batch(
            torch.from_numpy(np.stack([dialogue.sound for dialogue in made])),
            torch.from_numpy(np.stack(activity)),
            torch.from_numpy(np.stack(who)),
            torch.from_numpy(np.stack([np.maximum.accumulate(frames).sum(1) for frames in activity])).long(),
        )


class Heads(nn.Module):
    """What the encoder is asked beside the model's own question."""

    def __init__(self, model: SortformerEncLabelModel, speakers: int) -> None:
        """Listen to a layer of the model's encoder."""
        super().__init__()
        self.who = nn.Linear(WIDTH, speakers + 1)
        self.count = nn.Linear(TRANSFORMER_WIDTH, MOST_SPEAKERS + 1)
        self.seen: list[Tensor] = []
        model.encoder.layers[WHO_LAYER].register_forward_hook(lambda layer, args, out: self._keep(out))

    def _keep(self, output: Tensor | tuple[Tensor, ...]) -> None:
        self.seen = [output if isinstance(output, Tensor) else output[0]]


def losses(model: SortformerEncLabelModel, heads: Heads, batch: Batch, streamed: bool) -> dict[str, Tensor]:
    """Return the parts of the loss."""
    lengths = torch.full((len(batch.sound),), batch.sound.shape[1])
    with torch.no_grad():
        mels, frames = model.preprocessor(input_signal=batch.sound, length=lengths)
    mels = mels[:, :, : int(frames.max())]
    parts: dict[str, Tensor] = {}
    if streamed:
        chosen = random.choice((62, 94, 124))
        modules = model.sortformer_modules
        modules.chunk_len = modules.spkcache_update_period = chosen
        modules.fifo_len = random.choice((0, chosen))
        modules.spkcache_len = random.choice((94, 188))
        predicted = model.forward_streaming(mels, frames)
    else:
        encoded, frames = model.frontend_encoder(processed_signal=mels, processed_signal_length=frames)
        predicted = model.forward_infer(encoded, frames)
        frames = batch.who.shape[1]
        who, counted = heads.who(heads.seen[0])[:, :frames], heads.count(encoded)[:, :frames]
        parts["who"] = functional.cross_entropy(who.flatten(0, 1), batch.who.flatten(), ignore_index=SEVERAL)
        parts["count"] = functional.cross_entropy(counted.flatten(0, 1), batch.count.flatten())
    count = min(predicted.shape[1], batch.activity.shape[1])
    predicted, activity = predicted[:, :count], batch.activity[:, :count]
    lengths = torch.full((len(predicted),), count)
    orders = model.speaker_permutations
    for name, targets in (("ats", get_ats_targets), ("pil", get_pil_targets)):
        labels = targets(activity.clone(), predicted.detach(), speaker_permutations=orders)
        parts[name] = model.loss(probs=predicted, labels=labels, target_lens=lengths)
    return parts


def steps(begun_s: float, minutes: float) -> Iterator[float]:
    """Yield the share of the time that is over, until all is."""
    begun = time.monotonic()
    while (done := (begun_s + time.monotonic() - begun) / (60 * minutes)) < 1:
        yield done


def train(work: Path, minutes: float, highest_rate: float, frozen_from: float) -> None:
    """Train for some minutes in all; from some share of them on, the convolutions stay as they are."""
    stock = Stock.read(work / "train")
    model = fresh().train()
    heads = Heads(model, len(stock.by_speaker))
    parameters = [one for one in (*model.parameters(), *heads.parameters()) if one.requires_grad]
    optimiser = torch.optim.AdamW(parameters, betas=(0.9, 0.98), weight_decay=0.01)
    step, spent_s = 0, 0.0
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        heads.load_state_dict(state["heads"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent_s = state["step"], state["spent_s"]

    def save(spent_s: float) -> None:
        state = {"model": model.state_dict(), "heads": heads.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save(state | {"step": step, "spent_s": spent_s}, checkpoint.with_suffix(".part"))
        checkpoint.with_suffix(".part").rename(checkpoint)

    batches = Batches(stock, 1000 + step)
    random.seed(step)
    means: dict[str, float] = {}
    saved_s = spent_s
    for done in steps(spent_s, minutes):
        streamed = done >= LONG_FROM and random.random() < STREAMED_SHARE
        model.encoder.pre_encode.requires_grad_(done < frozen_from)
        rate = highest_rate * min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)
        for group in optimiser.param_groups:
            group["lr"] = rate
        parts = losses(model, heads, batches.make(done), streamed)
        loss = sum(WEIGHTS[name] * part for name, part in parts.items())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        for name, part in parts.items():
            means[name] = means.get(name, part.item()) * 0.97 + 0.03 * part.item()
        if step % 25 == 0:
            line = "  ".join(f"{name} {mean:.3f}" for name, mean in means.items())
            print(f"{step:6d}  {done * minutes:5.1f} min  {rate:.5f}  {line}", flush=True)
        if done * minutes * 60 - saved_s > SAVE_EVERY_S:
            saved_s = done * minutes * 60
            save(saved_s)
    save(minutes * 60)


def main() -> None:
    """Train, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of voices.py's files")
    parser.add_argument("--minutes", type=float, default=62.0, help="in all, over every run")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="the highest learning rate")
    parser.add_argument("--frozen-from", type=float, default=0.25, help="the share after which convolutions are done")
    options = parser.parse_args()
    train(options.work, options.minutes, options.rate, options.frozen_from)


if __name__ == "__main__":
    main()
