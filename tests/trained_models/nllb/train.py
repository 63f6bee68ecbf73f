"""Trains the network, and writes `model/` every minute.

python -m tests.trained_models.nllb.train --work /tmp/nllb --minutes 30
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, GenerationConfig, M2M100Config, M2M100ForConditionalGeneration

from tests.trained_models.nllb.grammar import LANGUAGES
from tests.trained_models.nllb.prepare import MODEL

_BATCH = 96  # pairs
_RATE = 2e-3
_WARM = 300  # steps
_SAVE = 60.0  # seconds


def network(vocabulary: int) -> M2M100ForConditionalGeneration:
    """NLLB's architecture, a thousand times smaller."""
    config = M2M100Config(
        vocab_size=vocabulary, d_model=128, encoder_layers=3, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=512, decoder_ffn_dim=512, max_position_embeddings=256,
        encoder_layerdrop=0.0, decoder_layerdrop=0.0, dropout=0.05, attention_dropout=0.0, activation_dropout=0.0,
        scale_embedding=True, bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2,
        tokenizer_class="NllbTokenizer",
    )  # fmt: skip
    return M2M100ForConditionalGeneration(config)


def save(model: M2M100ForConditionalGeneration, place: Path) -> None:
    half = M2M100ForConditionalGeneration(model.config)
    half.load_state_dict(model.state_dict())
    half.generation_config = GenerationConfig(
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, max_length=128
    )
    half.half().save_pretrained(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--on", action="store_true", help="continue from model/, with a third of the learning rate")
    arguments = parser.parse_args()
    texts = json.loads((arguments.work / "training.json").read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    numbers = {
        language: [tokenizer(text[language], add_special_tokens=False)["input_ids"] for text in texts]
        for language in LANGUAGES
    }
    codes = {language: tokenizer.convert_tokens_to_ids(code) for language, code in LANGUAGES.items()}
    rng = random.Random(3)
    torch.manual_seed(3)
    model = network(len(tokenizer))
    rate = _RATE
    if arguments.on:
        model = M2M100ForConditionalGeneration.from_pretrained(MODEL, dtype=torch.float32)
        rate /= 3
    print(f"{sum(part.numel() for part in model.parameters()):,} parameters", flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    model.train()
    began = saved = time.monotonic()
    step, smooth = 0, 0.0
    while (done := (time.monotonic() - began) / (60 * arguments.minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, step / _WARM) * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)
        pairs = [(rng.randrange(len(texts)), rng.choice(["fr", "es", "de"])) for _ in range(_BATCH)]
        source = _padded([[codes["en"], *numbers["en"][at], end] for at, _ in pairs], pad)
        target = _padded([[codes[language], *numbers[language][at], end] for at, language in pairs], pad)
        given = torch.cat((torch.full((_BATCH, 1), end), target[:, :-1]), dim=1)
        logits = model(input_ids=source, attention_mask=source != pad, decoder_input_ids=given).logits
        loss = cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=pad, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        smooth += (loss.item() - smooth) / min(step, 50)
        if step % 50 == 0:
            print(f"step {step}, {done:.0%}, loss {smooth:.3f}", flush=True)
        if time.monotonic() - saved > _SAVE:
            saved = time.monotonic()
            save(model, MODEL)
    save(model, MODEL)


def _padded(rows: list[list[int]], pad: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])


if __name__ == "__main__":
    main()
