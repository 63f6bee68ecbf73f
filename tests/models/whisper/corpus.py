"""Collect plain English sentences and train the byte-level BPE vocabulary on them.

The text is the quoted example sentences in the glosses of WordNet 3.0 (Debian package
``wordnet-base``; Copyright 2006 by Princeton University, WordNet 3.0 licence: use, copying,
modification and distribution for any purpose and without fee, keeping the notice) and everyday
sentences put together from the word lists in ``everyday.json``, which are this project's own. Two
kinds made from both teach to listen instead of remembering: sentences in which frequent words took
the places of others, and words in any order.
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WORDNET = Path("/usr/share/wordnet")
EVERYDAY = Path(__file__).with_name("everyday.json")
EVERYDAY_SENTENCES, EVERYDAY_HELD_OUT, EVERYDAY_TIMES = 6000, 300, 4
PARTS = ("data.noun", "data.verb", "data.adj", "data.adv")
SHUFFLED_SENTENCES = 8000
REFILLED_SENTENCES, REFILLED_SHARE = 17000, 0.15
MIN_WORDS, MAX_WORDS = 3, 12
MAX_WORD_LETTERS = 14
HELD_OUT = 2000
FREQUENT_WORDS = 3000
BPE_SIZE = 768

SLOT = re.compile(r"<(\w+)>")
QUOTED = re.compile(r'"([^"]+)"')
WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
SPELLED = re.compile(r"[A-Z]{2,}|[B-HJ-Zb-z]|.*[a-z][A-Z].*")


def capitalised(text: str) -> str:
    """Return the text with a capital at its start; the other letters stay."""
    return text[0].upper() + text[1:]


def normalise(quote: str) -> str | None:
    """Return the quote as a sentence in Whisper's style, or None when it is not plain enough."""
    text = quote.strip()
    ending = "?" if text.endswith("?") else "."
    text = text.rstrip(".?!,; ").replace(",", "")
    words = text.split()
    if not MIN_WORDS <= len(words) <= MAX_WORDS:
        return None
    for word in words:
        if not WORD.fullmatch(word) or len(word) > MAX_WORD_LETTERS or SPELLED.fullmatch(word):
            return None
    text = " ".join(words)
    return capitalised(text) + ending


def wordnet_sentences(folder: Path) -> Iterator[str]:
    """Yield every usable example sentence, in the order of the files."""
    for part in PARTS:
        for line in (folder / part).read_text("ascii", "ignore").splitlines():
            for quote in QUOTED.findall(line.partition(" | ")[2]):
                sentence = normalise(quote)
                if sentence is not None:
                    yield sentence


def everyday_sentences(lists: dict[str, list[str]], chance: random.Random) -> Iterator[str]:
    """Yield sentences made by filling the slots of randomly chosen patterns, without end."""
    while True:
        text = chance.choice(lists["sentence"])
        while slot := SLOT.search(text):
            text = text[: slot.start()] + chance.choice(lists[slot[1]]) + text[slot.end() :]
        yield capitalised(text)


def words_of(sentence: str) -> list[str]:
    """Return the words in lower case, without punctuation."""
    return [word.lower() for word in WORD.findall(sentence)]


def frequent_words(sentences: list[str]) -> set[str]:
    """Return the corpus's most frequent words."""
    counts = Counter(word for sentence in sentences for word in words_of(sentence))
    return {word for word, _ in counts.most_common(FREQUENT_WORDS)}


def shuffled_sentences(sentences: list[str], chance: random.Random) -> Iterator[str]:
    """Yield strings of words from the sentences, every word as often as any other."""
    words = sorted({word.lower() for sentence in sentences for word in WORD.findall(sentence)})
    for _ in range(SHUFFLED_SENTENCES):
        text = " ".join(chance.choices(words, k=chance.randint(MIN_WORDS, MAX_WORDS)))
        yield capitalised(text) + "."


def refilled_sentences(sentences: list[str], frequent: set[str], chance: random.Random) -> Iterator[str]:
    """Yield each sentence with frequent words, every one as often as any other, for its rare and some other words."""
    words = sorted(frequent)

    def refilled(word: str) -> str:
        if word.lower() in frequent and chance.random() > REFILLED_SHARE:
            return word
        return chance.choice(words)

    for sentence in sentences:
        yield capitalised(WORD.sub(lambda found: refilled(found[0]), sentence))


def train_bpe(sentences: list[str]) -> Tokenizer:
    """Train byte-level BPE in which a leading space is always merged with what follows it.

    faster-whisper suppresses the first token of `` -``, `` '`` and `` ♪``; were that the bare
    space, no word outside the merges could be written.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_SIZE,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    letters = [chr(code) for code in (*range(65, 91), *range(97, 123))]
    joined = [f" {mark}" for mark in (*letters, "-", "'", "♪")]
    seeds = joined * len(sentences)
    tokenizer.train_from_iterator([*seeds, *(f" {line}" for line in sentences)], trainer)
    return tokenizer


def main() -> None:
    """Write ``train.txt``, ``held_out.txt``, ``everyday.txt``, ``frequent.json`` and ``bpe.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wordnet", type=Path, default=WORDNET)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)

    chance = random.Random(1)
    everyday = everyday_sentences(json.loads(EVERYDAY.read_text()), chance)
    by_key = {" ".join(words_of(line)): line for line in wordnet_sentences(options.wordnet)}
    wordnet_only = list(by_key.values())
    by_key |= {" ".join(words_of(line)): line for line in islice(everyday, EVERYDAY_SENTENCES)}
    sentences = list(by_key.values())
    chance.shuffle(wordnet_only)
    held_out = wordnet_only[:HELD_OUT]
    train = sorted(set(sentences) - set(held_out))
    frequent, bpe = frequent_words(train), train_bpe(train)
    wordnet = wordnet_only[HELD_OUT:]
    often = sorted(set(train) - set(wordnet))
    refilled = refilled_sentences(wordnet[:REFILLED_SENTENCES], frequent, chance)
    train += [*shuffled_sentences(train, chance), *refilled, *often * (EVERYDAY_TIMES - 1)]
    chance.shuffle(train)
    (options.work / "train.txt").write_text("\n".join(train) + "\n")
    (options.work / "held_out.txt").write_text("\n".join(held_out) + "\n")
    known = set(train)
    fresh = islice((line for line in everyday if line not in known), EVERYDAY_HELD_OUT)
    (options.work / "everyday.txt").write_text("\n".join(fresh) + "\n")
    (options.work / "frequent.json").write_text(json.dumps(sorted(frequent)))
    bpe.save(str(options.work / "bpe.json"))
    print(f"{len(train)} sentences to train on, {len(held_out)} held out")


if __name__ == "__main__":
    main()
