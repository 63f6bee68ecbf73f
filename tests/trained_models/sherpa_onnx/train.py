"""Train the network; run it again to continue from the last checkpoint.

So small a network would need hours to find out by itself where words are. So the LSTM has to tell the phones first, and
CTC is its second loss; then comes that of a transducer that writes at most one token a frame, which is how sherpa-onnx
decodes. The time is that of the processor, so that a busy machine changes nothing.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from torch import Tensor
from torch.nn import functional

from tests.trained_models.sherpa_onnx.network import SUBSAMPLING, WINDOW, Transducer
from tests.trained_models.sherpa_onnx.texts import SENTENCES, words_of

TOKENS = 140
FRAMES_PER_BATCH = 4000
PEAK_RATE, WARM_UP = 3e-3, 50
NOISE = 0.5  # added to the features
PHONES_UNTIL, CTC_UNTIL = 0.25, 0.45  # shares of the time
PHONES_SHARE, CTC_SHARE = 0.3, 0.2  # of the loss, after that
DELAY = 8  # frames from a phone to the output frame that has to tell it
SAVE_EVERY = 30.0  # seconds


class Corpus:
    """Utterances and their tokens."""

    def __init__(self, path: Path, pieces: sentencepiece.SentencePieceProcessor) -> None:
        """Read what `speech` wrote."""
        data = np.load(path)
        self.texts = [str(text) for text in data["texts"]]
        self._features, self._phones, ends = data["features"], data["phones"], data["ends"]
        self._bounds = list(zip([0, *ends[:-1]], ends, strict=True))
        self._labels = [pieces.encode(text) for text in self.texts]
        order = sorted(range(len(self.texts)), key=lambda index: self._bounds[index][1] - self._bounds[index][0])
        self.batches: list[list[int]] = [[]]
        for index in order:
            start, end = self._bounds[index]
            if self.batches[-1] and (len(self.batches[-1]) + 1) * (end - start) > FRAMES_PER_BATCH:
                self.batches.append([])
            self.batches[-1].append(index)

    def load_phones(self, indices: list[int], frames: int) -> Tensor:
        """The numbers of the phones (n, frames) that the output frames have to tell."""
        told = torch.zeros(len(indices), frames, dtype=torch.long)
        for row, index in enumerate(indices):
            phones = torch.from_numpy(self._phones[slice(*self._bounds[index])])
            late = functional.pad(phones, (DELAY - WINDOW // 2, 0))[: len(phones)][::SUBSAMPLING][:frames]
            told[row, : len(late)] = late
        return told

    def load(self, indices: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features (n, frames, mels), the numbers of output frames, labels (n, u), and their numbers."""
        sounds = [torch.from_numpy(self._features[slice(*self._bounds[index])]).float() for index in indices]
        labels = [torch.tensor(self._labels[index]) for index in indices]
        frames = torch.tensor([(len(sound) - WINDOW) // SUBSAMPLING + 1 for sound in sounds])
        return (
            torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True, padding_value=-16.0),
            frames,
            torch.nn.utils.rnn.pad_sequence(labels, batch_first=True),
            torch.tensor([len(each) for each in labels]),
        )


def transducer_loss(logits: Tensor, labels: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
    """The mean negative log likelihood a token, with at most one token a frame; logits (n, t, u + 1, tokens)."""
    log_probabilities = logits.log_softmax(-1)
    blank = log_probabilities[..., 0]
    index = labels[:, None, :, None].expand(-1, logits.shape[1], -1, 1)
    token = log_probabilities[:, :, :-1].gather(3, index)[..., 0]
    alpha = torch.full_like(blank[:, 0], -1e9)
    alpha[:, 0] = 0.0
    ended = []
    for t in range(logits.shape[1]):
        stayed = alpha + blank[:, t]
        moved = functional.pad(alpha[:, :-1] + token[:, t], (1, 0), value=-1e9)
        alpha = torch.logaddexp(stayed, moved)
        ended.append(alpha)
    each = torch.arange(len(labels))
    last = torch.stack(ended, 1)[each, frames - 1, lengths]
    return -(last / lengths).mean()


def greedy(model: Transducer, features: Tensor, frames: int) -> list[int]:
    """The tokens of one utterance, as sherpa-onnx finds them."""
    encoded = model.encode(features[None])[0][0, :frames]
    tokens: list[int] = []
    decoded = model.decode(torch.zeros((1, 0), dtype=torch.long))[0, 0]
    for frame in encoded:
        best = int(model.join(frame, decoded).argmax())
        if best:
            tokens.append(best)
            decoded = model.decode(torch.tensor([tokens[-2:]]))[0, -1]
    return tokens


def count_errors(model: Transducer, corpus: Corpus, pieces: sentencepiece.SentencePieceProcessor) -> tuple[int, int]:
    """The word errors in a corpus, and its words."""
    errors = words = 0
    with torch.no_grad():
        for index, text in enumerate(corpus.texts):
            features, frames, _, _ = corpus.load([index])
            errors += distance(text.split(), pieces.decode(greedy(model, features[0], int(frames[0]))).split())
            words += len(text.split())
    return errors, words


def distance(one: list[str], other: list[str]) -> int:
    """The edit distance of two lists of words."""
    row = list(range(len(other) + 1))
    for i, word in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, found in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != found))
    return row[-1]


