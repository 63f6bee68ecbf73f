"""The texts that are spoken: the sentences of ``sentences.txt``, and their words in other orders."""

import random
import re
from pathlib import Path

SENTENCES = Path(__file__).with_name("sentences.txt").read_text().splitlines()
HELD_OUT = 40


def words_of(sentence: str) -> list[str]:
    """The words of a sentence in lower case, without punctuation."""
    return re.findall(r"[a-z']+", sentence.lower())


def recombine(chance: random.Random) -> str:
    """A text of spans of words from several sentences, with each of which it agrees for one to four words."""
    words: list[str] = []
    for _ in range(chance.randint(1, 4)):
        source = words_of(chance.choice(SENTENCES))
        length = chance.randint(1, min(4, len(source)))
        start = chance.randrange(len(source) - length + 1)
        words += source[start : start + length]
    return " ".join(words)


def held_out() -> list[str]:
    """Texts that are only measured with: 40 new combinations of at least five words."""
    chance = random.Random("held out")
    texts: list[str] = []
    while len(texts) < HELD_OUT:
        text = recombine(chance)
        if 5 <= len(text.split()) <= 12:
            texts.append(text)
    return texts


def training_texts(count: int, chance: random.Random) -> list[str]:
    """Texts to train with: a third are whole sentences, and none is held out."""
    excluded = set(held_out())
    texts: list[str] = []
    while len(texts) < count:
        text = " ".join(words_of(chance.choice(SENTENCES))) if chance.random() < 1 / 3 else recombine(chance)
        if text not in excluded:
            texts.append(text)
    return texts
