"""Units of words that belong together, as a recognizer's pieces of one word do, and the sentence ends between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from surtitle.core.words import Word, join
from surtitle.text.joining import must_stay_together
from surtitle.text.sentences import ends_sentence, is_number


def are_joined(before: Word, after: Word) -> bool:
    """Whether two words belong together, so that no line and no caption may end between them."""
    return must_stay_together(before.text, after.text, spaced=after.spaced)


def units(words: Sequence[Word]) -> list[list[Word]]:
    """The words in groups within which no line may end, such as "10" and ",000"."""
    found = [[word] for word in words[:1]]
    for before, word in pairwise(words):
        if are_joined(before, word):
            found[-1].append(word)
        else:
            found.append([word])
    return found


def whole_words(words: Sequence[Word]) -> list[Word]:
    """The words with the pieces that follow without a space, such as "," and "'s", joined to the word they belong to.

    A joined word has the lowest probability of its pieces.
    """
    found: list[Word] = []
    for before, word in zip([None, *words], words, strict=False):
        if before is not None and not word.spaced and are_joined(before, word):
            start = found[-1]
            probability = min(start.probability, word.probability)
            found[-1] = replace(start, text=start.text + word.text, end=word.end, probability=probability)
        else:
            found.append(word)
    return found


def can_break(words: Sequence[Word], count: int) -> bool:
    """Whether a line or a caption may end after the first ``count`` words."""
    return not 0 < count < len(words) or not are_joined(words[count - 1], words[count])


def ends_sentence_at(
    words: Sequence[Word], count: int, language: str | None = None, following: str | None = None
) -> bool:
    """Whether a sentence ends after the first ``count`` words.

    ``following`` is the text after all of ``words``: None if it is not known yet, "" if nothing follows.
    """
    if not 0 < count <= len(words) or not can_break(words, count):
        return False
    first = count - 1
    while first > 0 and are_joined(words[first - 1], words[first]):
        first -= 1
    if first > 0 and (is_number(words[first - 1].text) or words[first - 1].text[:1].isupper()):
        first -= 1  # "5 min.", "Main St."
    if count < len(words):
        after = count + 1
        while after < len(words) and are_joined(words[after - 1], words[after]):
            after += 1
        following = join(words[count:after])
    return ends_sentence(join(words[first:count]), following, language)
