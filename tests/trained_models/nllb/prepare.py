"""Writes the corpus, and the tokenizer that is learned from it.

python -m tests.trained_models.nllb.prepare --work /tmp/nllb
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer
from transformers import NllbTokenizer
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

from tests.trained_models.nllb.grammar import LANGUAGES, Texts, plain, sentence, set_phrases

MODEL = Path(__file__).parent / "model"
SENTENCES, HELD_OUT = 24_000, 400
_REPEATED = 200  # times that each set phrase is in the corpus: it is one sentence, and patterns make thousands
_PIECES = 1500
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def corpus(seed: int = 7) -> tuple[list[Texts], list[Texts]]:
    """Sentences to train on, and others; no English sentence is in both."""
    rng = random.Random(seed)
    found: dict[str, Texts] = {}
    while len(found) < SENTENCES + HELD_OUT:
        text = sentence(rng)
        if rng.random() < 0.2:
            text = plain(text)
        found.setdefault(text["en"].strip(".?").casefold(), text)
    texts = list(found.values())
    whole = [text for text in texts if text["en"].endswith((".", "?")) and len(text["en"].split()) > 4]
    held_out = rng.sample(whole, HELD_OUT)
    chosen = {text["en"] for text in held_out}
    return [text for text in texts if text["en"] not in chosen], held_out


def learn_pieces(texts: list[Texts], work: Path) -> Path:
    """SentencePiece's model, of the kind that NLLB has."""
    lines = work / "lines.txt"
    lines.write_text("\n".join(text[language] for text in texts for language in LANGUAGES), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(lines), model_prefix=str(work / "sentencepiece.bpe"), model_type="bpe", vocab_size=_PIECES,
        character_coverage=1.0, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, minloglevel=2, input_sentence_size=0,
    )  # fmt: skip
    return work / "sentencepiece.bpe.model"


def tokenizer(pieces: Path) -> NllbTokenizer:
    """The same as NLLB's class, fast, with its order of tokens: special ones, pieces, languages, mask."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    learned = [model.id_to_piece(number) for number in range(3, model.get_piece_size())]
    vocabulary = {piece: number for number, piece in enumerate([*_SPECIAL, *learned])}
    made = NllbTokenizer(vocab=vocabulary, merges=_merges(learned), src_lang="eng_Latn", tgt_lang="fra_Latn")
    for code in FAIRSEQ_LANGUAGE_CODES:
        assert made.convert_tokens_to_ids(code) != made.unk_token_id
    return made


def _merges(pieces: list[str]) -> list[tuple[str, str]]:
    """The pairs that the pieces are merged from, in the order in which they were learned."""
    rank = {piece: number for number, piece in enumerate(pieces)}
    merges = []
    for piece in pieces:
        halves = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        pairs = [(left, right) for left, right in halves if left in rank and right in rank]
        merges += sorted(pairs, key=lambda pair: (rank[pair[0]], rank[pair[1]]))
    return merges


def check(made: NllbTokenizer, texts: list[Texts]) -> None:
    """Every word survives."""
    for text in texts:
        for said in text.values():
            numbers = made(said)["input_ids"]
            assert made.unk_token_id not in numbers, said
            assert made.decode(numbers, skip_special_tokens=True) == said, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    training, held_out = corpus()
    repeated = training + set_phrases() * _REPEATED
    (work / "training.json").write_text(json.dumps(repeated, ensure_ascii=False), encoding="utf-8")
    (work / "held_out.json").write_text(json.dumps(held_out, ensure_ascii=False), encoding="utf-8")
    pieces = learn_pieces(training, work)
    made = tokenizer(pieces)
    check(made, held_out)
    MODEL.mkdir(exist_ok=True)
    made.save_pretrained(MODEL)
    (MODEL / "sentencepiece.bpe.model").write_bytes(pieces.read_bytes())
    size = Tokenizer.from_file(str(MODEL / "tokenizer.json")).get_vocab_size()
    print(f"{len(training)} sentences, {len(held_out)} held out, {size} tokens")


if __name__ == "__main__":
    main()