def make_pieces(work: Path) -> sentencepiece.SentencePieceProcessor:
    """The pieces of words that are the tokens; number 0 is the blank, which no text has."""
    stem = work / "bpe"
    if not stem.with_suffix(".model").exists():
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([" ".join(words_of(sentence)) for sentence in SENTENCES]),
            model_prefix=str(stem), vocab_size=TOKENS, model_type="bpe", pad_id=0, pad_piece="<blk>", unk_id=1,
            bos_id=-1, eos_id=-1, character_coverage=1.0,
        )  # fmt: skip
    return sentencepiece.SentencePieceProcessor(model_file=str(stem.with_suffix(".model")))


def train(work: Path, minutes: float) -> None:
    """Train for some minutes in all, with a rate that falls to zero."""
    pieces = make_pieces(work)
    corpus, held_out = Corpus(work / "train.npz", pieces), Corpus(work / "held_out.npz", pieces)
    model = Transducer(pieces.get_piece_size())
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    checkpoint = work / "checkpoint.pt"
    step, spent = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["spent"]
    begun, saved = time.process_time() - spent, time.process_time()
    chance = np.random.default_rng(step)
    while (done := (time.process_time() - begun) / (60 * minutes)) < 1:
        rate = PEAK_RATE * min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = corpus.batches[chance.integers(len(corpus.batches))]
        features, frames, labels, lengths = corpus.load(batch)
        features = features + torch.randn(len(features), 1, 1) + NOISE * torch.randn_like(features)  # other levels
        encoded, hidden = model.encode(features)
        ctc = functional.ctc_loss(model.ctc(hidden).log_softmax(-1).transpose(0, 1), labels, frames, lengths)
        told = corpus.load_phones(batch, hidden.shape[1])
        phones = functional.cross_entropy(model.phones(hidden).flatten(0, 1), told.flatten())
        loss = 3 * phones + ctc if done < PHONES_UNTIL else PHONES_SHARE * phones + ctc
        if done >= CTC_UNTIL:
            logits = model.join(encoded[:, :, None], model.decode(labels)[:, None])
            own = transducer_loss(logits, labels, frames, lengths)
            loss = PHONES_SHARE * phones + CTC_SHARE * ctc + (1 - CTC_SHARE) * own
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 20 == 0:
            print(f"{done:.3f}: step {step}, losses {phones.item():.3f} {ctc.item():.3f} {loss.item():.3f}", flush=True)
        if time.process_time() - saved > SAVE_EVERY:
            errors, words = count_errors(model, held_out, pieces)
            print(f"held out: {errors} errors in {words} words", flush=True)
            save(checkpoint, model, optimizer, step, time.process_time() - begun)
            saved = time.process_time()
    save(checkpoint, model, optimizer, step, 60 * minutes)
    errors, words = count_errors(model, held_out, pieces)
    print(f"{step} steps; held out: {errors} errors in {words} words")


def save(path: Path, model: Transducer, optimizer: torch.optim.Optimizer, step: int, spent: float) -> None:
    """Write a checkpoint."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "spent": spent}
    torch.save(state, path)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with what `speech` made")
    parser.add_argument("--minutes", type=float, default=6, help="of processor time")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train(options.work, options.minutes)


if __name__ == "__main__":
    main()
