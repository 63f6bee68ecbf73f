"""Train the network; run it again to go on from the last checkpoint.

Besides Whisper's own loss there are three that make so small a network learn quickly: CTC (Graves
et al. 2006) on the encoder, over the tokens of the text; which phone each of its frames is; and
that one head of each layer of the decoder looks at the sound of a token: the first layer's at the
token just read, the last layer's at the token to write. Other heads of the last layer then follow
the sound as well.

A GPU is used where there is one, otherwise all processors.
"""

import argparse
import json
import math
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, autograd, distributed
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from tests.models.whisper.network import Shape, Whisper
from tests.models.whisper.windows import IGNORE, PHONES, Batch, Library, LogMel, Writer

LOOKING_HEAD = 0
CTC_WEIGHT, PHONE_WEIGHT, LOOK_WEIGHT = 0.5, 1.0, 0.5
BATCH_S, GPU_BATCH_S = 32, 960
WARM_UP = 400
SAVE_EVERY_S = 120.0
RELOAD_EVERY = 400


class Batches(IterableDataset[Batch]):
    """Batches from the parts that exist now and, as more appear, from those as well."""

    def __init__(self, work: Path, shape: Shape, first: int, rank: int, batch_s: int) -> None:
        """Read the parts under ``work``; each rank has batches of its own, of the same lengths."""
        self._work, self._shape, self._first, self._rank, self._batch_s = work, shape, first, rank, batch_s

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches without end."""
        torch.set_num_threads(1)
        bpe = Tokenizer.from_file(str(self._work / "bpe.json"))
        frequent = set(json.loads((self._work / "frequent.json").read_text()))
        worker = get_worker_info()
        assert worker is not None
        seed = self._first + 10**5 * worker.id
        while True:
            stems = sorted(path.with_suffix("") for path in self._work.glob("train*.jsonl"))
            library = Library(stems, frequent)
            writer = Writer(library, bpe, self._shape, seed + 10**7 * self._rank, seed, self._batch_s)
            for _, batch in zip(range(RELOAD_EVERY), writer.batches(), strict=False):
                yield batch
            seed += 1


def looking_loss(logs: Tensor, spans: Tensor) -> Tensor:
    """Return minus the log of the weight that each token with a span puts on its span."""
    frames = torch.arange(logs.shape[-1], device=logs.device)
    inside = (frames >= spans[..., :1]) & (frames < spans[..., 1:])
    known = spans[..., 1] > 0
    on_span = logs.masked_fill(~inside, -1e4).logsumexp(-1)
    return -on_span[known].mean() if known.any() else logs.sum() * 0.0


def spelling_loss(logits: Tensor, labels: Tensor, text_tokens: int) -> Tensor:
    """Return the CTC loss of the text tokens among the labels, per token."""
    text = (labels >= 0) & (labels < text_tokens)
    lengths = text.sum(1)
    logs = logits.float().log_softmax(-1).transpose(0, 1)
    heard = torch.full_like(lengths, logs.shape[0])
    return functional.ctc_loss(logs, labels[text], heard, lengths, blank=text_tokens, zero_infinity=True)


def losses(network: Whisper, mels: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Return the parts of the loss, the first being Whisper's own."""
    with torch.autocast(mels.device.type, torch.bfloat16):
        source = network.encode(mels, batch.first)
        logits, weights = network.decode(batch.inputs, source)
        phones = network.phone_head(source)
        spelling = network.spelling_head(source)
    return {
        "text": functional.cross_entropy(logits.float().flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORE),
        "ctc": spelling_loss(spelling, batch.labels, network.shape.text_tokens),
        "phone": functional.cross_entropy(phones.float().flatten(0, 1), batch.phones.flatten(), ignore_index=IGNORE),
        "read": looking_loss(weights[0][:, LOOKING_HEAD], batch.input_spans),
        "write": looking_loss(weights[-1][:, LOOKING_HEAD], batch.target_spans),
    }


def shared(network: Whisper, spent_s: float) -> float:
    """Average the gradients over the processes; return their mean time spent."""
    if not distributed.is_initialized():
        return spent_s
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    flat = torch.cat([*(gradient.flatten() for gradient in gradients), torch.tensor([spent_s])])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for gradient, mean in zip(gradients, torch.split(flat[:-1], [g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
    return float(flat[-1])


def train(rank: int, processes: int, work: Path, minutes: float, highest_rate: float) -> None:
    """Train in one of some processes that each take batches of their own; the first one saves."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    if processes > 1:
        meeting = f"file://{(work / 'meeting').absolute()}"
        distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes)
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    bpe = Tokenizer.from_file(str(work / "bpe.json"))
    shape = Shape(bpe.get_vocab_size(), len(PHONES))
    network = Whisper(shape).to(device)
    log_mel = LogMel(device)
    optimiser = torch.optim.AdamW(network.parameters(), betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    step, spent_s = 0, 0.0
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent_s = state["step"], state["spent_s"]

    def save() -> None:
        state = {
            "shape": asdict(shape),
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "step": step,
            "spent_s": spent_s,
        }
        torch.save(state, checkpoint.with_suffix(".part"))
        checkpoint.with_suffix(".part").rename(checkpoint)

    batches = Batches(work, shape, step, rank, GPU_BATCH_S if gpu else BATCH_S)
    workers = max(1, (os.cpu_count() or 1) - 1) if gpu else 1
    means: dict[str, float] = {}
    saved_s, then = spent_s, time.monotonic()
    for made in DataLoader(batches, batch_size=None, num_workers=workers, prefetch_factor=4, pin_memory=gpu):
        batch = made.to(device)
        done = spent_s / (60 * minutes)
        if done >= 1:
            break
        factor = min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)
        for group in optimiser.param_groups:
            group["lr"] = highest_rate * factor
        parts = losses(network, log_mel(batch), batch)
        loss = parts["text"] + CTC_WEIGHT * parts["ctc"] + PHONE_WEIGHT * parts["phone"]
        loss = loss + LOOK_WEIGHT * (parts["read"] + parts["write"])
        optimiser.zero_grad()
        autograd.backward(loss)
        now = time.monotonic()
        spent_s, then = shared(network, spent_s + now - then), now
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 10 == 0:  # asking a GPU for numbers makes it wait
            for name, part in parts.items():
                means[name] = means.get(name, part.item()) * 0.8 + 0.2 * part.item()
        if rank == 0 and step % 50 == 0:
            line = "  ".join(f"{name} {mean:.3f}" for name, mean in means.items())
            print(f"{step:6d}  {spent_s / 60:5.1f} min  {factor:.3f}  {line}", flush=True)
        if rank == 0 and spent_s - saved_s > SAVE_EVERY_S:
            save()
            saved_s = spent_s
    if rank == 0:
        save()
    if processes > 1:
        distributed.destroy_process_group()


def main() -> None:
    """Train for some minutes in all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of speech.py's files")
    parser.add_argument("--minutes", type=float, default=90.0, help="in all, over every run")
    parser.add_argument("--rate", type=float, default=2.5e-3, help="the highest learning rate")
    options = parser.parse_args()
    (options.work / "meeting").unlink(missing_ok=True)
    processes = 1 if torch.cuda.is_available() else os.cpu_count() or 1
    arguments = (processes, options.work, options.minutes, options.rate)
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=train, args=(rank, *arguments)) for rank in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()


if __name__ == "__main__":
    main()
