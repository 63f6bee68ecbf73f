"""Everyday sentences, put together from the word lists in ``everyday.json``."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

EVERYDAY = Path(__file__).with_name("everyday.json")
SLOT = re.compile(r"<(\w+)>")


def everyday_sentences(lists: dict[str, list[str]], chance: random.Random) -> Iterator[str]:
    """Yield sentences made by filling the slots of randomly chosen patterns, without end."""
    while True:
        text = chance.choice(lists["sentence"])
        while slot := SLOT.search(text):
            text = text[: slot.start()] + chance.choice(lists[slot[1]]) + text[slot.end() :]
        yield text[0].upper() + text[1:]
